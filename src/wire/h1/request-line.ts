/**
 * The request line, RFC 9112 section 3: `method SP request-target SP HTTP-version CRLF`, with exactly
 * one space each time. Finds the parts; `request-target.ts` reads the target. Called by the request
 * decoder for a line that lies whole in `bytes`.
 */
import { equalsLower } from "../http/field-id.ts";
import { CR, LF, SLASH, SP, TARGET_OCTETS, TOKEN_OCTETS } from "../http/octets.ts";

const ZERO = 0x30;
const DOT = 0x2e;
const UPPER_H = 0x48;
const UPPER_T = 0x54;
const UPPER_P = 0x50;
/** `HTTP/1.1`. */
const VERSION_BYTES = 8;
const HTTP: Uint8Array = Buffer.from("http", "latin1");

const QUESTION_MARK = 0x3f;
/** What a target may hold before its query. */
const PATH_OCTETS: Uint8Array = Uint8Array.from(TARGET_OCTETS);
PATH_OCTETS[QUESTION_MARK] = 0;

export class RequestLine {
  /** The method begins the line. */
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  /** The first `?` of the target, or its end. */
  queryStart = 0;
  /** Major version times ten plus minor version. */
  version = 0;
  /** A line that does not parse has words where method and target stand, and says nothing of HTTP. */
  isForeign = false;
  /** Where a line that does not parse stops to make sense, and why. */
  stop = 0;
  detail = "";

  /** Returns the position behind the line; -1 when it stopped at `stop`. */
  parse(bytes: Uint8Array, start: number, end: number): number {
    let pos = start;
    this.isForeign = false;
    while (pos < end && TOKEN_OCTETS[bytes[pos] as number] === 1) pos++;
    if (pos === end || bytes[pos] !== SP || pos === start) return this.#fail(pos, "no method and space");
    this.methodEnd = pos++;
    this.targetStart = pos;
    while (pos < end && PATH_OCTETS[bytes[pos] as number] === 1) pos++;
    this.queryStart = pos;
    if (pos < end && bytes[pos] === QUESTION_MARK) {
      while (pos < end && TARGET_OCTETS[bytes[pos] as number] === 1) pos++;
    }
    if (pos === end || bytes[pos] !== SP || pos === this.targetStart) {
      return this.#fail(pos, "the target is empty, or holds an octet that it must not");
    }
    this.targetEnd = pos++;
    this.version = versionAt(bytes, pos, end);
    if (this.version === -1) {
      this.isForeign = !namesHttp(bytes, pos, end);
      return this.#fail(pos, "no HTTP version");
    }
    pos += VERSION_BYTES;
    if (pos + 1 >= end || bytes[pos] !== CR || bytes[pos + 1] !== LF) {
      return this.#fail(pos, "the request line does not end in CRLF after the version");
    }
    return pos + 2;
  }

  #fail(stop: number, detail: string): number {
    this.stop = stop;
    this.detail = detail;
    return -1;
  }
}

/** Whether `HTTP` stands anywhere in the rest of the line, in any letter case. */
function namesHttp(bytes: Uint8Array, start: number, end: number): boolean {
  for (let pos = start; pos + HTTP.length <= end && bytes[pos] !== LF; pos++) {
    if (equalsLower(bytes, pos, pos + HTTP.length, HTTP)) return true;
  }
  return false;
}

/** The version that stands at `pos`, as major times ten plus minor; -1 when none does. */
export function versionAt(bytes: Uint8Array, pos: number, end: number): number {
  if (pos + VERSION_BYTES > end) return -1;
  if (bytes[pos] !== UPPER_H || bytes[pos + 1] !== UPPER_T || bytes[pos + 2] !== UPPER_T) return -1;
  if (bytes[pos + 3] !== UPPER_P || bytes[pos + 4] !== SLASH) return -1;
  const major = (bytes[pos + 5] as number) - ZERO;
  const minor = (bytes[pos + 7] as number) - ZERO;
  if (major < 0 || major > 9 || bytes[pos + 6] !== DOT || minor < 0 || minor > 9) return -1;
  return major * 10 + minor;
}
