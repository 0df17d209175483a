/**
 * ASCII text that is written again and again, kept as words of eight octets: a store per word costs an
 * eighth of one per octet, and no call into the runtime. Used for field lines and log lines.
 *
 * A word is a double, the only type of eight octets that makes no object. No octet of ASCII below DEL
 * can make it a NaN, whose bits might not survive.
 */
import "./latin1.ts";
import { assert } from "./assert.ts";

const WORD_BYTES = 8;
const DEL = 0x7f;

/** What `writeWords` may write behind the text. */
export const WORD_SLACK_BYTES = WORD_BYTES - 1;

export interface WordText {
  readonly words: Float64Array;
  readonly length: number;
}

/** Text of octets below DEL. */
export function wordText(text: string): WordText {
  const words = new Float64Array(Math.ceil(text.length / WORD_BYTES));
  const bytes = new DataView(new ArrayBuffer(words.length * WORD_BYTES));
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    assert(code < DEL, "words hold ASCII only");
    bytes.setUint8(i, code);
  }
  for (let i = 0; i < words.length; i++) words[i] = bytes.getFloat64(i * WORD_BYTES, true);
  return { words, length: text.length };
}

/** Writes the text, and up to `WORD_SLACK_BYTES` octets of no meaning behind it; returns the offset behind the text. */
export function writeWords(target: DataView, offset: number, text: WordText): number {
  const { words } = text;
  for (let i = 0; i < words.length; i++) target.setFloat64(offset + i * WORD_BYTES, words[i] as number, true);
  return offset + text.length;
}

/** Copies `source[start, end)`, octets below DEL, from one memory to another; returns the offset behind them. */
export function copyWords(
  target: DataView,
  offset: number,
  source: DataView,
  start: number,
  end: number,
): number {
  let from = start;
  let to = offset;
  for (; from + WORD_BYTES <= end; from += WORD_BYTES, to += WORD_BYTES)
    target.setFloat64(to, source.getFloat64(from, true), true);
  for (; from < end; from++, to++) target.setUint8(to, source.getUint8(from));
  return to;
}
