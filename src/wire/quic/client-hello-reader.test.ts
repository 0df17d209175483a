import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cryptoFrame, initialPacket, type InitialParts, padded } from "../../../test/support/quic-initial.ts";
import { QuicheClient } from "../../../test/support/quiche-client.ts";
import { RFC_CLIENT_HELLO } from "../../../test/support/rfc-client-hello.ts";
import { helloFor } from "../../../test/support/tls-hello-message.ts";
import { ClientHelloReader, type ClientHelloResult, MAX_INITIAL_PACKETS } from "./client-hello-reader.ts";
import { MAX_CLIENT_HELLO_BYTES } from "./crypto-buffer.ts";
import { PacketHeader } from "./packet-header.ts";
import { QUIC_V1, QUIC_V2 } from "./quic-version.ts";

const PAYLOAD_BYTES = 1162;
const PING = Buffer.from([1]);
const INCOMPLETE: ClientHelloResult = { kind: "incomplete" };

function readerFor(first: Buffer): ClientHelloReader {
  const header = new PacketHeader();
  assert.ok(header.parse(first, 0, first.length, 0));
  return new ClientHelloReader(header);
}

/** What is said after each datagram. Each is given from within a larger buffer, and must be left as it is. */
function receiveAll(datagrams: readonly Buffer[]): ClientHelloResult[] {
  const reader = readerFor(datagrams[0] as Buffer);
  return datagrams.map((datagram) => {
    const bytes = Buffer.concat([Buffer.from([0xc0]), datagram, Buffer.from([0xc0])]);
    const result = reader.receive(bytes, 1, bytes.length - 1);
    assert.deepEqual(bytes.subarray(1, -1), datagram);
    bytes.fill(0xee);
    return result;
  });
}

function packet(frames: readonly Buffer[], parts: Partial<InitialParts> = {}): Buffer {
  return initialPacket({ ...parts, payload: padded(Buffer.concat(frames), PAYLOAD_BYTES) });
}

/** Parts of the message between the cuts, each a CRYPTO frame. */
function framesOf(message: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...cuts.map((cut) => cut % message.length).toSorted((a, b) => a - b), message.length];
  return ends.map((end, i) => {
    const start = ends[i - 1] ?? 0;
    return cryptoFrame(start, message.subarray(start, end));
  });
}

function hello(serverName: string, applicationProtocols: readonly string[]): ClientHelloResult {
  return { kind: "hello", serverName, applicationProtocols };
}

function invalid(reason: string): unknown {
  return { kind: "invalid", reason };
}

test("the hello of RFC 9001 and RFC 9369 appendix A.2 is read", () => {
  for (const version of [QUIC_V1, QUIC_V2]) {
    const datagram = packet([cryptoFrame(0, RFC_CLIENT_HELLO)], { version, packetNumber: 2 });
    assert.deepEqual(receiveAll([datagram]), [hello("example.com", ["alpn"])]);
  }
});

test("the hello of a client that is not ours is read", () => {
  const sent = new QuicheClient("www.Example.org", ["h3", "h3-29"]).datagrams();
  assert.deepEqual(receiveAll(sent).at(-1), hello("www.example.org", ["h3", "h3-29"]));
  const nameless = new QuicheClient(null, ["h3"]).datagrams();
  assert.deepEqual(receiveAll(nameless).at(-1), hello("", ["h3"]));
});

test("a hello that takes two packets is read from them, in either order", () => {
  const message = helloFor("big.example", ["h3"], 1800);
  const first = packet([cryptoFrame(0, message.subarray(0, 1100))], { packetNumber: 0 });
  const second = packet([PING, cryptoFrame(1100, message.subarray(1100))], { packetNumber: 1 });
  const whole = hello("big.example", ["h3"]);
  assert.deepEqual(receiveAll([first, second]), [INCOMPLETE, whole]);
  assert.deepEqual(receiveAll([second, first]), [INCOMPLETE, whole]);
  assert.deepEqual(receiveAll([first, first, second, first]), [INCOMPLETE, INCOMPLETE, whole, whole]);
});

test("two packets in one datagram are both read", () => {
  const message = helloFor("one.example", ["h3"]);
  const parts = [message.subarray(0, 30), message.subarray(30)];
  const datagram = Buffer.concat([
    initialPacket({ payload: padded(cryptoFrame(0, parts[0] as Buffer), 40) }),
    initialPacket({ packetNumber: 1, payload: padded(cryptoFrame(30, parts[1] as Buffer), 1000) }),
  ]);
  assert.deepEqual(receiveAll([datagram]), [hello("one.example", ["h3"])]);
});

