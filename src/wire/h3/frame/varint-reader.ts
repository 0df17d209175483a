/**
 * Reads a variable-length integer (RFC 9000 section 16) that may be cut anywhere, an octet at a time. Values
 * above 2^53 - 1 come out rounded: none of them is a type, a setting or an identifier that means anything
 * to us, and a length is not used up before the connection is.
 */
import { varintLength } from "../../quic/varint.ts";

export class VarintReader {
  /** Of the integer that is complete, or what there is of it. */
  value = 0;
  /** Octets that are still to come; 0: none is under way. */
  #missing = 0;

  /** An integer has begun and is not complete. */
  get incomplete(): boolean {
    return this.#missing > 0;
  }

  /** Reads up to the end of the integer; returns the offset behind it, or `end`. Ask `incomplete` then. */
  read(bytes: Uint8Array, start: number, end: number): number {
    let pos = start;
    if (this.#missing === 0) {
      const first = bytes[pos++] as number;
      const length = varintLength(first);
      this.value = first & 0x3f;
      this.#missing = length - 1;
    }
    while (this.#missing > 0 && pos < end) {
      this.value = this.value * 256 + (bytes[pos++] as number);
      this.#missing--;
    }
    return pos;
  }
}
