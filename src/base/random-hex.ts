/**
 * Random identifiers in hexadecimal. The system's generator is asked for a pool at a time, which is
 * turned into digits at once, so that an id costs a copy. Used for request ids and trace ids, which
 * need to be unique, not secret.
 */
import "./latin1.ts";
import { randomBytes } from "node:crypto";

const POOL_DIGITS = 16_384;

export class RandomHex {
  #pool: Buffer = Buffer.alloc(0);
  #used = 0;

  /** Writes so many lower-case hexadecimal digits, at most 128, to `target`. */
  writeTo(target: Uint8Array, offset: number, digits: number): void {
    const start = this.#take(digits);
    const pool = this.#pool;
    for (let i = 0; i < digits; i++) target[offset + i] = pool[start + i] as number;
  }

  /** So many lower-case hexadecimal digits, at most 128. */
  next(digits: number): string {
    const start = this.#take(digits);
    return this.#pool.latin1Slice(start, start + digits);
  }

  #take(digits: number): number {
    if (this.#used + digits > this.#pool.length) {
      this.#pool = Buffer.from(randomBytes(POOL_DIGITS / 2).toString("hex"), "latin1");
      this.#used = 0;
    }
    const start = this.#used;
    this.#used = start + digits;
    return start;
  }
}
