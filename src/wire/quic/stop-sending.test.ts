import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { findStop, NO_STOP, stopEnd } from "./stop-sending.ts";
import { MAX_VARINT, readVarint, varintLength, writeVarint } from "./varint.ts";

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

/** Streams and codes, as far as they are found. */
function stops(packet: Buffer, start = 0, end = packet.length): [number, number][] {
  const found: [number, number][] = [];
  for (let at = findStop(packet, start, end); at !== NO_STOP; at = findStop(packet, stopEnd(packet, at), end))
    found.push([readVarint(packet, at), readVarint(packet, at + varintLength(packet[at] as number))]);
  return found;
}

const STOP = hex("05 0b 410c");
const STOPS: [number, number][] = [[11, 0x10c]];

/** Each with octets that would be a STOP_SENDING frame if they were not part of it. */
const STEPPED_OVER: Readonly<Record<string, string>> = {
  PADDING: "00 00 00",
  PING: "01",
  ACK: "02 05 05 00 05",
  "ACK of several ranges": "03 8000 0505 4005 02 05 05 05 05 05 05 05 05",
  RESET_STREAM: "04 05 05 05",
  CRYPTO: "06 05 03 05 05 05",
  NEW_TOKEN: "07 03 05 05 05",
  STREAM: "0a 05 03 05 05 05",
  "STREAM with FIN": "0b 05 03 05 05 05",
  "STREAM with an offset": "0e 05 05 03 05 05 05",
  "STREAM with an offset and FIN": "0f 05 4005 03 05 05 05",
  "STREAM without octets": "0b 05 00",
  MAX_DATA: "10 05",
  MAX_STREAM_DATA: "11 05 05",
  "MAX_STREAMS of two directions": "12 05",
  "MAX_STREAMS of one direction": "13 05",
  DATA_BLOCKED: "14 05",
  STREAM_DATA_BLOCKED: "15 05 05",
  "STREAMS_BLOCKED of two directions": "16 05",
  "STREAMS_BLOCKED of one direction": "17 05",
  NEW_CONNECTION_ID: `18 05 05 04 ${"05".repeat(4 + 16)}`,
  RETIRE_CONNECTION_ID: "19 05",
  PATH_CHALLENGE: `1a ${"05".repeat(8)}`,
  PATH_RESPONSE: `1b ${"05".repeat(8)}`,
  HANDSHAKE_DONE: "1e",
  DATAGRAM: "31 03 05 05 05",
};

for (const [name, text] of Object.entries(STEPPED_OVER)) {
  test(`${name} is stepped over`, () => {
    const frame = hex(text);
    assert.deepEqual(stops(frame), []);
    assert.deepEqual(stops(Buffer.concat([frame, STOP, frame, STOP])), [...STOPS, ...STOPS]);
  });
}

const NOTHING_BEHIND: Readonly<Record<string, string>> = {
  "STREAM without a length": "08 05",
  "STREAM with an offset and without a length": "0d 05 05",
  "DATAGRAM without a length": "30",
  "CONNECTION_CLOSE of the transport": "1c 05 05 00",
  "CONNECTION_CLOSE of the application": "1d 05 00",
  "an unknown type": "21",
  "a type in a longer form": "4005 05 05",
  "a length of more than there is": "06 00 40ff",
  "a length above 2^53": "06 00 ffffffffffffffff",
  "more ranges than there is room for": "02 05 00 c01fffffffffffff",
  "a number of ranges above 2^53": "02 05 00 ffffffffffffffff",
  "a connection ID of more than there is": "18 00 00 ff",
};

for (const [name, text] of Object.entries(NOTHING_BEHIND)) {
  test(`behind ${name} nothing is found`, () => {
    assert.deepEqual(stops(Buffer.concat([hex(text), STOP])), []);
    assert.deepEqual(stops(Buffer.concat([STOP, hex(text), STOP])), STOPS);
  });
}

const anyVarint = fc.oneof(fc.nat(70), fc.nat(17_000), fc.nat(2 ** 30 + 9), fc.nat(MAX_VARINT));
const anyStop = fc.tuple(anyVarint, anyVarint);

function stop([id, code]: readonly [number, number]): Buffer {
  const bytes = Buffer.alloc(1 + 8 + 8);
  bytes[0] = 0x05;
  return bytes.subarray(0, writeVarint(bytes, writeVarint(bytes, 1, id), code));
}

test("all that are there are found, among any others, wherever the packet is", () => {
  const other = fc.constantFrom(...Object.values(STEPPED_OVER)).map(hex);
  const frames = fc.array(fc.oneof(anyStop, other), { maxLength: 20 });
  fc.assert(
    fc.property(frames, fc.nat(40), (all, start) => {
      const written = all.map((frame) => (Array.isArray(frame) ? stop(frame) : frame));
      const packet = Buffer.concat([Buffer.alloc(start, 0x05), ...written, STOP]);
      const told = all.filter((frame): frame is [number, number] => Array.isArray(frame));
      assert.deepEqual(stops(packet, start, packet.length - STOP.length), told);
    }),
  );
});

test("a frame that is cut short is none, whatever lies behind", () => {
  fc.assert(
    fc.property(anyStop, (fields) => {
      const packet = Buffer.concat([stop(fields), Buffer.alloc(20)]);
      const end = stop(fields).length;
      for (let cut = 0; cut < end; cut++) assert.deepEqual(stops(packet, 0, cut), []);
      assert.deepEqual(stops(packet, 0, end), [fields]);
    }),
  );
});

test("of any octets, what is found lies within them, and the search ends", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(80), (bytes, end) => {
      const packet = Buffer.from(bytes);
      const limit = Math.min(end, packet.length);
      let at = findStop(packet, 0, limit);
      for (let before = 0; at !== NO_STOP; at = findStop(packet, before, limit)) {
        assert.ok(at > before && stopEnd(packet, at) <= limit);
        before = stopEnd(packet, at);
      }
    }),
  );
});
