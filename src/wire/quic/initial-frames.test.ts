import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cryptoFrame, padded } from "../../../test/support/quic-initial.ts";
import { CryptoBuffer } from "./crypto-buffer.ts";
import { readInitialFrames } from "./initial-frames.ts";

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

function read(payload: Buffer): string {
  const crypto = new CryptoBuffer();
  const fault = readInitialFrames(payload, crypto);
  return fault ?? crypto.bytes.toString("latin1", 0, crypto.contiguous);
}

test("CRYPTO frames are taken from among the others, in any order", () => {
  const ack = hex("02 05 00 01 00 00 00");
  const ackEcn = hex("03 40ff 8000ffff 00 02 01 02 03");
  const payload = Buffer.concat([
    hex("01 0000"),
    cryptoFrame(6, Buffer.from("world")),
    ack,
    cryptoFrame(0, Buffer.from("hello ")),
    ackEcn,
    cryptoFrame(3, Buffer.from("lo wor")),
    cryptoFrame(11, Buffer.alloc(0)),
    hex("01"),
  ]);
  assert.equal(read(payload), "hello world");
  assert.equal(read(padded(payload, 1162)), "hello world");
});

test("integers of a frame may have longer forms than needed", () => {
  assert.equal(read(hex("06 c000000000000000 80000002 6869")), "hi");
});

const REFUSED = {
  "no frame": "",
  STREAM: "08 00 00",
  RESET_STREAM: "04 00 00 00",
  NEW_TOKEN: "07 01 00",
  HANDSHAKE_DONE: "1e",
  "CONNECTION_CLOSE of an application": "1d 00 00",
  "an unknown type": "21",
  "a type in a longer form": "4006 00 00",
  "data that is cut short": "06 00 05 6869",
  "a length that is cut short": "06 00 40",
  "an offset that is missing": "06",
  "a length above 2^53": "06 00 ffffffffffffffff 00",
  "a length at 2^53": "06 00 c01fffffffffffff 00",
  "an offset above 2^53": "06 ffffffffffffffff 01 00",
  "ranges that are missing": "02 05 00 02 00 00 00",
  "more ranges than there is room for": "02 05 00 c01fffffffffffff 00 00 00",
  "an ACK that is cut short": "02 05 00",
  "ECN counts that are missing": "03 05 00 00 00 01 02",
};

for (const [name, text] of Object.entries(REFUSED)) {
  test(`refused: ${name}`, () => {
    assert.equal(read(hex(text)), "bad frame");
  });
}

test("the end of a client, and data beyond the bound, are told apart", () => {
  assert.equal(read(hex("01 1c 00 06 00")), "closed");
  assert.equal(read(cryptoFrame(20_000, Buffer.from("x"))), "too large");
  assert.equal(read(Buffer.concat([cryptoFrame(0, hex("01")), cryptoFrame(0, hex("02"))])), "conflict");
});

test("whatever octets come, nothing is thrown", () => {
  const frameType = fc.constantFrom(0, 1, 2, 3, 6);
  const lump = fc.tuple(frameType, fc.uint8Array({ maxLength: 12 })).map(([type, rest]) => [type, ...rest]);
  fc.assert(
    fc.property(fc.array(lump, { maxLength: 12 }), (lumps) => {
      readInitialFrames(Buffer.from(lumps.flat()), new CryptoBuffer());
    }),
    { numRuns: 1000 },
  );
});
