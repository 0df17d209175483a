/**
 * Regular expressions of rules: RE2 syntax and semantics, so matching takes time linear in the input
 * whatever the expression, and a client cannot make it slow. The parser checks them with `checkPattern`,
 * the compiled router runs `Pattern`.
 *
 * Host patterns match the whole host and ignore letter case; all others match anywhere in the text
 * (`^` and `$` anchor) and are case-sensitive unless they start with `(?i)`.
 */
import { RE2JS, RE2JSException, RE2JSSyntaxException } from "re2js";
import { MAX_PATTERN_CHARS, MAX_PATTERN_INSTRUCTIONS, PATTERN_CACHE_BYTES } from "./rule-limits.ts";

/** `whole`: the host, letter case ignored. `part`: anywhere in the text. */
export type PatternScope = "whole" | "part";

export interface PatternError {
  readonly error: string;
  /** Where in the pattern. */
  readonly offset: number;
}

/** A compiled expression. A test makes a few short-lived objects inside the engine and nothing else. */
export class Pattern {
  readonly #expression: RE2JS;
  readonly #whole: boolean;

  constructor(pattern: string, scope: PatternScope) {
    this.#whole = scope === "whole";
    this.#expression = RE2JS.compile(pattern, this.#whole ? RE2JS.CASE_INSENSITIVE : 0);
    this.limitCache(PATTERN_CACHE_BYTES);
  }

  /** How much memory the cached automaton may take, before the first test. */
  limitCache(bytes: number): void {
    const automaton = this.#expression.re2().dfa;
    automaton.stateBudget = bytes;
    automaton.memBudget = bytes;
  }

  test(text: string): boolean {
    return this.#whole ? this.#expression.testExact(text) : this.#expression.test(text);
  }
}

/** What is wrong with a pattern; `undefined`: nothing. */
export function checkPattern(pattern: string): PatternError | undefined {
  if (pattern === "") return { error: "a regular expression must not be empty", offset: 0 };
  if (pattern.length > MAX_PATTERN_CHARS) {
    return {
      error: `a regular expression has at most ${MAX_PATTERN_CHARS} characters, this one ${pattern.length}`,
      offset: 0,
    };
  }
  const compiled = tryCompile(pattern);
  if (compiled instanceof RE2JS) {
    if (compiled.programSize() <= MAX_PATTERN_INSTRUCTIONS) return undefined;
    return { error: "the regular expression is too large; use smaller repeat counts", offset: 0 };
  }
  if (!(compiled instanceof RE2JSSyntaxException))
    return { error: `invalid regular expression: ${compiled.message}`, offset: 0 };
  return { error: describe(compiled), offset: errorOffset(pattern, compiled) };
}

function tryCompile(pattern: string): RE2JS | RE2JSException {
  try {
    return RE2JS.compile(pattern, 0);
  } catch (error) {
    if (error instanceof RE2JSException) return error;
    throw error;
  }
}

function describe(error: RE2JSSyntaxException): string {
  const fragment = error.getPattern();
  const reason = error.getDescription();
  if (reason === "invalid or unsupported Perl syntax") {
    return `invalid regular expression: look-around and back-references are not supported (RE2 syntax): ${fragment}`;
  }
  const parenthesis = reason === "missing closing )" || reason === "unexpected )";
  return `invalid regular expression: ${reason}${fragment === null || parenthesis ? "" : `: ${fragment}`}`;
}

/**
 * The engine names the offending fragment but not its place. It is the first occurrence of the
 * fragment at which the pattern, cut off behind it, fails for the same reason.
 */
function errorOffset(pattern: string, error: RE2JSSyntaxException): number {
  const reason = error.getDescription();
  if (reason === "missing closing )" || reason === "unexpected )") return parenthesisOffset(pattern);
  const fragment = error.getPattern();
  if (fragment === null) return Math.max(0, pattern.length - 1);
  let at = pattern.indexOf(fragment);
  while (at !== -1) {
    const head = tryCompile(pattern.slice(0, at + fragment.length));
    if (head instanceof RE2JSSyntaxException && head.getDescription() === reason) return at;
    at = pattern.indexOf(fragment, at + 1);
  }
  return Math.max(0, pattern.indexOf(fragment));
}

/** The parenthesis that has no partner: escapes and character classes are skipped. */
function parenthesisOffset(pattern: string): number {
  const open: number[] = [];
  let inClass = false;
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern.charAt(i);
    if (character === "\\") i++;
    else if (inClass) inClass = character !== "]" || isFirstInClass(pattern, i);
    else if (character === "[") inClass = true;
    else if (character === "(") open.push(i);
    else if (character === ")" && open.pop() === undefined) return i;
  }
  return open.at(-1) ?? 0;
}

/** A `]` right after `[` or `[^` is a literal. */
function isFirstInClass(pattern: string, index: number): boolean {
  const before = pattern.charAt(index - 1) === "^" ? index - 2 : index - 1;
  return pattern.charAt(before) === "[" && pattern.charAt(before - 1) !== "\\";
}
