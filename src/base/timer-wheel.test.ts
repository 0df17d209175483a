import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TICK_MS, Timer, TimerWheel } from "./timer-wheel.ts";

test("a timer fires once, at the first tick at or after its deadline", () => {
  const wheel = new TimerWheel(0);
  const fired: number[] = [];
  wheel.arm(new Timer((nowMs) => fired.push(nowMs)), 120);
  for (let now = 0; now <= 1000; now += TICK_MS) wheel.advance(now);
  assert.deepEqual(fired, [150]);
});

test("a deadline can be moved later, earlier, and off", () => {
  const wheel = new TimerWheel(0);
  const fired: number[] = [];
  const timer = new Timer((nowMs) => fired.push(nowMs));
  wheel.arm(timer, 100);
  wheel.arm(timer, 500);
  for (let now = 0; now <= 450; now += TICK_MS) wheel.advance(now);
  assert.deepEqual(fired, []);
  wheel.advance(500);
  assert.deepEqual(fired, [500]);
  wheel.arm(timer, 60_000);
  wheel.arm(timer, 600);
  wheel.advance(600);
  assert.deepEqual(fired, [500, 600]);
  wheel.arm(timer, 700);
  wheel.disarm(timer);
  wheel.advance(100_000);
  assert.deepEqual(fired, [500, 600]);
});

test("a removed timer is no longer held by the wheel", () => {
  const wheel = new TimerWheel(0);
  const timer = new Timer(() => assert.fail("fired"));
  wheel.arm(timer, 100);
  wheel.remove(timer);
  assert.equal(timer.next, null);
  wheel.advance(10_000);
});

test("arming from within a callback works, for now and for later", () => {
  const wheel = new TimerWheel(0);
  let count = 0;
  const timer: Timer = new Timer((nowMs) => {
    count++;
    if (count < 3) wheel.arm(timer, nowMs);
  });
  wheel.arm(timer, 10);
  for (let now = 0; now <= 1000; now += TICK_MS) wheel.advance(now);
  assert.equal(count, 3);
});

test("every timer fires exactly once and never early, whatever the deadlines and clock jumps", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 200 }),
      fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 20, maxLength: 60 }),
      (deadlines, jumps) => {
        const wheel = new TimerWheel(0);
        const fired = new Map<number, number>();
        deadlines.forEach((deadline, index) => {
          wheel.arm(
            new Timer((nowMs) => {
              assert.ok(nowMs >= deadline, "early");
              assert.ok(!fired.has(index), "twice");
              fired.set(index, nowMs);
            }),
            deadline,
          );
        });
        let now = 0;
        for (const jump of jumps) wheel.advance((now += jump));
        wheel.advance((now += 400_000));
        wheel.advance((now += 400_000));
        wheel.advance((now += 400_000));
        wheel.advance(now + 400_000);
        assert.equal(fired.size, deadlines.length);
      },
    ),
    { numRuns: 100 },
  );
});
