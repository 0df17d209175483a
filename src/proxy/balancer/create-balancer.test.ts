import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryPlan } from "../../../test/support/memory-plan.ts";
import type { ServicePlan, Strategy } from "../plan.ts";
import { fakeBackends, shares } from "./balancer.contract.ts";
import { createBalancer } from "./create-balancer.ts";

function service(strategy: Strategy, weights: readonly number[]): ServicePlan {
  const backends = weights.map((weight, index) => `10.0.0.${index + 1}:80*${weight}`);
  const [plan] = memoryPlan({ services: { app: backends } }).services;
  assert.ok(plan !== undefined);
  return { ...plan, strategy };
}

test("weights count under every strategy", () => {
  for (const strategy of ["round_robin", "weighted_round_robin"] as const) {
    const backends = fakeBackends(3);
    const balancer = createBalancer(service(strategy, [3, 2, 1]), backends);
    assert.deepEqual(shares(balancer, backends, 60), [30, 20, 10]);
  }
});

test("equal weights, of whatever size, give equal shares", () => {
  const backends = fakeBackends(3);
  assert.deepEqual(
    shares(createBalancer(service("round_robin", [9, 9, 9]), backends), backends, 9),
    [3, 3, 3],
  );
});

test("a service without backends has nothing to pick", () => {
  assert.equal(createBalancer(service("round_robin", []), []).pick(), null);
});

test("workers do not all begin with the same backend", () => {
  const backends = fakeBackends(8);
  const plan = service("round_robin", [1, 1, 1, 1, 1, 1, 1, 1]);
  const first = new Set(Array.from({ length: 200 }, () => createBalancer(plan, backends).pick()));
  assert.equal(first.size, 8);
});
