import assert from "node:assert/strict";
import { test } from "node:test";
import { HeartbeatWatchdog, MAX_SILENT_CHECKS } from "./heartbeat-watchdog.ts";

function harness() {
  const beats = [0, 0];
  const watchdog = new HeartbeatWatchdog((index) => beats[index] ?? 0);
  watchdog.watch(0);
  watchdog.watch(1);
  return { beats, watchdog };
}

test("a worker that beats is left alone, one that does not is told once", () => {
  const { beats, watchdog } = harness();
  const told: number[] = [];
  for (let i = 1; i <= MAX_SILENT_CHECKS * 2; i += 1) {
    beats[0] = i;
    told.push(...watchdog.check());
  }
  assert.deepEqual(told, [1]);
});

test("a late beat clears the suspicion", () => {
  const { beats, watchdog } = harness();
  for (let i = 1; i < MAX_SILENT_CHECKS; i += 1) watchdog.check();
  assert.equal(watchdog.healthy, false);
  beats[0] = 5;
  beats[1] = 5;
  assert.deepEqual(watchdog.check(), []);
  assert.equal(watchdog.healthy, true);
});

test("a successor starts with full patience, and who is not watched is not told", () => {
  const { watchdog } = harness();
  for (let i = 1; i < MAX_SILENT_CHECKS; i += 1) watchdog.check();
  watchdog.watch(0);
  watchdog.unwatch(1);
  assert.deepEqual(watchdog.check(), []);
  assert.equal(watchdog.healthy, true);
});
