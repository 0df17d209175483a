/**
 * The streams of a connection: those that are open by identifier, what is remembered of those that are
 * closed, and which identifiers were used (RFC 9113 section 5.1.1). We push nothing and let nobody push,
 * so all streams are the client's, and have odd identifiers.
 *
 * Identifiers follow each other, so their low bits spread streams evenly over the slots; those that
 * share one are linked.
 */
import { ClosedStreams, type Closing } from "./closed-streams.ts";
import { MAX_STREAM_ID } from "./h2-limits.ts";
import type { H2Stream } from "./h2-stream.ts";

/** Ranges of identifiers that were passed over; nobody but a test does that more than a few times. */
const KEPT_RANGES = 8;

/** Powers of two. There are at least as many slots as streams, until the streams are very many. */
const FIRST_SLOTS = 8;
const MAX_SLOTS = 1024;

export class StreamTable {
  size = 0;
  /** The highest identifier that was opened; -1: none. */
  lastId = -1;
  /** The highest that was taken up: the others were refused, or came behind GOAWAY. */
  lastTakenId = 0;
  #slots: (H2Stream | null)[] = emptySlots(FIRST_SLOTS);
  readonly #closed: ClosedStreams = new ClosedStreams();
  /** First and last identifiers of ranges that were passed over, by pairs. */
  readonly #skipped: number[] = [];

  /** The stream if it is open. */
  get(id: number): H2Stream | null {
    const slots = this.#slots;
    let stream = slots[slotOf(id, slots.length)] as H2Stream | null;
    while (stream !== null && stream.id !== id) stream = stream.tableNext;
    return stream;
  }

  /** Those that are open now, in the order of their identifiers. */
  all(): H2Stream[] {
    const streams: H2Stream[] = [];
    for (const first of this.#slots)
      for (let stream = first; stream !== null; stream = stream.tableNext) streams.push(stream);
    return streams.sort((one, other) => one.id - other.id);
  }

  /** The client has used this identifier, which is odd and above `lastId`; those below were never used and will not be. */
  use(id: number): void {
    if (id > this.lastId + 2) {
      this.#skipped.push(this.lastId + 2, id - 2);
      if (this.#skipped.length > 2 * KEPT_RANGES) this.#skipped.splice(0, 2);
    }
    this.lastId = id;
  }

  add(stream: H2Stream): void {
    if (this.size === this.#slots.length && this.size < MAX_SLOTS) this.#grow();
    this.size++;
    this.#link(stream);
    this.lastTakenId = stream.id;
  }

  /** The stream is over; nothing happens if it was before. */
  remove(stream: H2Stream, closing: Closing): void {
    const slots = this.#slots;
    const slot = slotOf(stream.id, slots.length);
    let before: H2Stream | null = null;
    let at = slots[slot] as H2Stream | null;
    while (at !== null && at !== stream) {
      before = at;
      at = at.tableNext;
    }
    if (at === null) return;
    if (before === null) slots[slot] = stream.tableNext;
    else before.tableNext = stream.tableNext;
    stream.tableNext = null;
    this.size--;
    this.#closed.add(stream.id, closing);
  }

  /** The next identifier of ours; -1 when all are used up. */
  nextId(): number {
    return this.lastId + 2 > MAX_STREAM_ID ? -1 : this.lastId + 2;
  }

  /** Whether nobody has used this identifier yet. Even ones are a server's, and we know of no use of them. */
  isIdle(id: number): boolean {
    return id > this.lastId || id % 2 === 0;
  }

  /** Whether the identifier was passed over. */
  wasSkipped(id: number): boolean {
    for (let i = 0; i < this.#skipped.length; i += 2)
      if (id >= (this.#skipped[i] as number) && id <= (this.#skipped[i + 1] as number)) return true;
    return false;
  }

  /** How a stream ended that is neither open nor idle. */
  closingOf(id: number): Closing {
    return this.#closed.closingOf(id);
  }

  #link(stream: H2Stream): void {
    const slot = slotOf(stream.id, this.#slots.length);
    stream.tableNext = this.#slots[slot] as H2Stream | null;
    this.#slots[slot] = stream;
  }

  #grow(): void {
    const streams = this.all();
    this.#slots = emptySlots(this.#slots.length * 2);
    for (const stream of streams) this.#link(stream);
  }
}

function emptySlots(count: number): (H2Stream | null)[] {
  return Array.from({ length: count }, () => null);
}

function slotOf(id: number, slots: number): number {
  return (id >>> 1) & (slots - 1);
}
