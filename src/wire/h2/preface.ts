/** The octets that a client's side of a connection begins with, RFC 9113 section 3.4. */
import "../../base/latin1.ts";

export const CLIENT_PREFACE: Uint8Array = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Compares what a client sends first, however it is split. */
export class PrefaceReader {
  #matched = 0;

  get complete(): boolean {
    return this.#matched === CLIENT_PREFACE.length;
  }

  /** Reads from `bytes[start, end)`; returns the position behind what belongs to the preface, or -1 when it is none. */
  read(bytes: Uint8Array, start: number, end: number): number {
    let pos = start;
    while (pos < end && !this.complete) if (bytes[pos++] !== CLIENT_PREFACE[this.#matched++]) return -1;
    return pos;
  }
}
