/**
 * The bytes of every body in the chaos test: a window into one block of random bytes, at a place of its
 * own for each exchange and direction. A byte that is lost, repeated, or of another exchange does not
 * fit, wherever it stands.
 */
import { Random } from "../../fuzz/random.ts";

export type Direction = "request" | "response";

/** The longest body: more than the buffers of the kernel hold on the way of a paused reader. */
export const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** Places for windows, and so exchanges in both directions that have one to themselves. */
const PLACES = 1 << 20;

export class Pattern {
  readonly #block = Buffer.allocUnsafeSlow(PLACES + MAX_BODY_BYTES);

  constructor(seed: number) {
    const random = new Random(seed);
    for (let at = 0; at + 4 <= this.#block.length; at += 4)
      this.#block.writeUInt32LE(random.below(2 ** 32), at);
  }

  /** The body of an exchange: the first `length` bytes of its window, not a copy. */
  body(id: number, direction: Direction, length: number): Buffer {
    const start = this.#start(id, direction);
    return this.#block.subarray(start, start + length);
  }

  /** Whether `bytes` are those of the body from `offset` on. */
  fits(id: number, direction: Direction, offset: number, bytes: Buffer): boolean {
    const start = this.#start(id, direction) + offset;
    return this.#block.compare(bytes, 0, bytes.length, start, start + bytes.length) === 0;
  }

  /** An odd factor makes this one-to-one up to `PLACES`. */
  #start(id: number, direction: Direction): number {
    return (Math.imul(id * 2 + (direction === "request" ? 0 : 1), 0x9e3779b1) >>> 0) % PLACES;
  }
}
