import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { writeInteger } from "../../field-codec/integer.ts";
import { LongIntegerReader, MAX_LONG_INTEGER_BYTES, writeLongInteger } from "./long-integer.ts";

const MASKS = [0x3f, 0x7f] as const;

/** Octets read until it is complete or has failed. */
function read(bytes: Uint8Array, mask: number): { reader: LongIntegerReader; used: number } {
  const reader = new LongIntegerReader();
  reader.begin(bytes[0] as number, mask);
  let used = 1;
  while (!reader.complete && !reader.failed && used < bytes.length) reader.add(bytes[used++] as number);
  return { reader, used };
}

it("comes out as it went in, with its flags left alone", () => {
  const value = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat());
  fc.assert(
    fc.property(value, fc.constantFrom(...MASKS), (number, mask) => {
      const target = Buffer.alloc(MAX_LONG_INTEGER_BYTES + 2);
      const end = writeLongInteger(target, 1, number, mask, mask + 1);
      assert.ok(end <= 1 + MAX_LONG_INTEGER_BYTES);
      assert.equal((target[1] as number) & ~mask, mask + 1);
      const { reader, used } = read(target.subarray(1), mask);
      assert.equal(reader.value, number);
      assert.equal(reader.complete, true);
      assert.equal(reader.failed, false);
      assert.equal(used, end - 1);
    }),
  );
});

it("is written as a short one where that is possible", () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 28 - 1 }), (number) => {
      const [long, short] = [Buffer.alloc(12), Buffer.alloc(12)];
      assert.equal(writeLongInteger(long, 0, number, 0x3f, 0), writeInteger(short, 0, number, 0x3f, 0));
      assert.deepEqual(long, short);
    }),
  );
});

it("fails above 2^53 - 1, and when it does not end", () => {
  for (const hex of ["7fc0ffffffffffff1f", "7f80808080808080808080", "7fffffffffffffffffff7f"])
    assert.equal(read(Buffer.from(hex, "hex"), 0x3f).reader.failed, true, hex);
  const largest = Buffer.alloc(MAX_LONG_INTEGER_BYTES);
  writeLongInteger(largest, 0, Number.MAX_SAFE_INTEGER, 0x3f, 0);
  assert.equal(read(largest, 0x3f).reader.value, Number.MAX_SAFE_INTEGER);
});

it("is not complete while it is cut", () => {
  const { reader } = read(Buffer.from("7fff", "hex"), 0x3f);
  assert.equal(reader.complete, false);
  assert.equal(reader.failed, false);
});
