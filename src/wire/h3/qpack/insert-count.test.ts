import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { decodeInsertCount, encodeInsertCount } from "./insert-count.ts";

it("is the example of RFC 9204 section 4.5.1.1", () => {
  assert.equal(decodeInsertCount(4, 10, 100), 9);
  assert.equal(encodeInsertCount(9, 100), 4);
});

it("comes out as it went in, wherever the decoder can be", () => {
  const tableBytes = fc.integer({ min: 32, max: 65_536 });
  fc.assert(
    fc.property(
      tableBytes,
      fc.nat({ max: 2 ** 40 }),
      fc.double({ min: -1, max: 1, noNaN: true }),
      (bytes, inserted, part) => {
        const entries = Math.floor(bytes / 32);
        // An encoder refers to what is in the table, and inserts no more than the table holds before it is acknowledged.
        const count = Math.max(
          0,
          Math.min(inserted + entries, inserted + 1 + Math.floor(part * (entries - 1))),
        );
        assert.equal(decodeInsertCount(encodeInsertCount(count, bytes), inserted, bytes), count);
      },
    ),
  );
});

it("is refused when no encoder could have sent it", () => {
  assert.equal(decodeInsertCount(1, 0, 0), -1, "there is no table");
  assert.equal(decodeInsertCount(1, 0, 31), -1, "no entry fits");
  assert.equal(decodeInsertCount(7, 0, 96), -1, "above the range");
  assert.equal(decodeInsertCount(5, 0, 96), -1, "more than may be inserted");
  assert.equal(decodeInsertCount(1, 0, 96), -1, "0 has another form");
  assert.equal(decodeInsertCount(0, 5, 96), 0);
});
