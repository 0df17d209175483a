/**
 * Under which host or path the routes with a regular expression are looked up, and whether the lookup, or a
 * cheap test after it, makes the expression itself needless. Called when rules are multiplied out and
 * compiled; the expression decides whatever is not plain.
 */
import { shapeOf, type ShapePart, TABLE_SIZE } from "./pattern-shape.ts";

/** A text that a host or a path is, or that it begins with (paths) or ends with, from a dot on (hosts). */
export interface LiteralKey {
  readonly exact: boolean;
  readonly text: string;
}

export interface PatternKey {
  /** Every text that matches has it; `undefined`: the expression asks for none. */
  readonly key: LiteralKey | undefined;
  /** Every text that has the key matches. */
  readonly complete: boolean;
}

const NOTHING: PatternKey = { key: undefined, complete: false };
/** `.*` matches every text. */
const EVERYTHING: PatternKey = { key: undefined, complete: true };

/** Of an expression for whole hosts. What they end with is taken from a dot on: labels are looked up whole. */
export function hostKeyOf(pattern: string): PatternKey {
  const parts = hostParts(pattern);
  const last = parts?.at(-1);
  if (parts?.length === 1 && isAnything(last)) return EVERYTHING;
  if (parts === undefined || last?.kind !== "literal") return NOTHING;
  const text = last.text.toLowerCase();
  if (parts.length === 1) return { key: { exact: true, text }, complete: true };
  const dot = text.indexOf(".");
  if (dot === -1) return NOTHING;
  // A run of anything before an end leaves the end alone.
  const complete = dot === 0 && parts.length === 2 && isAnything(parts[0]);
  return { key: { exact: false, text: text.slice(dot) }, complete };
}

/** A run of characters, then an end, such as `[^.]+\.example\.com`. */
export interface HostRun {
  readonly members: Uint8Array;
  readonly min: 0 | 1;
  /** Lower case. */
  readonly ending: string;
}

/** `undefined`: the expression for hosts is another one, and has to be run. */
export function hostRunOf(pattern: string): HostRun | undefined {
  const [run, ending, ...others] = hostParts(pattern) ?? [];
  if (run?.kind !== "run" || others.length > 0) return undefined;
  if (ending !== undefined && ending.kind !== "literal") return undefined;
  return { members: run.members, min: run.min, ending: ending?.text.toLowerCase() ?? "" };
}

/** Without the anchors, which say nothing where the whole host has to match. */
function hostParts(pattern: string): readonly ShapePart[] | undefined {
  const parts = shapeOf(pattern, true);
  if (parts === undefined) return undefined;
  const start = parts[0]?.kind === "begin" ? 1 : 0;
  const end = parts.length > start && parts.at(-1)?.kind === "end" ? parts.length - 1 : parts.length;
  return parts.slice(start, end);
}

/** Of an expression for a part of a path. */
export function pathKeyOf(pattern: string): PatternKey {
  const parts = shapeOf(pattern, false);
  const [begin, literal, ...others] = parts ?? [];
  if (parts?.length === 1 && isAnything(begin)) return EVERYTHING;
  if (begin?.kind !== "begin" || literal?.kind !== "literal") return NOTHING;
  const [next, last] = others;
  const { text } = literal;
  if (others.length === 1 && next?.kind === "end") return { key: { exact: true, text }, complete: true };
  const anyRest = isAnything(next) && (others.length === 1 || (others.length === 2 && last?.kind === "end"));
  return { key: { exact: false, text }, complete: others.length === 0 || anyRest };
}

/** `.*`: hosts and paths hold no line ends, which it leaves out. */
function isAnything(part: ShapePart | undefined): boolean {
  if (part?.kind !== "run" || part.min === 1) return false;
  let count = 0;
  for (const member of part.members) count += member;
  return count === TABLE_SIZE - 1 && part.members[0x0a] === 0;
}
