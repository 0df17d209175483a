import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_QUIC_INTEGER } from "./quic-engine.ts";
import { QuicheStopCodes } from "./quiche-stop-codes.ts";

const ID = Buffer.alloc(8, 5);
const TAG = Buffer.alloc(16, 5);

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

/** As quiche leaves a packet when it has taken it. */
function received(codes: QuicheStopCodes, frames: Buffer, first = 0x40, numberBytes = 1): void {
  const header = Buffer.from([first | (numberBytes - 1)]);
  const packet = Buffer.concat([header, ID, Buffer.alloc(numberBytes, 5), frames, TAG]);
  const before = Buffer.from("\u0005\u0005\u0005");
  codes.received(Buffer.concat([before, packet, before]), before.length, before.length + packet.length);
}

test("codes are found behind packet numbers of any length, and not in the tag", () => {
  for (const numberBytes of [1, 2, 3, 4]) {
    const codes = new QuicheStopCodes(ID.length);
    received(codes, hex("02 00 00 00 00 05 03 410c 05 07 09 05"), 0x40, numberBytes);
    assert.deepEqual([codes.get(3), codes.get(7), codes.get(5)], [0x10c, 9, undefined]);
  }
});

test("packets of the handshake are not looked through", () => {
  const codes = new QuicheStopCodes(ID.length);
  received(codes, hex("05 03 04"), 0xe0);
  assert.equal(codes.get(3), undefined);
});

test("nothing is found in what is too short to be a packet", () => {
  const codes = new QuicheStopCodes(ID.length);
  const bytes = Buffer.alloc(64, 5);
  for (let end = 1; end < 1 + ID.length + 1 + TAG.length + 3; end++) codes.received(bytes, 0, end);
  assert.equal(codes.get(5), undefined);
});

test("the first code of a stream counts, until it is answered", () => {
  const codes = new QuicheStopCodes(ID.length);
  received(codes, hex("05 03 04 05 03 05"));
  received(codes, hex("05 03 06"));
  assert.equal(codes.get(3), 4);
  codes.answered(3);
  assert.equal(codes.get(3), undefined);
});

test("a code above 2^53 is told as quiche tells it", () => {
  const codes = new QuicheStopCodes(ID.length);
  received(codes, hex("05 03 ffffffffffffffff"));
  assert.equal(codes.get(3), MAX_QUIC_INTEGER);
});

test("of streams without end the latest are known", () => {
  const codes = new QuicheStopCodes(ID.length);
  for (let id = 0; id < 1000; id++) {
    const frame = hex("05 4000 07");
    frame.writeUInt16BE(0x4000 | id, 1);
    received(codes, frame);
  }
  const known = Array.from({ length: 1000 }, (_, id) => codes.get(id)).filter((code) => code === 7);
  assert.equal(known.length, 256);
  assert.equal(codes.get(999), 7);
});
