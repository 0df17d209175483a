/** A peer that says what it likes: it holds the keys of a connection, whose real end is silent. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientSecret, QuicSealer } from "../../test/support/quic-sealer.ts";
import {
  connected,
  type Network,
  type QuicEngineTraits,
  type Settings,
} from "./quic-engine-peers.contract.ts";

export class Forger {
  readonly network: Network;
  readonly #sealer: QuicSealer;

  /** In the name of the client of a new connection. */
  static async client(traits: QuicEngineTraits, settings: Settings = {}): Promise<Forger> {
    const folder = mkdtempSync(join(tmpdir(), "quic-forger-"));
    try {
      const keyLogPath = join(folder, "keys");
      const client = { ...settings.client, keyLogPath };
      const network = await connected(traits, { ...settings, client });
      assert.ok(existsSync(keyLogPath));
      return new Forger(network, clientSecret(keyLogPath));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  constructor(network: Network, secret: Buffer) {
    this.network = network;
    this.#sealer = new QuicSealer(secret);
  }

  /** One packet with these octets for frames reaches the server. `id`: one of the server's. */
  send(frames: Uint8Array, id: Buffer = this.network.serverId): void {
    this.network.toServer(this.seal(frames, id));
  }

  seal(frames: Uint8Array, id: Buffer): Buffer {
    return this.#sealer.seal(frames, id);
  }
}
