/**
 * Random identifiers in hexadecimal. The system's generator is asked for a pool at a time, which is
 * turned into text at once, so that an id costs a slice. Used for request ids and trace ids, which
 * need to be unique, not secret.
 */
import { randomBytes } from "node:crypto";

const POOL_BYTES = 8192;

export class RandomHex {
  #pool = "";
  #used = 0;

  /** `2 * bytes` lower-case hexadecimal digits; at most 64 bytes at once. */
  next(bytes: number): string {
    const end = this.#used + bytes * 2;
    if (end > this.#pool.length) {
      this.#pool = randomBytes(POOL_BYTES).toString("hex");
      this.#used = 0;
      return this.next(bytes);
    }
    const start = this.#used;
    this.#used = end;
    return this.#pool.slice(start, end);
  }
}
