/**
 * What follows from an alternative of a rule: whether every request that it takes fulfils a condition, or
 * none does. It follows what can be told by looking, and says no where it cannot tell: a yes is certain.
 * For warnings about routes, never per request.
 */
import { type Cidr, parseCidr } from "../../base/cidr.ts";
import { hostKeyOf, type LiteralKey, pathKeyOf, type PatternKey } from "./pattern-keys.ts";
import type { RuleNode } from "./rule.ts";
import type { Alternative } from "./rule-alternatives.ts";
import { narrowerHost, narrowerPath } from "./rule-alternatives.ts";
import { Pattern, type PatternScope } from "./rule-pattern.ts";
import { sameNode } from "./same-node.ts";

type NodeOf<Kind extends RuleNode["kind"]> = Extract<RuleNode, { kind: Kind }>;

export class RuleLogic {
  readonly #patterns = new Map<string, Pattern>();
  /** Regular expressions that have been run: they cost more than all else. */
  tested = 0;

  /** No request can fulfil it: its conditions exclude each other. */
  isImpossible(alternative: Alternative): boolean {
    return alternative.rest.some((node) => this.refutes(alternative, node));
  }

  /** Every request that the alternative takes fulfils the condition. */
  implies(known: Alternative, node: RuleNode): boolean {
    if (known.rest.some((each) => sameNode(each, node))) return true;
    switch (node.kind) {
      case "all":
        return true;
      case "and":
        return node.nodes.every((each) => this.implies(known, each));
      case "or":
        return node.nodes.some((each) => this.implies(known, each));
      case "not":
        return this.refutes(known, node.node);
      case "host":
        return known.host?.exact === true && known.host.text === node.host;
      case "path":
        return known.path?.exact === true && known.path.text === node.path;
      case "pathPrefix":
        return known.path?.text.startsWith(node.prefix) === true;
      case "hostRegexp":
        return this.#impliesPattern(known.host, node.pattern, "whole");
      case "pathRegexp":
        return this.#impliesPattern(known.path, node.pattern, "part");
      case "query":
        return node.value === undefined && known.rest.some((each) => asksForQuery(each, node.key));
      case "clientIp":
        return known.rest.some((each) => each.kind === "clientIp" && isWithin(each, node));
      case "method":
      case "header":
      case "headerRegexp":
      case "queryRegexp":
        return false;
    }
  }

  /** No request that the alternative takes fulfils the condition. */
  refutes(known: Alternative, node: RuleNode): boolean {
    if (known.rest.some((each) => each.kind === "not" && sameNode(each.node, node))) return true;
    switch (node.kind) {
      case "and":
        return node.nodes.some((each) => this.refutes(known, each));
      case "or":
        return node.nodes.every((each) => this.refutes(known, each));
      case "not":
        return this.implies(known, node.node);
      case "host":
        return narrowerHost(known.host, { exact: true, text: node.host }) === null;
      case "path":
        return narrowerPath(known.path, { exact: true, text: node.path }) === null;
      case "pathPrefix":
        return narrowerPath(known.path, { exact: false, text: node.prefix }) === null;
      case "hostRegexp":
        return this.#refutesPattern(known.host, node.pattern, "whole");
      case "pathRegexp":
        return this.#refutesPattern(known.path, node.pattern, "part");
      case "method":
        return known.rest.some((each) => each.kind === "method" && each.method !== node.method);
      case "clientIp":
        return known.rest.some((each) => each.kind === "clientIp" && isApart(each, node));
      case "all":
      case "header":
      case "headerRegexp":
      case "query":
      case "queryRegexp":
        return false;
    }
  }

  #impliesPattern(known: LiteralKey | undefined, pattern: string, scope: PatternScope): boolean {
    const { key, complete } = keyOf(pattern, scope);
    if (complete && (key === undefined || hasKey(known, key, scope))) return true;
    return known?.exact === true && this.#test(pattern, scope, known.text);
  }

  #refutesPattern(known: LiteralKey | undefined, pattern: string, scope: PatternScope): boolean {
    const { key } = keyOf(pattern, scope);
    const both = scope === "whole" ? narrowerHost(known, key) : narrowerPath(known, key);
    return both === null || (known?.exact === true && !this.#test(pattern, scope, known.text));
  }

  #test(pattern: string, scope: PatternScope, text: string): boolean {
    this.tested++;
    const name = `${scope} ${pattern}`;
    const compiled = this.#patterns.get(name) ?? new Pattern(pattern, scope);
    this.#patterns.set(name, compiled);
    return compiled.test(text);
  }
}

function keyOf(pattern: string, scope: PatternScope): PatternKey {
  return scope === "whole" ? hostKeyOf(pattern) : pathKeyOf(pattern);
}

/** Whoever has the known key has the other one, too. */
function hasKey(known: LiteralKey | undefined, key: LiteralKey, scope: PatternScope): boolean {
  if (known === undefined) return false;
  if (key.exact) return known.exact && known.text === key.text;
  return scope === "whole" ? known.text.endsWith(key.text) : known.text.startsWith(key.text);
}

function asksForQuery(node: RuleNode, key: string): boolean {
  return (node.kind === "query" || node.kind === "queryRegexp") && node.key === key;
}

function isWithin(inner: NodeOf<"clientIp">, outer: NodeOf<"clientIp">): boolean {
  const blocks = blocksOf(outer);
  return blocksOf(inner).every((block) => blocks.some((each) => holds(each, block)));
}

function isApart(a: NodeOf<"clientIp">, b: NodeOf<"clientIp">): boolean {
  const blocks = blocksOf(b);
  return blocksOf(a).every((block) => !blocks.some((each) => holds(each, block) || holds(block, each)));
}

function blocksOf({ cidrs }: NodeOf<"clientIp">): readonly Cidr[] {
  return cidrs.map(parseCidr).filter((cidr): cidr is Cidr => !("error" in cidr));
}

/** Blocks lie within each other, or apart. Those of IPv6 hold no IPv4 address. */
function holds(outer: Cidr, inner: Cidr): boolean {
  if (outer.bits > inner.bits || outer.text.includes(":") !== inner.text.includes(":")) return false;
  for (let bit = 0; bit < outer.bits; bit += 32) {
    const used = Math.min(32, outer.bits - bit);
    const mask = used === 32 ? 0xffffffff : ~(0xffffffff >>> used);
    const [a, b] = [outer.network[bit >> 5] as number, inner.network[bit >> 5] as number];
    if (((a ^ b) & mask) !== 0) return false;
  }
  return true;
}
