/**
 * What PRIORITY_UPDATE has said of streams that are not open yet (RFC 9218 section 7.1): the frame may come
 * in front of its request. One per connection that has such a stream; the caller bounds their number.
 */
import type { PriorityField } from "./priority-field.ts";

const INCREMENTAL_BIT = 8;
const URGENCY_MASK = 7;

export class EarlyPriorities {
  /** Urgency, and `INCREMENTAL_BIT`, by stream. */
  readonly #packed = new Map<number, number>();

  get count(): number {
    return this.#packed.size;
  }

  /** The last one for a stream counts. */
  keep(streamId: number, { urgency, incremental }: PriorityField): void {
    this.#packed.set(streamId, urgency | (incremental ? INCREMENTAL_BIT : 0));
  }

  /** Puts what was said of the stream into `into`; false: nothing was. */
  read(streamId: number, into: PriorityField): boolean {
    const packed = this.#packed.get(streamId);
    if (packed === undefined) return false;
    into.urgency = packed & URGENCY_MASK;
    into.incremental = (packed & INCREMENTAL_BIT) !== 0;
    return true;
  }

  /** The stream was opened. */
  forget(streamId: number): void {
    this.#packed.delete(streamId);
  }

  /** The client has used this identifier: neither it nor those below will be used any more. */
  forgetUpTo(streamId: number): void {
    for (const id of this.#packed.keys()) if (id <= streamId) this.#packed.delete(id);
  }
}
