import assert from "node:assert/strict";
import { test } from "node:test";
import { SERIES_KEEP_MS, SeriesRetirement } from "./series-retirement.ts";

test("a plan's series are kept for an hour after it was superseded", () => {
  const oldest: number[] = [];
  let nowMs = 0;
  const timers = { nowMs: () => nowMs, after: () => () => {} };
  const retirement = new SeriesRetirement({ retire: (generation) => void oldest.push(generation) }, timers);
  retirement.live(1);
  nowMs = 1000;
  retirement.live(2);
  nowMs = SERIES_KEEP_MS;
  retirement.live(5);
  nowMs = SERIES_KEEP_MS + 1000;
  retirement.live(6);
  nowMs = 3 * SERIES_KEEP_MS;
  retirement.live(7);
  assert.deepEqual(oldest, [1, 1, 1, 2, 6]);
});
