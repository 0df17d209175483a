/** Durations as text and as bare numbers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bareUnit, formatDuration, parseDuration } from "./duration.ts";

test("a number with a unit is milliseconds", () => {
  assert.equal(parseDuration("500ms"), 500);
  assert.equal(parseDuration("10s"), 10_000);
  assert.equal(parseDuration("5m"), 300_000);
  assert.equal(parseDuration("1h"), 3_600_000);
  assert.equal(parseDuration("0s"), 0);
});

test("everything else is not a duration", () => {
  for (const text of [
    "",
    "10",
    "s",
    "1.5s",
    "-1s",
    "+1s",
    " 1s",
    "1s ",
    "1 s",
    "1d",
    "1S",
    "1m30s",
    "1e3ms",
    "٣s",
  ]) {
    assert.equal(parseDuration(text), undefined, JSON.stringify(text));
  }
});

test("a bare number counts in the unit of the key's name", () => {
  assert.equal(bareUnit("idle_timeout_ms"), "ms");
  assert.equal(bareUnit("idle_timeout_seconds"), "s");
  assert.equal(bareUnit("cooldown_secs"), "s");
  assert.equal(bareUnit("interval"), "s");
});

test("what is written reads back the same", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000_000 }), (ms) => {
      assert.equal(parseDuration(formatDuration(ms, "ms")), ms);
    }),
  );
});
