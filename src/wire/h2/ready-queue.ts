/**
 * The send scheduler: which of the streams that could send is next (RFC 9218 section 10). Streams wait
 * in a ring for each urgency; the most urgent ring goes first, within a ring streams take turns.
 *
 * A turn is one frame, so that small responses pass between the frames of large ones. A client that
 * asks for its responses one after the other (`i=?0`, given explicitly) gets turns of up to
 * `SEQUENTIAL_FRAMES`. Every `SPARE_TURN`th turn goes to the other rings by rotation: what is less
 * urgent is slow, but never starves.
 */
import type { H2Stream } from "./h2-stream.ts";
import { MAX_URGENCY } from "../multiplexed/priority-field.ts";

/** 1 MiB: most resources of a page in one go, and an end to what a download may hold up. */
const SEQUENTIAL_FRAMES = 64;

const SPARE_TURN = 16;
const RINGS = MAX_URGENCY + 1;

export class ReadyQueue {
  /** The stream whose turn it is, per urgency. */
  readonly #heads: (H2Stream | null)[] = Array.from({ length: RINGS }, () => null);
  /** A bit for each ring that is not empty. */
  #rings = 0;
  #turns = 0;
  /** The ring that had the last spare turn. */
  #spareRing = 0;

  get empty(): boolean {
    return this.#rings === 0;
  }

  /** Behind all others of its urgency. */
  add(stream: H2Stream): void {
    if (stream.ready) return;
    stream.ready = true;
    stream.turnFrames = 0;
    const head = this.#heads[stream.urgency] as H2Stream | null;
    if (head === null) {
      stream.readyNext = stream;
      stream.readyPrevious = stream;
      this.#heads[stream.urgency] = stream;
      this.#rings |= 1 << stream.urgency;
      return;
    }
    const last = head.readyPrevious as H2Stream;
    stream.readyNext = head;
    stream.readyPrevious = last;
    last.readyNext = stream;
    head.readyPrevious = stream;
  }

  remove(stream: H2Stream): void {
    if (!stream.ready) return;
    stream.ready = false;
    const next = stream.readyNext as H2Stream;
    const previous = stream.readyPrevious as H2Stream;
    next.readyPrevious = previous;
    previous.readyNext = next;
    stream.readyNext = null;
    stream.readyPrevious = null;
    if (this.#heads[stream.urgency] !== stream) return;
    this.#heads[stream.urgency] = next === stream ? null : next;
    if (next === stream) this.#rings &= ~(1 << stream.urgency);
  }

  /** The stream that may send a frame now. It stays in the queue until it is removed. */
  next(): H2Stream | null {
    if (this.#rings === 0) return null;
    this.#turns = (this.#turns + 1) % SPARE_TURN;
    const ring = this.#turns === 0 ? this.#nextSpareRing() : lowestBit(this.#rings);
    return this.#heads[ring] as H2Stream | null;
  }

  /** The stream that `next` gave has sent a frame. */
  sent(stream: H2Stream): void {
    stream.turnFrames++;
    if (stream.sequential && stream.turnFrames < SEQUENTIAL_FRAMES) return;
    stream.turnFrames = 0;
    if (stream.ready && this.#heads[stream.urgency] === stream)
      this.#heads[stream.urgency] = stream.readyNext;
  }

  setPriority(stream: H2Stream, urgency: number, sequential: boolean): void {
    const { ready } = stream;
    this.remove(stream);
    stream.urgency = urgency;
    stream.sequential = sequential;
    if (ready) this.add(stream);
  }

  #nextSpareRing(): number {
    const above = this.#rings & (-2 << this.#spareRing);
    this.#spareRing = lowestBit(above === 0 ? this.#rings : above);
    return this.#spareRing;
  }
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
