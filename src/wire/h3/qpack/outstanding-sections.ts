/**
 * The sections of ours that refer to the dynamic table and that the peer has not acknowledged, in the
 * order in which they were encoded (RFC 9204 section 2.1.1). At most `MAX_OUTSTANDING_SECTIONS`, in memory
 * that is there from the beginning.
 */
import { MAX_OUTSTANDING_SECTIONS } from "./qpack-limits.ts";

/** Per section: its stream, its Required Insert Count, the absolute index of the oldest entry that it refers to. */
const STRIDE = 3;

export class OutstandingSections {
  readonly #words: Float64Array = new Float64Array(MAX_OUTSTANDING_SECTIONS * STRIDE);
  /** How much of `#words` is in use. */
  #end = 0;

  get full(): boolean {
    return this.#end === this.#words.length;
  }

  /** One more, when it is not full. */
  add(streamId: number, requiredCount: number, oldest: number): void {
    const words = this.#words;
    words[this.#end] = streamId;
    words[this.#end + 1] = requiredCount;
    words[this.#end + 2] = oldest;
    this.#end += STRIDE;
  }

  /** Removes the first section of a stream and returns its Required Insert Count; -1: there is none. */
  acknowledge(streamId: number): number {
    const words = this.#words;
    for (let at = 0; at < this.#end; at += STRIDE) {
      if (words[at] !== streamId) continue;
      const count = words[at + 1] as number;
      this.#removeAt(at);
      return count;
    }
    return -1;
  }

  /** Removes every section of a stream. */
  cancel(streamId: number): void {
    for (let at = this.#end - STRIDE; at >= 0; at -= STRIDE)
      if (this.#words[at] === streamId) this.#removeAt(at);
  }

  /** The oldest entry that any of them refers to; Infinity when there is none. */
  oldestEntry(): number {
    let oldest = Infinity;
    for (let at = 2; at < this.#end; at += STRIDE) oldest = Math.min(oldest, this.#words[at] as number);
    return oldest;
  }

  /** How many may be blocked, as the peer is not known to have more than `known` entries. */
  blockedCount(known: number): number {
    let count = 0;
    for (let at = 1; at < this.#end; at += STRIDE) if ((this.#words[at] as number) > known) count++;
    return count;
  }

  #removeAt(at: number): void {
    this.#words.copyWithin(at, at + STRIDE, this.#end);
    this.#end -= STRIDE;
  }
}
