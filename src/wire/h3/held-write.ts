/**
 * Frames of one stream that were written in the same batch and are not with QUIC yet, so that a small
 * message leaves in one write: head, body and end of stream. One for all connections of a worker: whoever
 * writes on another stream has the one before let go first, and each connection lets go what it has at the
 * end of its batch.
 */
import type { H3Stream } from "./h3-stream.ts";

/** More is let go at once: a head and two usual parts of a body. */
export const HELD_BYTES = 40_960;

/** What is held may begin a few octets behind the place that was reserved for it. */
const SLACK_BYTES = 64;

/** A part of a body up to here is copied behind the head; copying it costs no more than another write. */
export const MAX_HELD_PART_BYTES = 16_384;

const NO_BYTES: Buffer = Buffer.alloc(0);

/** The sender whose stream it is. */
export interface Holder {
  release(): void;
  /** From now on something of its stream is held. */
  holding(): void;
}

export class HeldWrite {
  bytes: Buffer = NO_BYTES;
  /** What is held is `bytes[start, end)`. */
  start = 0;
  end = 0;
  stream: H3Stream | null = null;
  holder: Holder | null = null;

  get length(): number {
    return this.end - this.start;
  }

  /** Makes room for so many octets of a stream behind what is held of it; returns where they go. */
  reserve(holder: Holder, stream: H3Stream, size: number): number {
    if (this.stream !== stream || this.length + size > HELD_BYTES) this.holder?.release();
    this.stream = stream;
    if (this.holder !== holder) {
      this.holder = holder;
      holder.holding();
    }
    if (this.end + size > this.bytes.length) this.#makeRoom(size);
    return this.end;
  }

  /** So much was written in `bytes[start, end)`, at or behind the place that `reserve` gave. */
  add(start: number, end: number): void {
    if (this.length === 0) {
      this.start = start;
      this.end = end;
      return;
    }
    if (start !== this.end) this.bytes.copyWithin(this.end, start, end);
    this.end += end - start;
  }

  /** Nothing is held any more. Memory that one large head has needed is given back. */
  clear(): void {
    this.stream = null;
    this.holder = null;
    this.start = 0;
    this.end = 0;
    if (this.bytes.length > HELD_BYTES + SLACK_BYTES) this.bytes = NO_BYTES;
  }

  #makeRoom(size: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(HELD_BYTES + SLACK_BYTES, this.end + size));
    this.bytes.copy(grown, 0, 0, this.end);
    this.bytes = grown;
  }
}
