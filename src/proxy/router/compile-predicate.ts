/** Turns nodes of a rule into predicates. One compiler serves one router, so that equal expressions are compiled once. */
import { CidrSet } from "../../base/cidr.ts";
import { FieldIs, FieldMatches } from "./field-predicates.ts";
import { AllOf, Always, AnyOf, Not, type Predicate } from "./predicate.ts";
import { QueryHas, QueryMatches } from "./query-predicates.ts";
import type { RuleNode } from "./rule.ts";
import { Pattern, type PatternScope } from "./rule-pattern.ts";
import {
  ClientIn,
  HostIs,
  HostMatches,
  MethodIs,
  PathIs,
  PathMatches,
  PathStartsWith,
} from "./target-predicates.ts";

export class PredicateCompiler {
  readonly #wholePatterns = new Map<string, Pattern>();
  readonly #partPatterns = new Map<string, Pattern>();

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
        return new HostMatches(this.#pattern(node.pattern, "whole"));
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
