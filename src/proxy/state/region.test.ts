import assert from "node:assert/strict";
import { test } from "node:test";
import { COUNTER_SLOTS, MAX_WORKERS } from "../../base/limits.ts";
import { initRegion, readRegion, regionBytes } from "./layout.ts";
import { monotonicMs } from "./monotonic-clock.ts";
import { Region } from "./region.ts";
import { Stripe, WORKER_DRAINING, WORKER_READY } from "./stripe.ts";

function makeRegion(workers: number): ArrayBuffer {
  const buffer = new ArrayBuffer(regionBytes(workers));
  initRegion(buffer, { workers, seed: Int32Array.of(3, 4) });
  return buffer;
}

test("the header says what was written", () => {
  assert.deepEqual(readRegion(makeRegion(3)), { workers: 3, seed: Int32Array.of(3, 4) });
});

test("other memory, another version, and memory that is too small are refused", () => {
  assert.throws(() => readRegion(new ArrayBuffer(regionBytes(1))), /not a shared region/);
  const other = makeRegion(1);
  new Int32Array(other, 4, 1)[0] = 99;
  assert.throws(() => readRegion(other), /another version/);
  assert.throws(() => readRegion(makeRegion(2).slice(0, regionBytes(1))), /too small/);
  assert.throws(() => regionBytes(0), /out of range/);
  assert.throws(() => regionBytes(MAX_WORKERS + 1), /out of range/);
  assert.throws(() => new Stripe(makeRegion(1), 1), /out of range/);
});

test("stripes do not overlap: each worker's last slot is its own", () => {
  const buffer = makeRegion(2);
  const [a, b] = [new Stripe(buffer, 0), new Stripe(buffer, 1)];
  a.counters.fill(1);
  b.counters.fill(2);
  a.perIp.acquire("192.0.2.1", 1);
  a.beat(5);
  assert.equal(a.counters[COUNTER_SLOTS - 1], 1);
  assert.equal(b.counters[0], 2);
  assert.equal(b.sum(COUNTER_SLOTS - 1), 3);
  assert.equal(new Region(buffer).sum(0), 3);
});

test("the control plane sees life signs", () => {
  const buffer = makeRegion(2);
  const stripe = new Stripe(buffer, 1);
  const region = new Region(buffer);
  const nowMs = monotonicMs();
  stripe.setPid(process.pid);
  stripe.setFlags(WORKER_READY | WORKER_DRAINING);
  stripe.beat(nowMs);
  assert.equal(region.pid(1), process.pid);
  assert.equal(region.flags(1), WORKER_READY | WORKER_DRAINING);
  assert.equal(region.heartbeatMs(1), nowMs);
  assert.deepEqual([region.pid(0), region.flags(0), region.heartbeatMs(0)], [0, 0, 0]);
});

test("of a dead worker only what it counted for good remains", () => {
  const buffer = makeRegion(2);
  const [dead, alive] = [new Stripe(buffer, 0), new Stripe(buffer, 1)];
  const [total, gauge] = [100, 101];
  for (const stripe of [dead, alive]) {
    stripe.setPid(1);
    stripe.beat(1);
    stripe.counters[total] = 10;
    stripe.counters[gauge] = 3;
    stripe.perIp.acquire("192.0.2.1", 9);
  }
  const region = new Region(buffer);
  region.resetDeadWorker(0, [gauge]);
  assert.equal(region.sum(total), 20);
  assert.equal(region.sum(gauge), 3);
  assert.equal(alive.perIp.count("192.0.2.1"), 1);
  assert.deepEqual([region.pid(0), region.heartbeatMs(0)], [0, 0]);
  assert.deepEqual([region.pid(1), region.heartbeatMs(1)], [1, 1]);
});

test("slots are cleared in every stripe", () => {
  const buffer = makeRegion(2);
  for (const index of [0, 1]) new Stripe(buffer, index).counters.fill(1, 200, 205);
  const region = new Region(buffer);
  region.clearSlots(201, 3);
  assert.deepEqual(
    [200, 201, 202, 203, 204].map((slot) => region.sum(slot)),
    [2, 0, 0, 0, 2],
  );
});
