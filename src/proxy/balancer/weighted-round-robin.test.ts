import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fakeBackends, testBalancer } from "./balancer.contract.ts";
import { WeightedRoundRobin } from "./weighted-round-robin.ts";

testBalancer({
  name: "weighted round robin",
  make: (backends, weights) => new WeightedRoundRobin(backends, weights),
  weights: fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 }),
});

function order(weights: readonly number[], picks: number): string {
  const backends = fakeBackends(weights.length);
  const balancer = new WeightedRoundRobin(backends, weights);
  return Array.from({ length: picks }, () => "abcdef"[backends.indexOf(balancer.pick() as never)]).join("");
}

test("the picks of a heavy backend are spread over the turn", () => {
  assert.equal(order([5, 1, 1], 14), "aabacaaaabacaa");
  assert.equal(order([4, 2], 12), "abaabaabaaba".slice(0, 12));
});

test("equal weights go round in the order of the list", () => {
  assert.equal(order([7, 7, 7], 6), "abcabc");
});

test("the order is periodic: after a full turn it begins again, however often", () => {
  const turn = order([100, 1, 37], 138);
  assert.equal(order([100, 1, 37], 138 * 5), turn.repeat(5));
});
