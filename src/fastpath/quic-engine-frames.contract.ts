/**
 * The part of the QUIC contract about peers that hold the keys and say what they must not: whatever the
 * frames are, nothing throws and nothing aborts; a broken rule closes the connection with a transport error.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { Forger } from "./quic-engine-forger.contract.ts";
import { ask } from "./quic-engine-hostile.contract.ts";
import {
  ID_BYTES,
  namedTest,
  type QuicEngineTraits,
  read,
  RESET_TOKEN_BYTES,
  transportSettings,
} from "./quic-engine-peers.contract.ts";
import { StreamResult } from "./quic-engine.ts";

const RUNS = { numRuns: 150 };

/** A variable-length integer (RFC 9000 section 16), in the shortest form. */
function varint(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  if (value < 64n) return Buffer.from([Number(value)]);
  if (value < 16_384n) return Buffer.from([0x40 | Number(value >> 8n), Number(value & 0xffn)]);
  bytes.writeBigUInt64BE(value | (3n << 62n));
  return bytes;
}

/** A frame, or a part of one: numbers become variable-length integers. */
export function frame(...fields: readonly (number | bigint | Uint8Array)[]): Buffer {
  return Buffer.concat(fields.map((field) => (typeof field === "object" ? field : varint(BigInt(field)))));
}

const MAX_VARINT = 2n ** 62n - 1n;
const ID = Buffer.alloc(8, 7);
const TOKEN = Buffer.alloc(16, 9);

/** Frames that break a rule of RFC 9000, and the codes that may be told (section 20.1). */
const BROKEN: Readonly<Record<string, readonly [Buffer, readonly number[]]>> = {
  "an unknown frame": [frame(0x21, 0), [0x7, 0xa]],
  "no frame at all": [Buffer.alloc(0), [0xa]],
  "a frame that is cut": [frame(0x08), [0x7, 0xa]],
  "a stream beyond the limit": [frame(0x0a, 4 * 10_000, 1, Buffer.from("x")), [0x4]],
  "a stream with the highest ID": [frame(0x0a, MAX_VARINT - 3n, 1, Buffer.from("x")), [0x4, 0x5]],
  "a stream that only the server may open": [frame(0x0a, 1, 1, Buffer.from("x")), [0x5]],
  "octets beyond the stream's window": [frame(0x0e, 0, 200_000, 1, Buffer.from("x")), [0x3]],
  "octets beyond what an offset can be": [
    frame(0x0e, 0, MAX_VARINT, 4, Buffer.from("abcd")),
    [0x3, 0x7, 0xa],
  ],
  "a reset beyond the window": [frame(0x04, 0, 0, MAX_VARINT), [0x3]],
  "a stream whose end moves": [
    Buffer.concat([frame(0x0b, 0, 1, Buffer.from("x")), frame(0x0a, 0, 5, Buffer.from("12345"))]),
    [0x6],
  ],
  "credit for a stream of its own": [frame(0x11, 2, 100), [0x5]],
  "more streams than there are IDs": [frame(0x12, 2n ** 60n + 1n), [0x4, 0x7, 0xa]],
  "a retired ID that was never given": [frame(0x19, 99), [0xa]],
  "an ID that retires more than there is": [frame(0x18, 5, 6, Buffer.from([8]), ID, TOKEN), [0x7, 0xa]],
  "more IDs than there is room for": [
    Buffer.concat(
      [1, 2, 3, 4, 5, 6, 7, 8].map((seq) =>
        frame(0x18, seq, 0, Buffer.from([8]), Buffer.alloc(8, seq), Buffer.alloc(16, seq)),
      ),
    ),
    [0x9, 0xa],
  ],
  "the end of a handshake that only servers tell": [frame(0x1e), [0xa]],
  "datagrams that were not agreed on": [frame(0x31, 1, Buffer.from("x")), [0xa]],
};

/** Frames that change nothing, whatever they say. */
const HARMLESS: Readonly<Record<string, Buffer>> = {
  "an ACK of packets that were never sent": frame(0x02, 1_000_000, 0, 0, 900_000),
  "all credit that there can be": Buffer.concat([
    frame(0x10, MAX_VARINT),
    frame(0x12, 2n ** 60n),
    frame(0x13, 2n ** 60n),
  ]),
  "an answer to no challenge": frame(0x1b, Buffer.alloc(8, 1)),
  challenges: Buffer.concat(Array.from({ length: 100 }, (_, i) => frame(0x1a, Buffer.alloc(8, i)))),
  complaints: Buffer.concat([frame(0x14, MAX_VARINT), frame(0x16, 2n ** 60n), frame(0x15, 0, MAX_VARINT)]),
};

/** Any frame of RFC 9000 and RFC 9221, with fields of any size. */
const anyFrame = fc
  .tuple(
    fc.integer({ min: 0, max: 0x32 }),
    fc.array(fc.oneof(fc.bigInt({ min: 0n, max: 70n }), fc.bigInt({ min: 0n, max: MAX_VARINT })), {
      maxLength: 6,
    }),
    fc.uint8Array({ maxLength: 40 }),
  )
  .map(([type, fields, tail]) => frame(type, ...fields, tail));

