/**
 * Warns of routers that never get a request, as others before them take all that they would take on every
 * one of their listeners, and of a listener's own backends when its routers leave them nothing. What is
 * warned of is certain; not everything that is so is found. Feature row B12.
 */
import { parseRule } from "../../../proxy/router/parse-rule.ts";
import { type OrderedRoute, rankRoutes } from "../../../proxy/router/rank-routes.ts";
import { type ShadowedRoute, shadowedRoutes } from "../../../proxy/router/shadowed-routes.ts";
import type { CompareBudget } from "../../../proxy/router/way-index.ts";
import { isHttpListener } from "../gateway-config.ts";
import { quote } from "../quote.ts";
import type { CheckContext } from "./check-context.ts";

/** Comparisons for one file: some hundred milliseconds. What is left over is not warned of. */
const COMPARISONS = 2_000_000;
/** What a route costs on each listener before it is compared. */
const ROUTE_COST = 10;

/** Routes by which it is shadowed that are named. */
const MAX_NAMED_ROUTES = 3;

export function checkShadows(context: CheckContext): void {
  // In a file that is not used nothing gets a request, and what is missing in it might be what shadows.
  if (context.issues.hasErrors) return;
  const routes = routesOf(context);
  const budget: CompareBudget = { left: COMPARISONS };
  const shadows = context.config.listeners.map((_, index) => shadowsOn(index, routes, budget));
  for (const { name, listeners } of routes) {
    const found = listeners.map((index) => shadows[index]?.get(name));
    if (found.length > 0 && found.every((shadow) => shadow !== undefined))
      warn(context, name, listeners, found);
  }
}

function shadowsOn(index: number, routes: readonly OrderedRoute[], budget: CompareBudget) {
  const served = routes.filter(({ listeners }) => listeners.includes(index));
  budget.left -= ROUTE_COST * served.length;
  return budget.left <= 0
    ? new Map<string, ShadowedRoute>()
    : shadowedRoutes(rankRoutes(served, index), budget);
}

/** No router has such a name. */
const OWN = "listener:";

/** As the plan has them: listeners by index, their own backends behind everything else. */
function routesOf({ config }: CheckContext): readonly OrderedRoute[] {
  const http = [...config.listeners.keys()].filter((index) => {
    const listener = config.listeners[index];
    return listener !== undefined && isHttpListener(listener);
  });
  const routers = Object.entries(config.routers).flatMap(([name, { rule, priority, listeners }]) => {
    const parsed = parseRule(rule);
    const served = http.filter(
      (index) => listeners.length === 0 || listeners.includes(config.listeners[index]?.name ?? ""),
    );
    return "error" in parsed ? [] : [{ name, rule: parsed.rule, priority, listeners: served }];
  });
  const own = http
    .filter((index) => (config.listeners[index]?.backends.length ?? 0) > 0)
    .map((index) => ({
      name: `${OWN}${index}`,
      rule: { kind: "all" } as const,
      priority: Number.MIN_SAFE_INTEGER,
      listeners: [index],
    }));
  return [...routers, ...own];
}

function warn(
  { config, issues }: CheckContext,
  name: string,
  listeners: readonly number[],
  found: readonly ShadowedRoute[],
): void {
  const by = [...new Set(found.flatMap((shadow) => shadow.by))];
  const rest = found.some((shadow) => shadow.leavesOptions) ? " but OPTIONS *" : "";
  const takers = `${namesOf(by)} ${by.length === 1 ? "takes" : "take"}`;
  const [index] = listeners;
  if (name.startsWith(OWN) && index !== undefined) {
    const listener = config.listeners[index]?.name ?? "";
    const message = `the backends of listener ${quote(listener)} get nothing${rest}: ${takers} all requests first`;
    issues.warn(["listeners", index, "backends"], message, { at: "key" });
    return;
  }
  const message = `router ${quote(name)} gets nothing${rest}: ${takers} all that it would take`;
  const hint = `those before it have a higher priority than ${config.routers[name]?.priority}, or a name that comes first`;
  issues.warn(["routers", name, "rule"], message, { hint });
}

function namesOf(routers: readonly string[]): string {
  const shown = routers.slice(0, MAX_NAMED_ROUTES).map(quote).join(", ");
  const more = routers.length - MAX_NAMED_ROUTES;
  return `router${routers.length === 1 ? "" : "s"} ${shown}${more > 0 ? ` and ${more} more` : ""}`;
}
