/**
 * The status line, RFC 9112 section 4: `HTTP-version SP status-code SP [ reason-phrase ] CRLF`. The
 * reason phrase is checked and dropped; a line without it and without its space passes too, as many
 * servers send that. Called by the response decoder for a line that lies whole in `bytes`.
 */
import { CR, FIELD_VALUE_OCTETS, LF, SP } from "../http/octets.ts";
import { versionAt } from "./request-line.ts";

const ZERO = 0x30;
const VERSION_BYTES = 8;
const STATUS_DIGITS = 3;

export class StatusLine {
  /** Major version times ten plus minor version. */
  version = 0;
  /** 0 to 999. */
  status = 0;
  /** Where a line that does not parse stops to make sense, and why. */
  stop = 0;
  detail = "";

  /** Returns the position behind the line; -1 when it stopped at `stop`. */
  parse(bytes: Uint8Array, start: number, end: number): number {
    this.version = versionAt(bytes, start, end);
    if (this.version === -1) return this.#fail(start, "no HTTP version");
    let pos = start + VERSION_BYTES;
    if (pos >= end || bytes[pos] !== SP) return this.#fail(pos, "no space after the version");
    pos++;
    this.status = statusAt(bytes, pos, end);
    if (this.status === -1) return this.#fail(pos, "no status of three digits");
    pos += STATUS_DIGITS;
    if (pos < end && bytes[pos] === SP) {
      while (pos < end && FIELD_VALUE_OCTETS[bytes[pos] as number] === 1) pos++;
    }
    if (pos + 1 >= end || bytes[pos] !== CR || bytes[pos + 1] !== LF) {
      return this.#fail(pos, "the status line does not end in CRLF");
    }
    return pos + 2;
  }

  #fail(stop: number, detail: string): number {
    this.stop = stop;
    this.detail = detail;
    return -1;
  }
}

function statusAt(bytes: Uint8Array, pos: number, end: number): number {
  if (pos + STATUS_DIGITS > end) return -1;
  let status = 0;
  for (let i = pos; i < pos + STATUS_DIGITS; i++) {
    const digit = (bytes[i] as number) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    status = status * 10 + digit;
  }
  return status;
}
