/** Streams whose section waits for entries of the dynamic table (RFC 9204 section 2.1.2); a few at most. */
export class BlockedStreams {
  readonly #ids: number[] = [];
  /** Required Insert Counts of their sections. */
  readonly #counts: number[] = [];

  get size(): number {
    return this.#ids.length;
  }

  add(streamId: number, requiredCount: number): void {
    this.#ids.push(streamId);
    this.#counts.push(requiredCount);
  }

  remove(streamId: number): void {
    const at = this.#ids.indexOf(streamId);
    if (at !== -1) this.#removeAt(at);
  }

  /** Removes and returns the one that waits the longest of those that need no more entries than `inserted`; -1: none. */
  take(inserted: number): number {
    for (let at = 0; at < this.#ids.length; at++)
      if ((this.#counts[at] as number) <= inserted) return this.#removeAt(at);
    return -1;
  }

  #removeAt(at: number): number {
    const id = this.#ids[at] as number;
    this.#ids.splice(at, 1);
    this.#counts.splice(at, 1);
    return id;
  }
}
