import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { arePrintable, areUnquoted, firstMarked, unprintable } from "./plain-octets.ts";

/** Octets, among which those at the borders are frequent. */
const octet = fc.oneof(
  fc.integer({ min: 0, max: 255 }),
  fc.constantFrom(0x00, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x5b, 0x5c, 0x5d, 0x7e, 0x7f, 0x80, 0xa0, 0xff),
);

test("four octets are judged as each by itself", () => {
  const printable = (each: number): boolean => each >= 0x20 && each <= 0x7e;
  fc.assert(
    fc.property(fc.tuple(octet, octet, octet, octet), (octets) => {
      const view = new DataView(Uint8Array.from(octets).buffer);
      for (const littleEndian of [true, false]) {
        const word = view.getInt32(0, littleEndian);
        assert.equal(arePrintable(word), octets.every(printable));
        assert.equal(
          areUnquoted(word),
          octets.every((each) => printable(each) && each !== 0x22 && each !== 0x5c),
        );
      }
    }),
    { numRuns: 20_000 },
  );
});

test("the first octet that is not printable is found", () => {
  fc.assert(
    fc.property(fc.tuple(octet, octet, octet, octet), (octets) => {
      const marks = unprintable(new DataView(Uint8Array.from(octets).buffer).getInt32(0, true));
      const first = octets.findIndex((each) => each < 0x20 || each > 0x7e);
      assert.equal(marks === 0 ? -1 : firstMarked(marks), first);
    }),
    { numRuns: 20_000 },
  );
});
