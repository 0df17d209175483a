/**
 * Payloads in place of the files that Autobahn takes its own from: text that compresses well where those
 * are text, and octets that hardly do where they are a picture or a document. The same in each run.
 */
import { Random } from "../../test/fuzz/random.ts";
import { BINARY, TEXT } from "../../test/support/ws-frames.ts";

export interface Payloads {
  readonly opcode: number;
  next(): Buffer;
}

const SEED = 20_111;
const WORDS = ["the", "gateway", '{"id":', "<p>", "forwards", "frame", "1024", "ünï✓", "},\n", "and", "</p>"];
const TEXT_FILES = /\.(?:json|html|txt)$/;

/** `file`: what Autobahn uses; its name says what kind of data it is. */
export function payloads(file: string, bytes: number): Payloads {
  const random = new Random(SEED);
  if (TEXT_FILES.test(file)) return { opcode: TEXT, next: () => text(random, bytes) };
  return { opcode: BINARY, next: () => Buffer.from(Array.from({ length: bytes }, () => random.below(256))) };
}

/** Whole characters, so that it is UTF-8: filled up with blanks. */
function text(random: Random, bytes: number): Buffer {
  const words: string[] = [];
  for (let left = bytes; left > 0;) {
    const word = `${random.pick(WORDS)} `;
    left -= Buffer.byteLength(word);
    if (left >= 0) words.push(word);
  }
  return Buffer.from(words.join("").padEnd(bytes)).subarray(0, bytes);
}
