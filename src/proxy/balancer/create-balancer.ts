/** From a service's strategy to the algorithm that serves it. */
import { randomInt } from "node:crypto";
import type { ServicePlan } from "../plan.ts";
import type { Backend } from "../upstream/backend.ts";
import type { Balancer } from "./balancer.ts";
import { RoundRobin } from "./round-robin.ts";
import { WeightedRoundRobin } from "./weighted-round-robin.ts";

/** Weights count under every strategy: a round robin of unequal backends is the smooth weighted kind. */
export function createBalancer(service: ServicePlan, backends: readonly Backend[]): Balancer {
  const weights = service.backends.map((backend) => backend.weight);
  const equal = weights.every((weight) => weight === weights[0]);
  switch (service.strategy) {
    case "round_robin":
    case "weighted_round_robin":
      if (!equal) return new WeightedRoundRobin(backends, weights);
      return new RoundRobin(backends, randomInt(Math.max(1, backends.length)));
  }
}
