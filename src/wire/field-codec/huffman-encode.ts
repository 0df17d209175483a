/**
 * Encodes strings in the Huffman code of RFC 7541 section 5.2, which QPACK uses as well (RFC 9204
 * section 4.1.2), when that makes them shorter.
 */
import { CODE_BITS, CODES, END_OF_STRING } from "./huffman-code.ts";

/**
 * Codes longer than this belong to octets outside of text. A string that holds one goes as it is, so
 * that code and unwritten bits always fit into 32.
 */
const MAX_TEXT_CODE_BITS = 15;

/** Per octet: its code, above the 4 bits of its length; 0: a code that is too long. */
const TEXT_CODES: Int32Array = textCodes();

/**
 * Encodes `source[start, end)` to `target` at `offset` and returns the offset behind it; -1 when it
 * would not be shorter than the string itself. No more octets of `target` are touched than the string
 * has.
 */
export function huffmanEncode(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  offset: number,
): number {
  const limit = offset + end - start;
  let to = offset;
  // The bits that are not yet written are the low `count` of `bits`.
  let bits = 0;
  let count = 0;
  for (let i = start; i < end; i++) {
    const code = TEXT_CODES[source[i] as number] as number;
    if (code === 0) return -1;
    const length = code & 15;
    bits = (bits << length) | (code >>> 4);
    count += length;
    if (count >= 16) {
      if (to + 2 > limit) return -1;
      count -= 16;
      target[to] = bits >>> (count + 8);
      target[to + 1] = bits >>> count;
      to += 2;
    }
  }
  if (to + ((count + 7) >>> 3) >= limit) return -1;
  if (count >= 8) {
    count -= 8;
    target[to++] = bits >>> count;
  }
  if (count > 0) target[to++] = (bits << (8 - count)) | (0xff >>> count);
  return to;
}

/** Length of what `huffmanEncode` would write; that of the string itself when it would not be shorter. */
export function huffmanLength(source: Uint8Array, start: number, end: number): number {
  let bits = 0;
  for (let i = start; i < end; i++) {
    const code = TEXT_CODES[source[i] as number] as number;
    if (code === 0) return end - start;
    bits += code & 15;
  }
  return Math.min(Math.ceil(bits / 8), end - start);
}

function textCodes(): Int32Array {
  const table = new Int32Array(END_OF_STRING);
  for (let octet = 0; octet < table.length; octet++) {
    const length = CODE_BITS[octet] as number;
    if (length <= MAX_TEXT_CODE_BITS) table[octet] = ((CODES[octet] as number) << 4) | length;
  }
  return table;
}
