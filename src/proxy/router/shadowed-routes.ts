/**
 * Finds routes of one listener that never get a request, because routes before them take all that they
 * would take. Certain, not complete: what it reports is so; what it cannot tell it leaves out. Each way in
 * which a rule can hold is looked up by host and path among those of the routes before it.
 */
import type { OrderedRoute, RankedRoute } from "./rank-routes.ts";
import { RuleLogic } from "./rule-logic.ts";
import type { Alternative } from "./rule-alternatives.ts";
import type { RuleNode } from "./rule.ts";
import { type CompareBudget, NO_NAME, WayIndex } from "./way-index.ts";

export interface ShadowedRoute {
  /** Names of the routes that take what it would take. */
  readonly by: readonly string[];
  /** What they leave it is `OPTIONS *`, which no prefix of paths takes (RFC 9110 section 7.1). */
  readonly leavesOptions: boolean;
}

/** By name. Routes whose rules contradict themselves are not among them. `budget`: how much may be compared in all. */
export function shadowedRoutes(
  ranked: readonly RankedRoute<OrderedRoute>[],
  budget: CompareBudget,
): ReadonlyMap<string, ShadowedRoute> {
  const logic = new RuleLogic();
  const before = new WayIndex(logic, budget);
  const shadowed = new Map<string, ShadowedRoute>();
  for (const { plan, alternatives } of ranked) {
    const ways = alternatives.filter((way) => !logic.isImpossible(way));
    const shadow = shadowOf(ways, before, logic);
    if (shadow !== null) shadowed.set(plan.name, shadow);
    // What a shadowed route takes, others take: it shadows nobody by itself.
    else for (const way of ways) before.add(plan.name, way);
  }
  return shadowed;
}

const OPTIONS: RuleNode = { kind: "method", method: "OPTIONS" };

function shadowOf(ways: readonly Alternative[], before: WayIndex, logic: RuleLogic): ShadowedRoute | null {
  if (ways.length === 0) return null;
  const names = new Set<string>();
  let leavesOptions = false;
  for (const way of ways) {
    let covering = before.coveringOf(way);
    if (covering === NO_NAME && way.path === undefined) {
      covering = before.coveringOf({ ...way, path: ANY_PATH });
      // Requests for `*` are always of that method.
      leavesOptions ||= !logic.refutes(way, OPTIONS);
    }
    if (covering === NO_NAME) return null;
    names.add(covering);
  }
  return { by: [...names], leavesOptions };
}

/** Every path but `*` begins so. */
const ANY_PATH = { exact: false, text: "/" } as const;

/** Whether a rule can hold for no request at all. */
export function isContradiction(alternatives: readonly Alternative[]): boolean {
  const logic = new RuleLogic();
  return alternatives.every((way) => logic.isImpossible(way));
}
