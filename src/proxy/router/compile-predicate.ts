/** Turns nodes of a rule into predicates. One compiler serves one router, so that equal expressions are compiled once. */
import { CidrSet } from "../../base/cidr.ts";
import { FieldIs, FieldMatches } from "./field-predicates.ts";
import { hostRunOf } from "./pattern-keys.ts";
import { AllOf, Always, AnyOf, Not, type Predicate } from "./predicate.ts";
import { QueryHas, QueryMatches } from "./query-predicates.ts";
import type { RuleNode } from "./rule.ts";
import { MIN_PATTERN_CACHE_BYTES, PATTERN_CACHE_BYTES, ROUTER_CACHE_BYTES } from "./rule-limits.ts";
import { Pattern, type PatternScope } from "./rule-pattern.ts";
import {
  ClientIn,
  HostIs,
  HostMatches,
  HostRunIs,
  MethodIs,
  PathIs,
  PathMatches,
  PathStartsWith,
} from "./target-predicates.ts";

export class PredicateCompiler {
  readonly #wholePatterns = new Map<string, Pattern>();
  readonly #partPatterns = new Map<string, Pattern>();
  readonly #tables = new Map<string, Uint8Array>();

  /** The conjunction of the nodes; `null` when there are none. */
  all(nodes: readonly RuleNode[]): Predicate | null {
    const [first] = nodes;
    if (first === undefined) return null;
    return nodes.length === 1 ? this.#one(first) : new AllOf(nodes.map((node) => this.#one(node)));
  }

  #one(node: RuleNode): Predicate {
    switch (node.kind) {
      case "all":
        return new Always();
      case "and":
        return new AllOf(node.nodes.map((child) => this.#one(child)));
      case "or":
        return new AnyOf(node.nodes.map((child) => this.#one(child)));
      case "not":
        return new Not(this.#one(node.node));
      case "host":
        return new HostIs(node.host);
      case "hostRegexp":
        return this.#hostPattern(node.pattern);
      case "path":
        return new PathIs(node.path);
      case "pathPrefix":
        return new PathStartsWith(node.prefix);
      case "pathRegexp":
        return new PathMatches(this.#pattern(node.pattern, "part"));
      case "method":
        return new MethodIs(node.method);
      case "header":
        return new FieldIs(node.name, node.value);
      case "headerRegexp":
        return new FieldMatches(node.name, this.#pattern(node.pattern, "part"));
      case "query":
        return new QueryHas(node.key, node.value);
      case "queryRegexp":
        return new QueryMatches(node.key, this.#pattern(node.pattern, "part"));
      case "clientIp":
        return new ClientIn(CidrSet.of(node.cidrs));
    }
  }

  /** Shares the memory for the automata of expressions among all that were compiled. */
  finish(): void {
    const patterns = [...this.#wholePatterns.values(), ...this.#partPatterns.values()];
    const share = Math.floor(ROUTER_CACHE_BYTES / Math.max(1, patterns.length));
    const bytes = Math.min(PATTERN_CACHE_BYTES, Math.max(MIN_PATTERN_CACHE_BYTES, share));
    for (const pattern of patterns) pattern.limitCache(bytes);
  }

  /** Most expressions for hosts ask for one or more labels before a name, which is told without an engine. */
  #hostPattern(pattern: string): Predicate {
    const run = hostRunOf(pattern);
    if (run === undefined) return new HostMatches(this.#pattern(pattern, "whole"));
    return new HostRunIs({ ...run, members: this.#shared(run.members) });
  }

  /** One table for all that are equal: there are few kinds of them, and requests find them in the cache. */
  #shared(members: Uint8Array): Uint8Array {
    const text = Buffer.from(members).toString("latin1");
    const known = this.#tables.get(text);
    if (known !== undefined) return known;
    this.#tables.set(text, members);
    return members;
  }

  #pattern(text: string, scope: PatternScope): Pattern {
    const patterns = scope === "whole" ? this.#wholePatterns : this.#partPatterns;
    let pattern = patterns.get(text);
    if (pattern === undefined) {
      pattern = new Pattern(text, scope);
      patterns.set(text, pattern);
    }
    return pattern;
  }
}
