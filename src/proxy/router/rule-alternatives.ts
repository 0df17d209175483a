/**
 * Multiplies a rule out into alternatives that can be looked up: each has at most one host or end of a host,
 * at most one path or prefix, and the rest that must be tested. `Host(a, b) && PathPrefix(x)` becomes
 * two entries of the router's tables instead of a rule to test against every request.
 */
import { hostKeyOf, type LiteralKey, pathKeyOf } from "./pattern-keys.ts";
import type { RuleNode } from "./rule.ts";
import { MAX_ALTERNATIVES } from "./rule-limits.ts";

export interface Alternative {
  /** The whole host, or what it ends with from a dot on; `undefined`: any host. */
  readonly host: LiteralKey | undefined;
  /** The whole path, or a prefix of it; `undefined`: any path. */
  readonly path: LiteralKey | undefined;
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
      return [{ ...ANY, host: { exact: true, text: rule.host } }];
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
    case "hostRegexp": {
      const { key, complete } = hostKeyOf(rule.pattern);
      return [{ ...ANY, host: key, rest: complete ? [] : [rule] }];
    }
    case "pathRegexp": {
      const { key, complete } = pathKeyOf(rule.pattern);
      return [{ ...ANY, path: key, rest: complete ? [] : [rule] }];
    }
    case "not":
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
  const host = narrowerHost(a.host, b.host);
  const path = narrowerPath(a.path, b.path);
  return host === null || path === null ? undefined : { host, path, rest: [...a.rest, ...b.rest] };
}

type Key = LiteralKey | undefined;

/** The key of hosts that holds exactly when both do; `null` when they exclude each other. */
export function narrowerHost(a: Key, b: Key): Key | null {
  return narrower(a, b, (long, short) => long.endsWith(short));
}

/** The same for paths. */
export function narrowerPath(a: Key, b: Key): Key | null {
  return narrower(a, b, (long, short) => long.startsWith(short));
}

function narrower(a: Key, b: Key, isPart: (long: string, short: string) => boolean): Key | null {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.exact && b.exact) return a.text === b.text ? a : null;
  const [outer, inner] = b.exact || (!a.exact && a.text.length < b.text.length) ? [a, b] : [b, a];
  return isPart(inner.text, outer.text) ? inner : null;
}
