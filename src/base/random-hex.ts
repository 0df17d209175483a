/**
 * Random identifiers in hexadecimal. The system's generator is asked for a pool at a time, which is
 * turned into digits at once, so that an id costs a copy. Used for request ids and trace ids, which
 * need to be unique, not secret.
 */
import "./latin1.ts";
import { randomFillSync } from "node:crypto";

const POOL_DIGITS = 16_384;
/** By octet, its two digits as they lie in memory. */
const DIGIT_PAIRS = digitPairs();
/** Digits are handed out by the word; see `word-text.ts` for why a word is a double. */
const WORD_DIGITS = 8;

export class RandomHex {
  readonly #entropy = Buffer.allocUnsafeSlow(POOL_DIGITS / 2);
  readonly #digits = Buffer.allocUnsafeSlow(POOL_DIGITS);
  readonly #pairs = new Uint16Array(this.#digits.buffer);
  readonly #words = new Float64Array(this.#digits.buffer);
  #used = this.#words.length;

  /** Writes so many lower-case hexadecimal digits, a multiple of 8 and at most 128. */
  writeTo(target: DataView, offset: number, digits: number): void {
    const words = this.#words;
    const start = this.#take(digits / WORD_DIGITS);
    // Should the machine's order of octets be the other one, these words come out reversed: as random as before.
    for (let i = 0; i * WORD_DIGITS < digits; i++)
      target.setFloat64(offset + i * WORD_DIGITS, words[start + i] as number, true);
  }

  /** So many lower-case hexadecimal digits, as for `writeTo`. */
  next(digits: number): string {
    const start = this.#take(digits / WORD_DIGITS) * WORD_DIGITS;
    return this.#digits.latin1Slice(start, start + digits);
  }

  #take(words: number): number {
    if (this.#used + words > this.#words.length) this.#refill();
    const start = this.#used;
    this.#used = start + words;
    return start;
  }

  #refill(): void {
    randomFillSync(this.#entropy);
    const entropy = this.#entropy;
    const pairs = this.#pairs;
    // No string is made on the way, which would be garbage of the size of the pool.
    for (let i = 0; i < entropy.length; i++) pairs[i] = DIGIT_PAIRS[entropy[i] as number] as number;
    this.#used = 0;
  }
}

function digitPairs(): Uint16Array {
  const pairs = new Uint8Array(512);
  for (let octet = 0; octet < 256; octet++)
    Buffer.from(octet.toString(16).padStart(2, "0"), "latin1").copy(pairs, 2 * octet);
  return new Uint16Array(pairs.buffer);
}
