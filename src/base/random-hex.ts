/**
 * Random identifiers in hexadecimal, from a pool of bytes of the system's generator, so that an id
 * costs no system call. Used for request ids and trace ids, which need to be unique, not secret.
 */
import { randomFillSync } from "node:crypto";

const POOL_BYTES = 4096;

export class RandomHex {
  readonly #pool = Buffer.allocUnsafeSlow(POOL_BYTES);
  #used = POOL_BYTES;

  /** `2 * bytes` lower-case hexadecimal digits; at most 64 bytes at once. */
  next(bytes: number): string {
    if (this.#used + bytes > POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used = start + bytes;
    return this.#pool.toString("hex", start, start + bytes);
  }
}
