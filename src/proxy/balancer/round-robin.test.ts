import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fakeBackends, testBalancer } from "./balancer.contract.ts";
import { RoundRobin } from "./round-robin.ts";

testBalancer({
  name: "round robin",
  make: (backends) => new RoundRobin(backends, 0),
  weights: fc.integer({ min: 1, max: 20 }).map((count) => Array.from({ length: count }, () => 1)),
});

test("the turn begins where it is told, and goes in the order of the list", () => {
  const backends = fakeBackends(4);
  for (const start of [0, 1, 3, 4, 7, 1_000_003]) {
    const balancer = new RoundRobin(backends, start);
    const picks = Array.from({ length: 8 }, () => balancer.pick());
    assert.deepEqual(
      picks,
      Array.from({ length: 8 }, (_, i) => backends[(start + i) % 4]),
    );
  }
});
