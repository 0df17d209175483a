import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadingPace } from "./reading-pace.ts";

const WINDOW_MS = 1000;
const MIN_BPS = 100;

function pace(sinceMs = 0): (nowMs: number, sentBytes: number, queuedBytes?: number) => boolean {
  const judge = new ReadingPace();
  judge.begin(sinceMs);
  return (nowMs, sentBytes, queuedBytes = 1) =>
    judge.tooSlow({ sentBytes, queuedBytes }, nowMs, WINDOW_MS, MIN_BPS);
}

test("a client that reads fast enough is not too slow", () => {
  const tooSlow = pace();
  assert.equal(tooSlow(1000, 100), false);
  assert.equal(tooSlow(2000, 200), false);
  assert.equal(tooSlow(4000, 400), false);
});

test("one that reads a little now and then is", () => {
  const tooSlow = pace();
  assert.equal(tooSlow(1000, 99), true);
});

test("it is judged only once a window is over, and by what it did since the last time", () => {
  const tooSlow = pace();
  assert.equal(tooSlow(999, 0), false);
  assert.equal(tooSlow(1200, 1000), false);
  assert.equal(tooSlow(2100, 1001), false);
  assert.equal(tooSlow(2200, 1001), true);
});

test("a client for whom nothing waits is never too slow, and the time without work does not count", () => {
  const tooSlow = pace();
  assert.equal(tooSlow(5000, 0, 0), false);
  assert.equal(tooSlow(5900, 0), false);
  assert.equal(tooSlow(6000, 99), true);
});
