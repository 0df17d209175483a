import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { IntegerReader, MAX_INTEGER_BYTES, writeInteger } from "./integer.ts";

const LARGEST = 2 ** 28 - 1;

function read(bytes: readonly number[], mask: number): { next: number; value: number } {
  const reader = new IntegerReader();
  const next = reader.read(Buffer.from(bytes), 0, bytes.length, mask);
  return { next, value: reader.value };
}

test("integers are those of RFC 7541 appendix C.1", () => {
  assert.deepEqual(read([0b11101010], 0x1f), { next: 1, value: 10 });
  assert.deepEqual(read([0b11111111, 0b10011010, 0b00001010], 0x1f), { next: 3, value: 1337 });
  assert.deepEqual(read([42], 0xff), { next: 1, value: 42 });
  const target = Buffer.alloc(4);
  assert.equal(writeInteger(target, 1, 1337, 0x1f, 0xe0), 4);
  assert.deepEqual([...target], [0, 0b11111111, 0b10011010, 0b00001010]);
});

test("what is written is read, with any prefix", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.nat(300), fc.nat(LARGEST), fc.constant(LARGEST)),
      fc.integer({ min: 1, max: 8 }),
      (value, bits) => {
        const mask = 2 ** bits - 1;
        const target = Buffer.alloc(MAX_INTEGER_BYTES);
        const end = writeInteger(target, 0, value, mask, 0xff & ~mask);
        assert.deepEqual(read([...target.subarray(0, end)], mask), { next: end, value });
        for (let cut = 1; cut < end; cut++) assert.equal(read([...target.subarray(0, cut)], mask).next, -1);
      },
    ),
  );
});

test("integers that go on for too long are refused, zeros included", () => {
  assert.equal(read([0x7f, 0x80, 0x80, 0x80, 0x00], 0x7f).next, 5);
  assert.equal(read([0x7f, 0x80, 0x80, 0x80, 0x80, 0x00], 0x7f).next, -1);
  assert.deepEqual(read([0x7f, 0xff, 0xff, 0xff, 0x7f], 0x7f), { next: 5, value: LARGEST + 0x7f });
  assert.equal(read([0x7f, 0xff, 0xff, 0xff, 0xff, 0x0f], 0x7f).next, -1);
  assert.equal(read([0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], 0x7f).next, -1);
});
