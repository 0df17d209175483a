import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  MAX_VARINT,
  MAX_VARINT_BYTES,
  readVarint,
  readVarintBefore,
  VARINT_INCOMPLETE,
  VARINT_TOO_LARGE,
  varintLength,
  varintSize,
  writeVarint,
} from "./varint.ts";

function hex(text: string): Buffer {
  return Buffer.from(text, "hex");
}

test("integers are those of RFC 9000 appendix A.1", () => {
  const examples: readonly (readonly [string, bigint])[] = [
    ["9d7f3e7d", 494_878_333n],
    ["7bbd", 15_293n],
    ["25", 37n],
    ["4025", 37n],
  ];
  for (const [text, value] of examples) {
    const bytes = hex(text);
    assert.equal(varintLength(bytes[0] as number), bytes.length);
    assert.equal(readVarint(bytes, 0), Number(value));
  }
});

test("what is above 2^53 - 1 is told, and what is at it is read", () => {
  assert.equal(readVarint(hex("c01fffffffffffff"), 0), MAX_VARINT);
  assert.equal(readVarint(hex("c020000000000000"), 0), VARINT_TOO_LARGE);
  assert.equal(readVarint(hex("c2197c5eff14e88c"), 0), VARINT_TOO_LARGE);
  assert.equal(readVarint(hex("ffffffffffffffff"), 0), VARINT_TOO_LARGE);
  assert.equal(readVarintBefore(hex("ffffffffffffffff"), 0, 8), VARINT_TOO_LARGE);
});

test("the shortest form changes at each bound", () => {
  const bounds = [0, 63, 64, 16_383, 16_384, 1_073_741_823, 1_073_741_824, MAX_VARINT];
  assert.deepEqual(bounds.map(varintSize), [1, 1, 2, 2, 4, 4, 8, 8]);
});

const anyValue = fc.oneof(fc.nat(70), fc.nat(17_000), fc.nat(2 ** 30 + 9), fc.nat(MAX_VARINT));

test("what is written is read, where it was written, and no octet beside it is touched", () => {
  fc.assert(
    fc.property(anyValue, fc.nat(3), (value, offset) => {
      const target = Buffer.alloc(offset + MAX_VARINT_BYTES + 1, 0xee);
      const end = writeVarint(target, offset, value);
      assert.equal(end, offset + varintSize(value));
      assert.equal(varintLength(target[offset] as number), end - offset);
      assert.equal(readVarint(target, offset), value);
      assert.ok(target.subarray(0, offset).every((octet) => octet === 0xee));
      assert.ok(target.subarray(end).every((octet) => octet === 0xee));
    }),
  );
});

test("an integer that is cut short is incomplete at every octet", () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const target = Buffer.alloc(MAX_VARINT_BYTES);
      const end = writeVarint(target, 0, value);
      for (let cut = 0; cut < end; cut++) assert.equal(readVarintBefore(target, 0, cut), VARINT_INCOMPLETE);
      assert.equal(readVarintBefore(target, 0, end), value);
    }),
  );
});

test("any eight octets are read as a big integer reads them", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), (bytes) => {
      const length = varintLength(bytes[0] as number);
      const text = Buffer.from(bytes.subarray(0, length)).toString("hex");
      const value = BigInt(`0x${text}`) & ((1n << BigInt(8 * length - 2)) - 1n);
      assert.equal(readVarint(bytes, 0), value > BigInt(MAX_VARINT) ? VARINT_TOO_LARGE : Number(value));
    }),
  );
});
