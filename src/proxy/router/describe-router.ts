/**
 * Prints a router for people: for each host, in the order of names, its paths and the routes there in
 * the order in which they are preferred.
 *
 *   host api.example.com
 *     prefix /v1
 *       api (priority 41)
 *       api-old (priority 30) if Method(`GET`)
 *   any host
 *     any path
 *       default (priority 0)
 */
import { printRule } from "./print-rule.ts";
import type { RankedRoute } from "./rank-routes.ts";
import type { Alternative } from "./rule-alternatives.ts";

type Group = Map<string, string[]>;

/** `ranked` in order of preference. */
export function describeRoutes(ranked: readonly RankedRoute[]): string {
  const hosts = new Map<string, Group>();
  const never: string[] = [];
  for (const route of ranked) {
    if (route.alternatives.length === 0) never.push(`  ${label(route)}: ${printRule(route.plan.rule)}`);
    for (const alternative of route.alternatives) {
      const group = entry(hosts, hostTitle(alternative), () => new Map<string, string[]>());
      const line = label(route) + condition(alternative);
      const lines = entry(group, pathTitle(alternative), () => []);
      if (!lines.includes(line)) lines.push(line);
    }
  }
  const sections = [...hosts.keys()]
    .toSorted(anyLast)
    .map((title) => section(title, hosts.get(title) ?? new Map()));
  if (never.length > 0) sections.push(["never matched", ...never].join("\n"));
  return sections.length === 0 ? "no routes" : sections.join("\n");
}

function section(title: string, group: Group): string {
  const lines = [title];
  for (const path of [...group.keys()].toSorted(anyLast)) {
    lines.push(`  ${path}`);
    for (const line of group.get(path) ?? []) lines.push(`    ${line}`);
  }
  return lines.join("\n");
}

function hostTitle(alternative: Alternative): string {
  const { host } = alternative;
  if (host === undefined) return "any host";
  return host.exact ? `host ${host.text}` : `hosts that end with ${host.text}`;
}

function pathTitle(alternative: Alternative): string {
  const { path } = alternative;
  if (path === undefined) return "any path";
  return path.exact ? `path ${path.text}` : `prefix ${path.text}`;
}

function label(route: RankedRoute): string {
  return `${route.plan.name} (priority ${route.plan.priority})`;
}

function condition(alternative: Alternative): string {
  const { rest } = alternative;
  return rest.length === 0 ? "" : ` if ${printRule({ kind: "and", nodes: rest })}`;
}

/** Code-unit order, but what stands for everything comes last. */
function anyLast(a: string, b: string): number {
  const aAny = a.startsWith("any ");
  if (aAny !== b.startsWith("any ")) return aAny ? 1 : -1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
