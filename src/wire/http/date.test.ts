import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { civilTime } from "./civil-time.ts";
import { httpDate } from "./date.ts";

test("dates are IMF-fixdate, as the platform writes them", () => {
  assert.equal(httpDate(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_000 }), (wallMs) => {
      assert.equal(httpDate(wallMs), new Date(wallMs).toUTCString());
    }),
  );
});

test("calendar fields are those of the platform", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_000 }), (wallMs) => {
      const date = new Date(wallMs);
      const time = civilTime(wallMs);
      assert.deepEqual(
        [time.year, time.month, time.day, time.hour, time.minute, time.second, time.weekday],
        [
          date.getUTCFullYear(),
          date.getUTCMonth() + 1,
          date.getUTCDate(),
          date.getUTCHours(),
          date.getUTCMinutes(),
          date.getUTCSeconds(),
          date.getUTCDay(),
        ],
      );
    }),
  );
});
