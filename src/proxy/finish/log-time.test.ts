import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LogTime } from "./log-time.ts";

test("RFC 3339 in UTC with milliseconds, whatever was asked before", () => {
  const time = new LogTime();
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }), (wallMs) => {
      assert.equal(time.rfc3339(wallMs), new Date(wallMs).toISOString());
    }),
  );
  const now = Date.UTC(2026, 1, 28, 23, 59, 59, 998);
  for (let ms = now; ms < now + 5; ms++) assert.equal(time.rfc3339(ms), new Date(ms).toISOString());
});

test("the common format names the month and the zone", () => {
  const time = new LogTime();
  assert.equal(time.common(Date.UTC(2000, 9, 10, 13, 55, 36, 999)), "10/Oct/2000:13:55:36 +0000");
  assert.equal(time.common(Date.UTC(2024, 1, 29)), "29/Feb/2024:00:00:00 +0000");
});
