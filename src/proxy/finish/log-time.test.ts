import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LineWriter } from "./line-writer.ts";
import { LogTime } from "./log-time.ts";

function rfc3339(time: LogTime, wallMs: number): string {
  const line = new LineWriter(Buffer.alloc(100));
  time.rfc3339(line, wallMs);
  return `${line.target.toString("latin1", 0, line.position)}Z`;
}

test("RFC 3339 in UTC with milliseconds, whatever was asked before", () => {
  const time = new LogTime();
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }), (wallMs) => {
      assert.equal(rfc3339(time, wallMs), new Date(wallMs).toISOString());
    }),
  );
  const now = Date.UTC(2026, 1, 28, 23, 59, 59, 998);
  for (let ms = now; ms < now + 5; ms++) assert.equal(rfc3339(time, ms), new Date(ms).toISOString());
});

test("the common format names the month and the zone", () => {
  const time = new LogTime();
  assert.equal(time.common(Date.UTC(2000, 9, 10, 13, 55, 36, 999)), "10/Oct/2000:13:55:36 +0000");
  assert.equal(time.common(Date.UTC(2024, 1, 29)), "29/Feb/2024:00:00:00 +0000");
});

test("text that belongs in front of a timestamp is written with it", () => {
  const wallMs = Date.UTC(2026, 1, 3, 4, 5, 6, 7);
  assert.equal(rfc3339(new LogTime('{"timestamp":"'), wallMs), '{"timestamp":"2026-02-03T04:05:06.007Z');
});
