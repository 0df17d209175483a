import assert from "node:assert/strict";
import { test } from "node:test";
import { pause } from "../../test/support/wait-for.ts";
import { Clock } from "./clock.ts";

test("the time stands still within a batch, and moves with the next", async () => {
  const clock = new Clock();
  const before = clock.nowMs;
  const wallBefore = clock.wallMs;
  await pause(20);
  assert.equal(clock.nowMs, before);
  assert.equal(clock.wallMs, wallBefore);
  clock.refresh();
  assert.ok(clock.nowMs > before);
  assert.ok(clock.wallMs > wallBefore);
});

test("wall-clock milliseconds are whole, and those of the system", () => {
  const clock = new Clock();
  for (const renew of [(): void => clock.refresh(), (): void => clock.synchronise()]) {
    const before = Date.now();
    renew();
    assert.ok(Number.isInteger(clock.wallMs));
    assert.ok(clock.wallMs >= before - 2 && clock.wallMs <= Date.now() + 2);
  }
});

test("monotonic milliseconds never go back, through either way of renewing", () => {
  const clock = new Clock();
  let last = clock.nowMs;
  for (let i = 0; i < 1000; i++) {
    if (i % 3 === 0) clock.synchronise();
    else clock.refresh();
    assert.ok(clock.nowMs >= last);
    last = clock.nowMs;
  }
});
