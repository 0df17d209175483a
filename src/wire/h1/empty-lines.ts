/**
 * Skips the few empty lines that may come before a start line (RFC 9112 section 2.2): some clients and
 * servers send a CRLF behind a body that its length does not count.
 */
import { CR, LF } from "../http/octets.ts";
import { MAX_EMPTY_LINES } from "./h1-limits.ts";

export class EmptyLines {
  #count = 0;
  #afterCr = false;

  begin(): void {
    this.#count = 0;
    this.#afterCr = false;
  }

  /** False: `skip` would return `start`, as nearly always. */
  mayBegin(bytes: Uint8Array, start: number): boolean {
    return this.#count > 0 || bytes[start] === CR;
  }

  /** Returns the position of the first octet that is no part of an empty line; -1 for a bare CR or one line too many. */
  skip(bytes: Uint8Array, start: number, end: number): number {
    let pos = start;
    for (; pos < end; pos++) {
      if (this.#afterCr) {
        if (bytes[pos] !== LF) return -1;
        this.#afterCr = false;
      } else if (bytes[pos] === CR) {
        if (this.#count++ === MAX_EMPTY_LINES) return -1;
        this.#afterCr = true;
      } else {
        return pos;
      }
    }
    return pos;
  }
}
