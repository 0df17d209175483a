/**
 * The Priority field and the value of PRIORITY_UPDATE, RFC 9218 sections 4, 5 and 8: a dictionary of
 * structured fields (RFC 9651) of which `u` and `i` mean something. What is not understood is passed
 * over, as section 4 asks; nothing here is an error.
 */
import { COMMA, isWhitespace } from "../http/octets.ts";

export const DEFAULT_URGENCY = 3;
export const MAX_URGENCY = 7;

const LOWER_I = 0x69;
const LOWER_U = 0x75;
const EQUALS = 0x3d;
const QUESTION_MARK = 0x3f;
const SEMICOLON = 0x3b;
const QUOTE = 0x22;
const ZERO = 0x30;
const ONE = 0x31;

/** Filled by `read`, changed by `merge`. */
export class PriorityField {
  /** 0 to 7, 0 the most urgent. */
  urgency = DEFAULT_URGENCY;
  /** Parts of the response are of use by themselves: share the connection with others. */
  incremental = false;

  /** The whole of what a client says: what is not named has its default. */
  read(bytes: Uint8Array, start: number, end: number): void {
    this.urgency = DEFAULT_URGENCY;
    this.incremental = false;
    this.merge(bytes, start, end);
  }

  /** What is not named stays: a further line of the field, or what a server says to it (RFC 9218 section 8). */
  merge(bytes: Uint8Array, start: number, end: number): void {
    let pos = start;
    while (pos < end) {
      while (pos < end && (isWhitespace(bytes[pos]) || bytes[pos] === COMMA)) pos++;
      const memberEnd = endOfMember(bytes, pos, end);
      this.#readMember(bytes, pos, memberEnd);
      pos = memberEnd;
    }
  }

  /** The last member of a name counts (RFC 9651 section 4.2.2). */
  #readMember(bytes: Uint8Array, start: number, end: number): void {
    const valueEnd = endOfValue(bytes, start, end);
    const length = valueEnd - start;
    if (bytes[start] === LOWER_U && length === 3 && bytes[start + 1] === EQUALS) {
      const urgency = (bytes[start + 2] as number) - ZERO;
      if (urgency >= 0 && urgency <= MAX_URGENCY) this.urgency = urgency;
    } else if (bytes[start] === LOWER_I && length === 1) {
      this.incremental = true;
    } else if (bytes[start] === LOWER_I && length === 4 && bytes[start + 1] === EQUALS) {
      if (bytes[start + 2] === QUESTION_MARK) this.incremental = bytes[start + 3] === ONE;
    }
  }
}

/** The comma behind the member at `start`; one within a string does not count. */
function endOfMember(bytes: Uint8Array, start: number, end: number): number {
  let quoted = false;
  let pos = start;
  for (; pos < end; pos++) {
    if (bytes[pos] === QUOTE) quoted = !quoted;
    else if (bytes[pos] === COMMA && !quoted) break;
  }
  return pos;
}

/** Where name and value end, and parameters or blanks begin. */
function endOfValue(bytes: Uint8Array, start: number, end: number): number {
  let pos = start;
  while (pos < end && bytes[pos] !== SEMICOLON && !isWhitespace(bytes[pos])) pos++;
  return pos;
}
