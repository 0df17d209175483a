import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CryptoBuffer, MAX_CLIENT_HELLO_BYTES } from "./crypto-buffer.ts";

const WHOLE: Buffer = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff));

test("parts in any order, twice or overlapping, make the whole", () => {
  const part = fc.tuple(fc.nat(WHOLE.length), fc.nat(700));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
      const buffer = new CryptoBuffer();
      const present = new Uint8Array(WHOLE.length + 1);
      for (const [start, length] of parts) {
        const end = Math.min(start + length, WHOLE.length);
        assert.equal(buffer.add(start, WHOLE, start, end), "added");
        present.fill(1, start, end);
        assert.equal(buffer.contiguous, present.indexOf(0));
        const { contiguous } = buffer;
        assert.deepEqual(buffer.bytes.subarray(0, contiguous), WHOLE.subarray(0, contiguous));
      }
    }),
  );
});

test("an octet that came before as another is a conflict, at the edges too", () => {
  for (const at of [10, 15, 19]) {
    const buffer = new CryptoBuffer();
    buffer.add(10, WHOLE, 10, 20);
    const other = Buffer.from(WHOLE);
    other[at] = (other[at] as number) ^ 1;
    assert.equal(buffer.add(5, other, 5, 25), "conflict");
  }
});

test("nothing is taken beyond the bound", () => {
  const buffer = new CryptoBuffer();
  assert.equal(buffer.add(MAX_CLIENT_HELLO_BYTES - 2, WHOLE, 0, 2), "added");
  assert.equal(buffer.add(MAX_CLIENT_HELLO_BYTES - 1, WHOLE, 0, 2), "too large");
  assert.equal(buffer.add(Number.MAX_SAFE_INTEGER, WHOLE, 0, 1200), "too large");
  assert.equal(buffer.bytes.length, MAX_CLIENT_HELLO_BYTES);
});