export function testFrames(traits: QuicEngineTraits): void {
  const it = namedTest(traits);

  for (const [what, [frames, codes]] of Object.entries(BROKEN)) {
    it(`${what} closes the connection with a transport error`, async () => {
      const { network, send } = await forge(traits);
      send(frames);
      const reason = network.server.closeReason;
      assert.equal(reason?.by, "local");
      assert.equal(reason.application, false);
      assert.ok(codes.includes(reason.code), `code ${reason.code}`);
      assert.equal(network.server.draining, true);
      for (const packet of network.packetsOf(network.server)) network.toClient(packet);
      assert.equal(network.client.closeReason?.by, "peer");
      assert.equal(network.client.closeReason.code, reason.code);
    });
  }

  for (const [what, frames] of Object.entries(HARMLESS)) {
    it(`${what}: nothing happens`, async () => {
      const { network, send } = await forge(traits);
      for (let i = 0; i < 3; i++) {
        send(frames);
        ask(network.server);
      }
      assert.equal(network.server.closeReason, null);
      send(frame(0x0b, 0, 5, Buffer.from("still")));
      assert.equal(read(network.server, 0).bytes.toString(), "still");
    });
  }

  it("an ID that the peer has retired is told once", async () => {
    const { network, send } = await forge(traits);
    const id = randomBytes(ID_BYTES);
    assert.equal(network.server.offerConnectionId(id, randomBytes(RESET_TOKEN_BYTES)), true);
    ask(network.server);
    assert.equal(network.server.retiredConnectionId(), null);
    send(frame(0x19, 1));
    assert.deepEqual(network.server.retiredConnectionId(), id);
    assert.equal(network.server.retiredConnectionId(), null);
    assert.equal(network.server.closeReason, null);
  });

  it("a packet that comes late, for an ID that was retired, is dropped", async () => {
    const { network, send } = await forge(traits);
    const id = randomBytes(ID_BYTES);
    network.server.offerConnectionId(id, randomBytes(RESET_TOKEN_BYTES));
    ask(network.server);
    send(frame(0x19, 0), id);
    send(frame(0x0b, 0, 4, Buffer.from("late")));
    assert.equal(network.server.closeReason, null);
    assert.equal(network.server.hasReadable, false);
    send(frame(0x0b, 0, 4, Buffer.from("good")), id);
    assert.equal(read(network.server, 0).bytes.toString(), "good");
    assert.deepEqual(network.server.retiredConnectionId(), network.serverId);
  });

  it("frames of any kind with any fields neither throw nor abort", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { minLength: 1, maxLength: 8 }), async (frames) => {
        const { network, send } = await forge(traits);
        for (const each of frames) send(each);
        send(Buffer.concat(frames));
        ask(network.server);
        network.server.onTimeout();
        ask(network.server);
      }),
      RUNS,
    );
  });

  it("codes and sizes that no number holds exactly are told as the largest that one does", async () => {
    const { network, send } = await forge(traits);
    const { server } = network;
    send(Buffer.concat([frame(0x0a, 0, 1, Buffer.from("x")), frame(0x0a, 4, 1, Buffer.from("x"))]));
    send(frame(0x04, 0, MAX_VARINT, 1));
    assert.equal(read(server, 0).result, StreamResult.ended);
    assert.equal(server.streamCode, Number.MAX_SAFE_INTEGER);
    server.resetStream(0, server.streamCode);
    send(frame(0x05, 4, MAX_VARINT));
    assert.equal(server.streamCapacity(4), StreamResult.ended);
    assert.equal(server.streamCode, Number.MAX_SAFE_INTEGER);
    send(frame(0x12, 2n ** 60n));
    assert.ok(server.bidirectionalStreamsLeft() <= Number.MAX_SAFE_INTEGER);
    send(frame(0x1d, MAX_VARINT, 3, Buffer.from([0xff, 0xfe, 0x41])));
    assert.equal(server.closeReason?.code, Number.MAX_SAFE_INTEGER);
    assert.equal(server.closeReason.reason, "\ufffd\ufffdA");
  });

  it("a peer's reason that is as long as a datagram is kept in part", async () => {
    const { network, send } = await forge(traits, { server: { transport: transportSettings() } });
    send(frame(0x1d, 1, 20_000, Buffer.alloc(20_000, "r")));
    const reason = network.server.closeReason;
    assert.equal(reason?.by, "peer");
    assert.ok(reason.reason.length > 100 && reason.reason.length <= 1024);
  });
}

async function forge(
  ...given: Parameters<typeof Forger.client>
): Promise<{ network: Forger["network"]; send: (frames: Uint8Array, id?: Buffer) => void }> {
  const forger = await Forger.client(...given);
  return { network: forger.network, send: (frames, id) => forger.send(frames, id) };
}
