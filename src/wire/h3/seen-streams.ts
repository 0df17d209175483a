/**
 * Which request streams a client has used. QUIC delivers streams in any order: one below the highest may be
 * new, or may be over, and then what still comes of it is ignored. One per connection of a server.
 *
 * Streams that were passed over count against QUIC's limit of open streams, so they are few; `maxUnseen`
 * bounds them all the same, and what is beyond it counts as over.
 */
import { STREAM_ID_STEP } from "./frame/frame-type.ts";

export class SeenStreams {
  readonly #maxUnseen: number;
  /** Below the highest, and not used yet. */
  readonly #unseen: Set<number> = new Set();
  /** The highest that was used. */
  #highest = -STREAM_ID_STEP;

  constructor(maxUnseen: number) {
    this.#maxUnseen = maxUnseen;
  }

  /** Something has come of the stream: whether for the first time. */
  use(id: number): boolean {
    if (id <= this.#highest) return this.#unseen.delete(id);
    let skipped = this.#highest + STREAM_ID_STEP;
    for (; skipped < id && this.#unseen.size < this.#maxUnseen; skipped += STREAM_ID_STEP)
      this.#unseen.add(skipped);
    this.#highest = id;
    return true;
  }

  /** Whether nothing has come of the stream so far. */
  isNew(id: number): boolean {
    return id > this.#highest || this.#unseen.has(id);
  }
}
