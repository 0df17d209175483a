/** Writes strings as `StringReader` reads them: in the Huffman code where that is shorter. */
import { writeSpan } from "../http/write.ts";
import { huffmanEncode, huffmanLength } from "./huffman-encode.ts";
import { writeInteger } from "./integer.ts";

const HUFFMAN = 0x80;
const LENGTH_MASK = 0x7f;

/**
 * Writes the string in `source[start, end)`, another memory, to `target` at `offset`, with a length of 7
 * bits; returns the offset behind it.
 */
export function writeString(
  target: Buffer,
  offset: number,
  source: Buffer,
  start: number,
  end: number,
): number {
  const length = end - start;
  if (length >= LENGTH_MASK) return writeLongString(target, offset, source, start, end);
  const coded = huffmanEncode(source, start, end, target, offset + 1);
  if (coded !== -1) {
    target[offset] = HUFFMAN | (coded - offset - 1);
    return coded;
  }
  target[offset] = length;
  return writeSpan(target, offset + 1, source, start, end);
}

/** The octets that the length takes are only known when the length is. */
function writeLongString(target: Buffer, offset: number, source: Buffer, start: number, end: number): number {
  const length = huffmanLength(source, start, end);
  if (length === end - start) {
    const at = writeInteger(target, offset, length, LENGTH_MASK, 0);
    return writeSpan(target, at, source, start, end);
  }
  const at = writeInteger(target, offset, length, LENGTH_MASK, HUFFMAN);
  return huffmanEncode(source, start, end, target, at);
}
