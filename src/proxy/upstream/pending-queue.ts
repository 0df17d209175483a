/** The requests that wait for a connection to one backend, in the order in which they came; every step costs the same however many they are. */
import { assert } from "../../base/assert.ts";
import type { PendingRequest } from "./pending-request.ts";

export class PendingQueue {
  length = 0;
  #first: PendingRequest | null = null;
  #last: PendingRequest | null = null;

  push(pending: PendingRequest): void {
    pending.before = this.#last;
    if (this.#last === null) this.#first = pending;
    else this.#last.behind = pending;
    this.#last = pending;
    this.length += 1;
  }

  /** Takes out the one that has waited longest. */
  shift(): PendingRequest | null {
    const first = this.#first;
    if (first !== null) this.remove(first);
    return first;
  }

  /** Takes out one that is in the queue. */
  remove(pending: PendingRequest): void {
    const { before, behind } = pending;
    assert(before !== null || this.#first === pending, "a request that waits is in the queue");
    if (before === null) this.#first = behind;
    else before.behind = behind;
    if (behind === null) this.#last = before;
    else behind.before = before;
    pending.before = null;
    pending.behind = null;
    this.length -= 1;
  }
}
