/**
 * Parses the rule of a route, in the language that Traefik made common:
 *
 *   rule    = and *( "||" and )
 *   and     = unary *( "&&" unary )
 *   unary   = "!" unary / "(" rule ")" / matcher
 *   matcher = name "(" string *( "," string ) ")"
 *   string  = "`" ... "`" / DQUOTE ... DQUOTE      ; escapes in double quotes only
 *
 * Called by the configuration check; its tree goes into the plan. Several arguments of a list matcher
 * mean any of them. Errors are values with the place, in UTF-16 units from the start of the text.
 */
import { closest } from "../../base/closest.ts";
import type { RuleNode } from "./rule.ts";
import { MAX_RULE_CHARS, MAX_RULE_DEPTH, MAX_RULE_MATCHERS } from "./rule-limits.ts";
import { type Matcher, MATCHERS } from "./rule-matchers.ts";
import { RuleScanner, sourceOffset, type Token } from "./rule-scanner.ts";

export interface RuleError {
  readonly error: string;
  /** Where in the rule's text, from 0. */
  readonly offset: number;
  /** What would be right, where that is known. */
  readonly hint?: string;
}

/** The tree of a rule, with nested lists of one operator joined; or the first error. */
export function parseRule(text: string): { readonly rule: RuleNode } | RuleError {
  if (text.length > MAX_RULE_CHARS) {
    return {
      error: `a rule has at most ${MAX_RULE_CHARS} characters, this one ${text.length}`,
      offset: MAX_RULE_CHARS,
    };
  }
  return new RuleParser(text).parse();
}

type Operator = "and" | "or";
type StringToken = Token & { kind: "string" };

/** Recursive descent over one rule. Every method gives `undefined` after `#fail`. */
class RuleParser {
  readonly #text: string;
  readonly #scanner: RuleScanner;
  #token: Token;
  #depth = 0;
  #matchers = 0;
  #error: RuleError | undefined;

  constructor(text: string) {
    this.#text = text;
    this.#scanner = new RuleScanner(text);
    this.#token = this.#scanner.next();
  }

  parse(): { readonly rule: RuleNode } | RuleError {
    const rule = this.#list("or");
    if (rule !== undefined && this.#token.kind !== "end") this.#expected("&&, || or the end of the rule");
    if (this.#error !== undefined) return this.#error;
    if (rule === undefined) return { error: "the rule cannot be read", offset: 0 };
    return { rule };
  }

  #list(operator: Operator): RuleNode | undefined {
    const symbol = operator === "or" ? "||" : "&&";
    const nodes: RuleNode[] = [];
    for (;;) {
      const node = operator === "or" ? this.#list("and") : this.#unary();
      if (node === undefined) return undefined;
      if (node.kind === operator) nodes.push(...node.nodes);
      else nodes.push(node);
      if (!this.#isSymbol(symbol)) break;
      this.#advance();
    }
    const [only] = nodes;
    return nodes.length === 1 ? only : { kind: operator, nodes };
  }

  #unary(): RuleNode | undefined {
    if (this.#token.kind === "name") return this.#matcher(this.#token);
    if (!this.#isSymbol("!") && !this.#isSymbol("(")) return this.#expected("a matcher, ! or (");
    const opening = this.#token;
    if (this.#depth === MAX_RULE_DEPTH)
      return this.#fail({ error: `rules nest at most ${MAX_RULE_DEPTH} deep`, offset: opening.offset });
    this.#depth++;
    const negated = this.#isSymbol("!");
    this.#advance();
    const node = negated ? this.#unary() : this.#list("or");
    this.#depth--;
    if (node === undefined) return undefined;
    if (negated) return { kind: "not", node };
    if (!this.#isSymbol(")")) return this.#expected(`&&, || or the ) for the ( at ${opening.offset}`);
    this.#advance();
    return node;
  }

  #matcher(name: Token & { kind: "name" }): RuleNode | undefined {
    const matcher = MATCHERS.get(name.text);
    if (matcher === undefined) return this.#unknownMatcher(name);
    this.#advance();
    if (!this.#isSymbol("(")) return this.#expected(`( after ${matcher.name}`);
    this.#advance();
    const strings = this.#isSymbol(")") ? [] : this.#arguments();
    if (strings === undefined) return undefined;
    this.#advance();
    if (strings.length < matcher.minArguments || strings.length > matcher.maxArguments) {
      return this.#fail(arityError(matcher, strings.length, name.offset));
    }
    return this.#build(matcher, strings);
  }

  /** The arguments up to the closing parenthesis, which stays the current token. */
  #arguments(): StringToken[] | undefined {
    const strings: StringToken[] = [];
    for (;;) {
      const token = this.#token;
      if (token.kind !== "string") return this.#expected("an argument in backticks or double quotes");
      if (++this.#matchers > MAX_RULE_MATCHERS) {
        return this.#fail({
          error: `a rule has at most ${MAX_RULE_MATCHERS} arguments in all`,
          offset: token.offset,
        });
      }
      strings.push(token);
      this.#advance();
      if (this.#isSymbol(")")) return strings;
      if (!this.#isSymbol(",")) return this.#expected(", or )");
      this.#advance();
    }
  }

  #build(matcher: Matcher, strings: readonly StringToken[]): RuleNode | undefined {
    const built = matcher.build(strings.map((token) => token.value));
    if (!("error" in built)) return built;
    const token = strings[built.argument];
    const offset = token === undefined ? 0 : sourceOffset(this.#text, token, built.offset);
    return this.#fail(withHint(`${matcher.name}: ${built.error}`, offset, built.hint));
  }

  #unknownMatcher(name: Token & { kind: "name" }): undefined {
    if (name.text === "HostSNI" || name.text === "HostSNIRegexp") {
      return this.#fail({
        error: `${name.text} is for listeners without HTTP`,
        offset: name.offset,
        hint: "use Host(...)",
      });
    }
    const names = [...MATCHERS.keys()];
    const near = closest(name.text, names);
    const hint = near === undefined ? `the matchers are ${names.join(", ")}` : `did you mean ${near}?`;
    return this.#fail({ error: `unknown matcher ${name.text}`, offset: name.offset, hint });
  }

  #isSymbol(text: string): boolean {
    return this.#token.kind === "symbol" && this.#token.text === text;
  }

  #advance(): void {
    this.#token = this.#scanner.next();
  }

  #expected(what: string): undefined {
    const token = this.#token;
    if (token.kind === "bad") return this.#fail(withHint(token.error, token.offset, token.hint));
    return this.#fail({ error: `expected ${what}, found ${describe(token)}`, offset: token.offset });
  }

  #fail(error: RuleError): undefined {
    this.#error ??= error;
  }
}

function withHint(error: string, offset: number, hint: string | undefined): RuleError {
  return hint === undefined ? { error, offset } : { error, offset, hint };
}

function arityError(matcher: Matcher, count: number, offset: number): RuleError {
  const { minArguments: min, maxArguments: max } = matcher;
  const wanted =
    max === Number.POSITIVE_INFINITY ? `at least ${min}` : min === max ? `${min}` : `${min} or ${max}`;
  const noun = wanted.endsWith(" 1") ? "argument" : "arguments";
  return { error: `${matcher.name} takes ${wanted} ${noun} (${matcher.usage}), got ${count}`, offset };
}

function describe(token: Exclude<Token, { kind: "bad" }>): string {
  switch (token.kind) {
    case "end":
      return "the end of the rule";
    case "string":
      return "an argument";
    case "name":
    case "symbol":
      return token.text;
  }
}
