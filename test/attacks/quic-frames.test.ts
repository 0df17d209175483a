/**
 * QUIC: frames from a client that has a connection, and says what no client would. PATH_CHALLENGE without end
 * (CVE-2023-49295, CVE-2023-6193), CRYPTO with gaps (CVE-2024-1765), streams that come in single octets with gaps
 * between them (RFC 9000 section 21.7), IDs that retire each other (CVE-2024-1410).
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { CONNECTION_ID_BYTES } from "../../src/wire/quic/connection-id.ts";
import { AttackScene } from "../support/attack-scene.ts";
import type { CleanupScope } from "../support/gateway.ts";
import { H3Attacker } from "../support/h3-attacker.ts";
import { varint } from "../support/quic-initial.ts";
import { clientSecret, QuicSealer } from "../support/quic-sealer.ts";
import { suiteScope } from "../support/suite.ts";
import { UdpLine } from "../support/udp-line.ts";
import { pause, waitFor } from "../support/wait-for.ts";

/** Packets of an attack, and octets of frames in each: no budget bears so much. */
const PACKETS = 6000;
const FRAME_BYTES = 1200;

/** Gaps in one stream, well within its window. */
const HOLES = 8000;

/** Packets between two looks at the event loop, so that the bystander of the same process is served. */
const BURST = 20;

const scope = suiteScope();
let scene: AttackScene;

before(async () => {
  scene = await AttackScene.start(scope, { quic: {} });
});

/** A connection whose client has fallen silent, and whose keys somebody else has. */
class StolenConnection {
  readonly client: H3Attacker;
  readonly #line: UdpLine;
  readonly #sealer: QuicSealer;
  readonly #id: Buffer;

  static async open(scope: CleanupScope, name: string): Promise<StolenConnection> {
    const keyLogPath = join(scene.site.folder, `keys-${name}`);
    const line = await UdpLine.open(scope, scene.secure);
    let id: Buffer | undefined;
    line.passes = (from, bytes) => {
      // The ID of the gateway is in each short header.
      if (from === "client" && ((bytes[0] as number) & 0x80) === 0)
        id = Buffer.from(bytes.subarray(1, 1 + CONNECTION_ID_BYTES));
      return true;
    };
    const users = await scene.users(scope);
    const client = await users.raw(line.port, new H3Attacker(), { keyLogPath });
    client.control();
    assert.equal(await client.get(), "200");
    const serverId = await waitFor("the gateway's connection ID", () => id);
    line.passes = (from) => from === "gateway";
    return new StolenConnection(client, line, new QuicSealer(clientSecret(keyLogPath)), serverId);
  }

  private constructor(client: H3Attacker, line: UdpLine, sealer: QuicSealer, id: Buffer) {
    this.client = client;
    this.#line = line;
    this.#sealer = sealer;
    this.#id = id;
  }

  send(frames: Buffer): void {
    this.#line.deliver("client", this.#sealer.seal(frames, this.#id));
  }

  /** Sends packets that are full of frames until the gateway has had enough; says with what code. */
  async flood(make: (index: number) => Buffer): Promise<string> {
    let index = 0;
    for (let packet = 0; packet < PACKETS && this.client.closed === null; packet++) {
      const frames: Buffer[] = [];
      for (let octets = 0; octets < FRAME_BYTES;) {
        const frame = make(index++);
        octets += frame.length;
        frames.push(frame);
      }
      this.send(Buffer.concat(frames));
      if (packet % BURST === 0) await pause(1);
    }
    return await this.client.ended();
  }
}

/** RFC 9000 section 20.1. */
const PROTOCOL_VIOLATION = "transport 0xa";
const CRYPTO_BUFFER_EXCEEDED = "transport 0xd";

const BUDGET = { quic_budget_exceeded_total: 1 };

describe("QUIC frames of a client that means harm", { timeout: 240_000 }, () => {
  it("PATH_CHALLENGE without end is no more than a few answers, and ends the connection", async () => {
    await scene.withstands(
      async (attack) => {
        const stolen = await StolenConnection.open(attack, "challenges");
        const challenge = Buffer.alloc(9, 0x1a);
        const ended = await stolen.flood((index) => {
          challenge.writeUInt32BE(index, 1);
          return Buffer.from(challenge);
        });
        // Answers to challenges may leave no room for the gateway's last words.
        assert.ok([PROTOCOL_VIOLATION, "reset"].includes(ended), ended);
      },
      { counters: BUDGET },
    );
  });

  it("CRYPTO with gaps fills no memory, and ends the connection", async () => {
    await scene.withstands(async (attack) => {
      const stolen = await StolenConnection.open(attack, "crypto");
      const ended = await stolen.flood((index) =>
        Buffer.concat([Buffer.from([6]), varint(100_000 + index * 2000), varint(1), Buffer.from([1])]),
      );
      assert.ok([CRYPTO_BUFFER_EXCEEDED, PROTOCOL_VIOLATION].includes(ended), ended);
    });
  });

  it("streams of single octets with gaps fill no memory, and end the connection", async () => {
    await scene.withstands(
      async (attack) => {
        const stolen = await StolenConnection.open(attack, "holes");
        const ended = await stolen.flood((index) => {
          const id = 40 + 4 * Math.floor(index / HOLES);
          return Buffer.concat([
            Buffer.from([0x0e]),
            varint(id),
            varint(1 + (index % HOLES) * 2),
            varint(1),
            Buffer.from([1]),
          ]);
        });
        assert.equal(ended, PROTOCOL_VIOLATION);
      },
      { counters: BUDGET },
    );
  });

  it("PING without end is answered, and ends the connection", async () => {
    await scene.withstands(
      async (attack) => {
        const stolen = await StolenConnection.open(attack, "pings");
        assert.equal(await stolen.flood(() => Buffer.from([1])), PROTOCOL_VIOLATION);
      },
      { counters: BUDGET },
    );
  });

  it("connection IDs that retire all others at once end the connection", async () => {
    await scene.withstands(async (attack) => {
      const stolen = await StolenConnection.open(attack, "ids");
      const ended = await stolen.flood((index) =>
        Buffer.concat([
          Buffer.from([0x18]),
          varint(index + 1),
          varint(index + 1),
          Buffer.from([8]),
          Buffer.alloc(8, index),
          Buffer.alloc(16, index),
        ]),
      );
      // The gateway's last words go to an ID that the client knows nothing of.
      assert.match(ended, /^(transport 0x(9|a|7)|reset)$/);
    });
  });
});
