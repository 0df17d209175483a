import assert from "node:assert/strict";
import { test } from "node:test";
import { RateAllowance } from "./rate-allowance.ts";

function taken(allowance: RateAllowance, tries: number, nowMs: number): number {
  let count = 0;
  for (let i = 0; i < tries; i++) if (allowance.take(nowMs)) count += 1;
  return count;
}

test("so many at once, then so many a second, and no more after any rest", () => {
  const allowance = new RateAllowance(100, 1000);
  assert.equal(taken(allowance, 500, 1000), 100);
  assert.equal(taken(allowance, 500, 1250), 25);
  assert.equal(taken(allowance, 500, 1250), 0);
  assert.equal(taken(allowance, 500, 1_000_000), 100);
});

test("small steps of time add up", () => {
  const allowance = new RateAllowance(100, 0);
  taken(allowance, 100, 0);
  let count = 0;
  for (let ms = 1; ms <= 10_000; ms++) count += taken(allowance, 10, ms);
  assert.ok(count >= 999 && count <= 1000, `${count}`);
});
