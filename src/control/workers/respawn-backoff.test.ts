import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_RESPAWN_DELAY_MS, RespawnBackoff, STABLE_LIFE_MS } from "./respawn-backoff.ts";

test("the first death costs a millisecond, a loop of deaths ever more, up to the limit", () => {
  const backoff = new RespawnBackoff();
  const delays = Array.from({ length: 9 }, () => backoff.delayMs(5));
  assert.deepEqual(delays, [1, 4, 16, 64, 256, 1024, 4096, MAX_RESPAWN_DELAY_MS, MAX_RESPAWN_DELAY_MS]);
});

test("a worker that lived for a while is started again at once", () => {
  const backoff = new RespawnBackoff();
  for (let i = 0; i < 5; i += 1) backoff.delayMs(0);
  assert.equal(backoff.delayMs(STABLE_LIFE_MS), 1);
  assert.equal(backoff.delayMs(STABLE_LIFE_MS - 1), 4);
});
