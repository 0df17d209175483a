/**
 * A word of the protocol that is looked for in every message, in any letter case: compared four octets
 * at a time. `equalsLower` does the same for what is seldom met.
 */
import { assert } from "../../base/assert.ts";

const WORD_BYTES = 4;

export interface FoldedText {
  readonly length: number;
  /** Its octets, lower-case. The last word may overlap the one before, so that all are full. */
  readonly words: Int32Array;
  /** By the same places, the bit in which the cases of a letter differ, and nothing where no letter is. */
  readonly caseBits: Int32Array;
}

/** `lower`: at least four octets of ASCII, above `?` only letters in lower case. */
export function foldedText(lower: string): FoldedText {
  assert(lower.length >= WORD_BYTES && /^[!-?a-z]+$/.test(lower), "a word of lower-case letters");
  const bytes = Buffer.from(lower, "latin1");
  const words = new Int32Array(Math.ceil(lower.length / WORD_BYTES));
  for (let i = 0; i < words.length; i++)
    words[i] = bytes.readInt32LE(Math.min(i * WORD_BYTES, lower.length - WORD_BYTES));
  return { length: lower.length, words, caseBits: words.map(caseBitsOf) };
}

/** Letters, and nothing else that is known here, have the bit above that of their case. */
export function caseBitsOf(word: number): number {
  return (word & 0x40404040) >>> 1;
}

/** Whether the octets in `view[start, end)`, whatever they are, spell the text. */
export function equalsFolded(view: DataView, start: number, end: number, text: FoldedText): boolean {
  if (end - start !== text.length) return false;
  const { words, caseBits } = text;
  const last = words.length - 1;
  for (let i = 0; i < last; i++)
    if ((view.getInt32(start + i * WORD_BYTES, true) | (caseBits[i] as number)) !== words[i]) return false;
  return (view.getInt32(end - WORD_BYTES, true) | (caseBits[last] as number)) === words[last];
}
