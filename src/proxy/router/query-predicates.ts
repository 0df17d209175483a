/**
 * Conditions on the query, read as `application/x-www-form-urlencoded` (URL Standard, section 5.1):
 * pairs between `&`, `+` is a blank, `%XX` a byte, a lone `%` itself; bytes count as UTF-8. A key
 * that occurs several times matches when any of its values does. Reading is one pass over the query.
 */
import { hexDigit } from "../../base/ip.ts";
import type { Predicate } from "./predicate.ts";
import type { RouteInput } from "./route-input.ts";
import type { Pattern } from "./rule-pattern.ts";

const AMPERSAND = 0x26;
const EQUALS = 0x3d;
const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;

export class QueryHas implements Predicate {
  readonly cost = 2;
  readonly #key: Buffer;
  /** `null`: any value, also none. */
  readonly #value: Buffer | null;

  constructor(key: string, value: string | undefined) {
    this.#key = Buffer.from(key, "utf8");
    this.#value = value === undefined ? null : Buffer.from(value, "utf8");
  }

  matches(request: RouteInput): boolean {
    const { bytes, targetEnd } = request;
    let start = request.pathEnd + 1;
    while (start < targetEnd) {
      const keyEnd = scanTo(bytes, start, targetEnd, EQUALS);
      const end =
        keyEnd < targetEnd && bytes[keyEnd] === EQUALS ? scanTo(bytes, keyEnd, targetEnd, AMPERSAND) : keyEnd;
      if (decodesTo(bytes, start, keyEnd, this.#key)) {
        if (this.#value === null || decodesTo(bytes, Math.min(keyEnd + 1, end), end, this.#value))
          return true;
      }
      start = end + 1;
    }
    return false;
  }
}

export class QueryMatches implements Predicate {
  readonly cost = 3;
  readonly #key: Buffer;
  readonly #pattern: Pattern;

  constructor(key: string, pattern: Pattern) {
    this.#key = Buffer.from(key, "utf8");
    this.#pattern = pattern;
  }

  matches(request: RouteInput): boolean {
    const { bytes, targetEnd } = request;
    let start = request.pathEnd + 1;
    while (start < targetEnd) {
      const keyEnd = scanTo(bytes, start, targetEnd, EQUALS);
      const end =
        keyEnd < targetEnd && bytes[keyEnd] === EQUALS ? scanTo(bytes, keyEnd, targetEnd, AMPERSAND) : keyEnd;
      if (decodesTo(bytes, start, keyEnd, this.#key) && this.#pattern.test(decoded(bytes, keyEnd + 1, end)))
        return true;
      start = end + 1;
    }
    return false;
  }
}

/** The next `stop` or `&` at or after `start`, or the end. */
function scanTo(text: Uint8Array, start: number, end: number, stop: number): number {
  let i = start;
  while (i < end && text[i] !== stop && text[i] !== AMPERSAND) i++;
  return i;
}

/** The decoded byte at `at`; `byteLength` tells how many characters it took. */
function byteAt(text: Uint8Array, at: number, end: number): number {
  const code = text[at] as number;
  if (code === PLUS) return SPACE;
  if (byteLength(text, at, end) === 1) return code;
  return hexDigit(text[at + 1] as number) * 16 + hexDigit(text[at + 2] as number);
}

function byteLength(text: Uint8Array, at: number, end: number): number {
  const escaped =
    text[at] === PERCENT &&
    at + 2 < end &&
    hexDigit(text[at + 1] as number) !== -1 &&
    hexDigit(text[at + 2] as number) !== -1;
  return escaped ? 3 : 1;
}

/** Whether `text[start, end)` decodes to exactly the expected bytes. */
function decodesTo(text: Uint8Array, start: number, end: number, expected: Uint8Array): boolean {
  let at = start;
  for (let i = 0; i < expected.length; i++) {
    if (at >= end || byteAt(text, at, end) !== expected[i]) return false;
    at += byteLength(text, at, end);
  }
  return at === end;
}

function decoded(text: Uint8Array, start: number, end: number): string {
  if (start >= end) return "";
  const bytes = Buffer.allocUnsafe(end - start);
  let length = 0;
  for (let at = start; at < end; at += byteLength(text, at, end)) bytes[length++] = byteAt(text, at, end);
  return bytes.toString("utf8", 0, length);
}
