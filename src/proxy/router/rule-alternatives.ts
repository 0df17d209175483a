/**
 * Multiplies a rule out into alternatives that can be looked up: each has at most one exact host, at
 * most one path or prefix, and the rest that must be tested. `Host(a, b) && PathPrefix(x)` becomes
 * two entries of the router's tables instead of a rule to test against every request.
 */
import type { RuleNode } from "./rule.ts";
import { MAX_ALTERNATIVES } from "./rule-limits.ts";

export interface PathKey {
  /** The whole path, or a prefix of it. */
  readonly exact: boolean;
  readonly text: string;
}

export interface Alternative {
  /** `undefined`: any host. */
  readonly host: string | undefined;
  /** `undefined`: any path. */
  readonly path: PathKey | undefined;
  /** All of these must hold too. */
  readonly rest: readonly RuleNode[];
}

const ANY: Alternative = { host: undefined, path: undefined, rest: [] };

/** The alternatives of a rule; none when it contradicts itself and can never match. */
export function alternativesOf(rule: RuleNode): readonly Alternative[] {
  switch (rule.kind) {
    case "all":
      return [ANY];
    case "host":
      return [{ ...ANY, host: rule.host }];
    case "path":
      return [{ ...ANY, path: { exact: true, text: rule.path } }];
    case "pathPrefix":
      return [{ ...ANY, path: { exact: false, text: rule.prefix } }];
    case "or": {
      const alternatives = rule.nodes.flatMap(alternativesOf);
      return alternatives.length > MAX_ALTERNATIVES ? [tested(ANY, rule)] : alternatives;
    }
    case "and":
      return rule.nodes.reduce(multiply, [ANY]);
    case "not":
    case "hostRegexp":
    case "pathRegexp":
    case "method":
    case "header":
    case "headerRegexp":
    case "query":
    case "queryRegexp":
    case "clientIp":
      return [tested(ANY, rule)];
  }
}

/** Each alternative combined with each of the node's; the node stays a test where that would be too many. */
function multiply(alternatives: readonly Alternative[], node: RuleNode): readonly Alternative[] {
  const factors = alternativesOf(node);
  if (alternatives.length * factors.length > MAX_ALTERNATIVES)
    return alternatives.map((each) => tested(each, node));
  return alternatives.flatMap((each) => factors.flatMap((factor) => both(each, factor) ?? []));
}

function tested(alternative: Alternative, node: RuleNode): Alternative {
  return { ...alternative, rest: [...alternative.rest, node] };
}

/** What holds when both hold; `undefined` when they exclude each other. */
function both(a: Alternative, b: Alternative): Alternative | undefined {
  if (a.host !== undefined && b.host !== undefined && a.host !== b.host) return undefined;
  const rest = [...a.rest, ...b.rest];
  const host = a.host ?? b.host;
  if (a.path === undefined || b.path === undefined) return { host, path: a.path ?? b.path, rest };
  const path = narrower(a.path, b.path);
  return path === undefined ? undefined : { host, path, rest };
}

/** The key that holds exactly when both do. */
function narrower(a: PathKey, b: PathKey): PathKey | undefined {
  const [short, long] = a.text.length < b.text.length ? [a, b] : [b, a];
  if (short.exact) return long.text === short.text ? short : undefined;
  return long.text.startsWith(short.text) ? long : undefined;
}
