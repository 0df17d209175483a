/**
 * The chunk-size line, RFC 9112 section 7.1: `chunk-size [ chunk-ext ] CRLF`. Extensions are checked
 * and dropped, as a recipient that does not know them must; the whitespace that the grammar allows
 * around them only for old senders is refused, since readers disagree about it.
 */
import { CR, HEX_VALUES, HTAB, LF, TOKEN_OCTETS } from "../http/octets.ts";

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DEL = 0x7f;

/** Sixteen digits cannot overflow the arithmetic below before the value is checked. */
const MAX_DIGITS = 16;

export class ChunkLine {
  /** Octets of chunk data; 0 for the last chunk. */
  size = 0;
  /** Where a line that does not parse stops to make sense. */
  stop = 0;

  /** Returns the position behind the line; -1 when it stopped at `stop`. */
  parse(bytes: Uint8Array, start: number, end: number): number {
    let pos = start;
    let size = 0;
    while (pos < end) {
      const digit = HEX_VALUES[bytes[pos] as number] as number;
      if (digit === 255) break;
      size = size * 16 + digit;
      pos++;
      if (pos - start > MAX_DIGITS || size > Number.MAX_SAFE_INTEGER) return this.#fail(pos - 1);
    }
    if (pos === start) return this.#fail(pos);
    while (pos < end && bytes[pos] === SEMICOLON) {
      const next = extensionEnd(bytes, pos + 1, end);
      if (next < 0) return this.#fail(-1 - next);
      pos = next;
    }
    if (pos + 1 >= end || bytes[pos] !== CR || bytes[pos + 1] !== LF) return this.#fail(pos);
    this.size = size;
    return pos + 2;
  }

  #fail(stop: number): number {
    this.stop = stop;
    return -1;
  }
}

/** The end of `name [ = value ]` at `start`; -1 minus the position where it stops to make sense. */
function extensionEnd(bytes: Uint8Array, start: number, end: number): number {
  let pos = tokenEnd(bytes, start, end);
  if (pos === start) return -1 - pos;
  if (pos === end || bytes[pos] !== EQUALS) return pos;
  pos++;
  if (pos < end && bytes[pos] === QUOTE) return quotedStringEnd(bytes, pos + 1, end);
  const valueEnd = tokenEnd(bytes, pos, end);
  return valueEnd === pos ? -1 - pos : valueEnd;
}

function tokenEnd(bytes: Uint8Array, start: number, end: number): number {
  let pos = start;
  while (pos < end && TOKEN_OCTETS[bytes[pos] as number] === 1) pos++;
  return pos;
}

/** `start` is behind the opening quote; RFC 9110 section 5.6.4. */
function quotedStringEnd(bytes: Uint8Array, start: number, end: number): number {
  let pos = start;
  while (pos < end) {
    if (bytes[pos] === QUOTE) return pos + 1;
    if (bytes[pos] === BACKSLASH) pos++;
    if (pos < end && !isQuotable(bytes[pos] as number)) return -1 - pos;
    pos++;
  }
  return -1 - end;
}

function isQuotable(octet: number): boolean {
  return octet === HTAB || (octet >= 0x20 && octet !== DEL);
}
