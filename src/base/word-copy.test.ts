import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { copyStepped, isStepped } from "./word-copy.ts";

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

test("octets of any value are copied, and none beside them is written or read", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 40 }), (octets, offset) => {
      if (!isStepped(octets.length)) return;
      const target = new Uint8Array(offset + octets.length + 20).fill(0xee);
      const expected = Uint8Array.from(target);
      expected.set(octets, offset);
      // The view ends with the octets: to look behind them would throw.
      copyStepped(viewOf(target), offset, viewOf(octets), 0, octets.length);
      assert.deepEqual(target, expected);
    }),
  );
});

test("every length that is copied in steps is copied whole", () => {
  const source = Uint8Array.from({ length: 400 }, (_, index) => index * 7);
  for (let length = 0; length < 400; length++) {
    if (!isStepped(length)) continue;
    const target = new Uint8Array(length);
    copyStepped(viewOf(target), 0, viewOf(source), 1, length + 1);
    assert.deepEqual(target, source.slice(1, length + 1));
  }
});