test("however a hello is cut and mixed, it is read", () => {
  const scramble = fc.record({
    grow: fc.nat(5000),
    cuts: fc.array(fc.nat(6000), { maxLength: 30 }),
    order: fc.infiniteStream(fc.nat(1000)),
    frameCounts: fc.infiniteStream(fc.integer({ min: 1, max: 4 })),
  });
  fc.assert(
    fc.property(scramble, ({ grow, cuts, order, frameCounts }) => {
      // Pieces that fit into a packet, then in an order of no meaning.
      const message = helloFor("cut.example", ["h3", "\u00fa\u00fa"], grow);
      const even = Array.from({ length: Math.floor(message.length / 250) }, (_, i) => 250 * (i + 1));
      const ranked = framesOf(message, [...cuts, ...even]).map((frame) => ({
        frame,
        rank: order.next().value,
      }));
      const frames = ranked.sort((a, b) => a.rank - b.rank).map(({ frame }) => frame);
      const datagrams: Buffer[] = [];
      while (frames.length > 0) {
        const taken = frames.splice(0, frameCounts.next().value);
        datagrams.push(packet([PING, ...taken.flatMap((frame) => [frame, Buffer.alloc(3)])]));
      }
      fc.pre(datagrams.length <= MAX_INITIAL_PACKETS);
      const results = receiveAll(datagrams);
      assert.deepEqual(results.pop(), hello("cut.example", ["h3", "\u00fa\u00fa"]));
    }),
    { numRuns: 60 },
  );
});

test("packets of others do not disturb it", () => {
  const message = helloFor("quiet.example", ["h3"], 1500);
  const first = packet([cryptoFrame(0, message.subarray(0, 1100))]);
  const second = packet([cryptoFrame(1100, message.subarray(1100))], { packetNumber: 1 });
  const dcid = Buffer.alloc(9, 4);
  const garbage = Buffer.from(second);
  garbage[600] = (garbage[600] as number) ^ 1;
  const strangers = [
    packet([Buffer.from([0x1c])], { dcid }),
    packet([Buffer.from([0x1c])], { version: QUIC_V2 }),
    garbage,
    Buffer.from("e00000000100000100", "hex"),
    Buffer.from("40", "hex"),
    Buffer.alloc(0),
  ];
  const results = receiveAll([first, ...strangers, second]);
  assert.deepEqual(results.pop(), hello("quiet.example", ["h3"]));
  for (const result of results) assert.deepEqual(result, INCOMPLETE);
});

test("first packets that cannot be opened are told", () => {
  const datagram = packet([PING]);
  datagram[700] = (datagram[700] as number) ^ 1;
  assert.deepEqual(receiveAll([datagram]), [invalid("undecryptable")]);
});

test("a mistake of the client is told, and stays", () => {
  const good = packet([cryptoFrame(0, RFC_CLIENT_HELLO)]);
  const conflicting = [cryptoFrame(0, Buffer.from([1, 0])), cryptoFrame(1, Buffer.from([1]))];
  const cases: readonly (readonly [string, Buffer])[] = [
    ["reserved bits", packet([PING], { lowBits: 0x0b })],
    ["bad frame", packet([Buffer.from([0x08])])],
    ["closed", packet([Buffer.from([0x1c])])],
    ["conflict", packet(conflicting)],
    ["too large", packet([cryptoFrame(MAX_CLIENT_HELLO_BYTES, Buffer.from([0]))])],
    ["too large", packet([cryptoFrame(0, Buffer.from([1, 0, 0x3f, 0xfd]))])],
    ["not a ClientHello", packet([cryptoFrame(0, Buffer.from([2, 0, 0, 0]))])],
    ["malformed", packet([cryptoFrame(0, Buffer.from([1, 0, 0, 0]))])],
  ];
  for (const [reason, datagram] of cases)
    assert.deepEqual(receiveAll([datagram, good]), [invalid(reason), invalid(reason)], reason);
});

test("what is no ClientHello is refused before it is there as a whole", () => {
  assert.deepEqual(receiveAll([packet([cryptoFrame(0, Buffer.from([2, 0, 1, 0]))])]), [
    invalid("not a ClientHello"),
  ]);
});

test("the largest hello is read; packets without end are not", () => {
  const empty = helloFor("long.example", ["h3"]).length;
  const message = helloFor("long.example", ["h3"], MAX_CLIENT_HELLO_BYTES - empty);
  assert.equal(message.length, MAX_CLIENT_HELLO_BYTES);
  const cuts = Array.from({ length: 14 }, (_, i) => 1150 * (i + 1));
  const datagrams = framesOf(message, cuts).map((frame) => packet([frame]));
  assert.deepEqual(receiveAll(datagrams).at(-1), hello("long.example", ["h3"]));
  const pings = Array.from({ length: MAX_INITIAL_PACKETS + 1 }, () => packet([PING]));
  const results = receiveAll(pings);
  assert.deepEqual(results.pop(), invalid("too many packets"));
  assert.deepEqual(results.pop(), INCOMPLETE);
});

test("whatever datagrams come, nothing is thrown", () => {
  const start = fc.constantFrom("c0000000010883", "c000000001088394c8f03e51570800", "40", "");
  const datagram = fc.tuple(start, fc.uint8Array({ maxLength: 90 }));
  fc.assert(
    fc.property(fc.array(datagram, { maxLength: 5 }), (datagrams) => {
      const reader = readerFor(packet([PING]));
      for (const [text, rest] of datagrams) {
        const bytes = Buffer.concat([Buffer.from(text, "hex"), rest]);
        assert.equal(reader.receive(bytes, 0, bytes.length).kind, "invalid");
      }
    }),
  );
});
