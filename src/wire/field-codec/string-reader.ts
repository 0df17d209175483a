/**
 * Strings as RFC 7541 section 5.2 and RFC 9204 section 4.1.2 have them: a flag that says whether they
 * are in the Huffman code, their length with a prefix, and their octets.
 */
import { writeSpan } from "../http/write.ts";
import { huffmanDecode, huffmanDecodedBound } from "./huffman-decode.ts";
import { IntegerReader } from "./integer.ts";

export class StringReader {
  /** The octets as they came. */
  start = 0;
  end = 0;
  huffman = false;
  readonly #integer: IntegerReader = new IntegerReader();

  /**
   * Reads the string at `start`: its length is where `mask` has ones, its flag is the bit above. Returns
   * the offset behind it; -1 when it does not end before `end`.
   */
  read(bytes: Uint8Array, start: number, end: number, mask: number): number {
    if (start >= end) return -1;
    this.huffman = ((bytes[start] as number) & (mask + 1)) !== 0;
    this.start = this.#integer.read(bytes, start, end, mask);
    this.end = this.start + this.#integer.value;
    return this.start === -1 || this.end > end ? -1 : this.end;
  }

  /** Room that `writeTo` needs. */
  roomBytes(): number {
    const length = this.end - this.start;
    return this.huffman ? huffmanDecodedBound(length) : length;
  }

  /** Writes the string that `read` found in `bytes`, decoded; returns the offset behind it, -1 when its code is wrong. */
  writeTo(target: Uint8Array, offset: number, bytes: Buffer): number {
    return this.huffman
      ? huffmanDecode(bytes, this.start, this.end, target, offset)
      : writeSpan(target, offset, bytes, this.start, this.end);
  }
}
