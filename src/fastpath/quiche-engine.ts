/**
 * `QuicEngine` on quiche 0.18, by the native binding of @matrixai/quic. Loaded when the first listener or
 * backend speaks QUIC. Its contract is `quic-engine.contract.ts`.
 */
import type { Quiche } from "@matrixai/quic/native/quiche.js";
import type { Connection } from "@matrixai/quic/native/types.js";
import { assert } from "../base/assert.ts";
import { MAX_CONNECTION_ID_BYTES } from "../wire/quic/packet-header.ts";
import type {
  QuicClientContext,
  QuicClientSettings,
  QuicConnectionEngine,
  QuicEngine,
  QuicServerContext,
  QuicServerIds,
  QuicServerSettings,
} from "./quic-engine.ts";
import { nativeAddon } from "./native-addon.ts";
import { loadQuiche } from "./quiche-binding.ts";
import { QuicheConnection } from "./quiche-connection.ts";
import { resetTokenOf } from "./quiche-ids.ts";
import { QuicheMemory } from "./quiche-memory.ts";
import {
  clientContext,
  type QuicheClientContext,
  type QuicheServerContext,
  serverContext,
} from "./quiche-context.ts";
import { recvInfoOf } from "./quiche-path.ts";
import { MAX_SERVER_ID_BYTES } from "./quiche-transport.ts";
import type { UdpPath } from "./udp.ts";

export type QuicEngineLoad =
  | { readonly kind: "loaded"; readonly engine: QuicEngine }
  | { readonly kind: "missing"; readonly reason: string };

/** The engine, or in one line why there is none on this machine. */
export async function loadQuicEngine(): Promise<QuicEngineLoad> {
  const load = await loadQuiche();
  if (load.kind === "missing") return load;
  const addon = nativeAddon();
  const memory = addon === null ? null : new QuicheMemory((bytes) => addon.adjustExternalMemory(bytes));
  return { kind: "loaded", engine: new QuicheEngine(load.quiche, memory) };
}

export class QuicheEngine implements QuicEngine {
  readonly name = "quiche 0.18.0";
  readonly versions: readonly number[];
  readonly #quiche: Quiche;
  readonly #memory: QuicheMemory | null;

  /** `memory`: `null` when V8 cannot be told. */
  constructor(quiche: Quiche, memory: QuicheMemory | null) {
    this.#quiche = quiche;
    this.#memory = memory;
    this.versions = [quiche.PROTOCOL_VERSION];
  }

  server(settings: QuicServerSettings): QuicServerContext {
    return serverContext(this.#quiche, settings);
  }

  client(settings: QuicClientSettings): QuicClientContext {
    return clientContext(this.#quiche, settings);
  }

  accept(context: QuicServerContext, ids: QuicServerIds, path: UdpPath): QuicConnectionEngine | null {
    const { config, rules } = context as QuicheServerContext;
    checkId(ids.scid, MAX_SERVER_ID_BYTES);
    if (ids.originalDcid !== null) checkId(ids.originalDcid, MAX_CONNECTION_ID_BYTES);
    const info = recvInfoOf(path);
    const { from, to } = info;
    // quiche copies it when the connection is made.
    config.setStatelessResetToken(resetTokenOf(ids.resetToken));
    const native = attempt(() =>
      this.#quiche.Connection.accept(ids.scid, ids.originalDcid, to, from, config),
    );
    if (native === null) return null;
    this.#memory?.hold(native);
    return new QuicheConnection({ quiche: this.#quiche, native, info, rules, remember: null });
  }

  connect(context: QuicClientContext, scid: Buffer, path: UdpPath): QuicConnectionEngine | null {
    const { config, rules, trust, sessions } = context as QuicheClientContext;
    checkId(scid, MAX_CONNECTION_ID_BYTES);
    const info = recvInfoOf(path);
    const { from, to } = info;
    const native = attempt(() => this.#quiche.Connection.connect(trust.serverName, scid, to, from, config));
    if (native === null) return null;
    this.#memory?.hold(native);
    const session = sessions?.of(path.remote);
    if (session !== undefined) native.setSession(session);
    const remember = (made: Uint8Array): void => sessions?.remember(path.remote, made);
    return new QuicheConnection({ quiche: this.#quiche, native, info, rules, remember });
  }
}

/** BoringSSL may refuse, or have no memory. */
function attempt(make: () => Connection): Connection | null {
  try {
    return make();
  } catch {
    return null;
  }
}

function checkId(id: Buffer, maxBytes: number): void {
  assert(id.length > 0 && id.length <= maxBytes, "a connection ID is empty or too long");
}
