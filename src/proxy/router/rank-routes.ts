/** The order in which routes are preferred; the router's tables and its printout are made from it. */
import type { RoutePlan } from "../plan.ts";
import { type Alternative, alternativesOf } from "./rule-alternatives.ts";

/** What the order of routes follows from. */
export type OrderedRoute = Pick<RoutePlan, "name" | "rule" | "priority" | "listeners">;

export interface RankedRoute<Route extends OrderedRoute = RoutePlan> {
  readonly plan: Route;
  /** Index into `Plan.routes`. */
  readonly index: number;
  /** Empty: the rule contradicts itself. */
  readonly alternatives: readonly Alternative[];
}

/**
 * The routes that serve a listener: higher priority first, equal priorities by name in UTF-16
 * code-unit order. The position in the result is the route's rank.
 */
export function rankRoutes<Route extends OrderedRoute>(
  routes: readonly Route[],
  listenerIndex: number,
): readonly RankedRoute<Route>[] {
  const ranked: RankedRoute<Route>[] = [];
  routes.forEach((plan, index) => {
    if (plan.listeners.includes(listenerIndex))
      ranked.push({ plan, index, alternatives: alternativesOf(plan.rule) });
  });
  return ranked.toSorted(compareRoutes);
}

function compareRoutes(a: RankedRoute<OrderedRoute>, b: RankedRoute<OrderedRoute>): number {
  if (a.plan.priority !== b.plan.priority) return b.plan.priority - a.plan.priority;
  if (a.plan.name === b.plan.name) return a.index - b.index;
  return a.plan.name < b.plan.name ? -1 : 1;
}
