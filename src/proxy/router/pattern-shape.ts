/**
 * What every text that matches a regular expression begins or ends with, read off the expression, so that
 * routes with expressions are looked up by it and tested only where it fits. Reads the plain syntax that
 * people write for hosts and paths; an expression with anything else in it is simply said to ask nothing.
 *
 * Only ASCII is read: with it, one character of the expression is one of the text, and letter case has two forms.
 */

/** A part of an expression at its outermost level. */
export type ShapePart =
  | { readonly kind: "literal"; readonly text: string }
  /** Characters of a set, which is a table by code: so many of them or more. */
  | { readonly kind: "run"; readonly members: Uint8Array; readonly min: 0 | 1 }
  | { readonly kind: "begin" | "end" | "other" };

/** Codes that tables of characters know: what hosts and paths hold, read as octets. */
export const TABLE_SIZE = 256;
const LINE_FEED = 0x0a;

/** What follows `\` and is one step of an expression by itself: classes and places. */
const LONE_ESCAPES = "dDwWsSbB";

/** The parts in order, neighbouring literals joined; `undefined`: the expression is not of the plain syntax. */
export function shapeOf(pattern: string, ignoreCase: boolean): readonly ShapePart[] | undefined {
  if (/[^ -~]/.test(pattern)) return undefined;
  const parts: ShapePart[] = [];
  let at = 0;
  while (at < pattern.length) {
    const step = partAt(pattern, at, ignoreCase);
    if (step === undefined) return undefined;
    at = step.end;
    const quantifier = quantifierAt(pattern, at);
    at += quantifier.length;
    // Counts, and a second operator, are read by nobody: rare, and easily read wrong.
    if (quantifierAt(pattern, at) !== "" || pattern.charAt(at) === "{") return undefined;
    push(parts, quantified(step.part, quantifier));
  }
  return parts;
}

/** Before what follows it is known: a set is one character, or a run of them. */
interface Step {
  readonly part: ShapePart | { readonly kind: "set"; readonly members: Uint8Array };
  readonly end: number;
}

function partAt(pattern: string, at: number, ignoreCase: boolean): Step | undefined {
  const character = pattern.charAt(at);
  switch (character) {
    case "^":
      return { part: { kind: "begin" }, end: at + 1 };
    case "$":
      return { part: { kind: "end" }, end: at + 1 };
    case ".":
      return { part: { kind: "set", members: anyButLineFeed() }, end: at + 1 };
    case "[":
      return classAt(pattern, at, ignoreCase);
    case "(":
      return groupAt(pattern, at);
    case "\\":
      return escapeAt(pattern, at);
    case "|":
    case ")":
    case "{":
    case "*":
    case "+":
    case "?":
      return undefined;
  }
  return { part: { kind: "literal", text: character }, end: at + 1 };
}

function anyButLineFeed(): Uint8Array {
  const members = new Uint8Array(TABLE_SIZE).fill(1);
  members[LINE_FEED] = 0;
  return members;
}

function quantifierAt(pattern: string, at: number): string {
  const character = pattern.charAt(at);
  return character === "*" || character === "+" || character === "?" ? character : "";
}

function quantified(part: Step["part"], quantifier: string): ShapePart {
  if (part.kind !== "set") return quantifier === "" ? part : { kind: "other" };
  if (quantifier === "" || quantifier === "?") return { kind: "other" };
  return { kind: "run", members: part.members, min: quantifier === "+" ? 1 : 0 };
}

function push(parts: ShapePart[], part: ShapePart): void {
  const last = parts.at(-1);
  if (part.kind === "literal" && last?.kind === "literal") {
    parts[parts.length - 1] = { kind: "literal", text: last.text + part.text };
  } else {
    parts.push(part);
  }
}

function escapeAt(pattern: string, at: number): Step | undefined {
  const escaped = pattern.charAt(at + 1);
  if (/^[!-/:-@[-`{-~]$/.test(escaped)) return { part: { kind: "literal", text: escaped }, end: at + 2 };
  return escaped !== "" && LONE_ESCAPES.includes(escaped)
    ? { part: { kind: "other" }, end: at + 2 }
    : undefined;
}

/** A group is passed over as a whole; one that sets flags changes what all the rest means. */
function groupAt(pattern: string, start: number): Step | undefined {
  if (pattern.startsWith("(?", start) && !pattern.startsWith("(?:", start)) return undefined;
  let depth = 0;
  for (let at = start; at < pattern.length; at++) {
    const character = pattern.charAt(at);
    if (character === "\\") {
      if (pattern.charAt(at + 1) === "Q") return undefined;
      at++;
    } else if (character === "[") {
      const close = classEnd(pattern, at);
      if (close === -1) return undefined;
      at = close;
    } else if (character === "(") {
      depth++;
    } else if (character === ")" && --depth === 0) {
      return { part: { kind: "other" }, end: at + 1 };
    }
  }
  return undefined;
}

/** The place of the `]` that ends a class; -1: the class is none that is read here. */
function classEnd(pattern: string, start: number): number {
  let at = pattern.charAt(start + 1) === "^" ? start + 2 : start + 1;
  if (pattern.charAt(at) === "]") return -1;
  for (; at < pattern.length; at++) {
    const character = pattern.charAt(at);
    if (character === "]") return at;
    if (character === "[") return -1;
    if (character === "\\") at++;
  }
  return -1;
}

function classAt(pattern: string, start: number, ignoreCase: boolean): Step | undefined {
  const close = classEnd(pattern, start);
  if (close === -1) return undefined;
  const negated = pattern.charAt(start + 1) === "^";
  const members = membersOf(pattern.slice(negated ? start + 2 : start + 1, close), ignoreCase);
  if (members === undefined) return { part: { kind: "other" }, end: close + 1 };
  if (negated) for (let code = 0; code < TABLE_SIZE; code++) members[code] = members[code] === 1 ? 0 : 1;
  return { part: { kind: "set", members }, end: close + 1 };
}

/** The table of a class of single characters and ranges; `undefined` with classes inside it. */
function membersOf(text: string, ignoreCase: boolean): Uint8Array | undefined {
  const members = new Uint8Array(TABLE_SIZE);
  const letters = /\\([!-/:-@[-`{-~])|[^\\]/gy;
  const codes: number[] = [];
  const isDash: boolean[] = [];
  for (;;) {
    const found = letters.exec(text);
    if (found === null) break;
    codes.push((found[1] ?? found[0]).charCodeAt(0));
    isDash.push(found[0] === "-");
    if (letters.lastIndex === text.length) return fill(members, codes, isDash, ignoreCase);
  }
  return undefined;
}

function fill(
  members: Uint8Array,
  codes: readonly number[],
  isDash: readonly boolean[],
  ignoreCase: boolean,
) {
  for (let i = 0; i < codes.length; i++) {
    const isRange = isDash[i + 1] === true && i + 2 < codes.length;
    const first = codes[i] as number;
    const last = isRange ? (codes[i + 2] as number) : first;
    for (let code = first; code <= last; code++) addMember(members, code, ignoreCase);
    if (isRange) i += 2;
  }
  return members;
}

function addMember(members: Uint8Array, code: number, ignoreCase: boolean): void {
  members[code] = 1;
  if (!ignoreCase) return;
  const lower = code | 0x20;
  if (lower < 0x61 || lower > 0x7a) return;
  members[lower] = 1;
  members[lower - 0x20] = 1;
}
