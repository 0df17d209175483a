/**
 * How the streams ended that were closed last. What still comes on a closed stream means one thing when
 * it crossed our RST_STREAM on the way, and another when the peer had ended the stream itself (RFC 9113
 * section 5.1). One per connection, asked only for frames that find no stream.
 */
export const Closing = {
  /** By our own RST_STREAM, or too long ago to know: what comes is ignored. */
  byUs: 0,
  /** By END_STREAM of both sides. */
  ended: 1,
  /** By RST_STREAM of the peer. */
  byPeer: 2,
} as const;
export type Closing = (typeof Closing)[keyof typeof Closing];

/** A peer that breaks the rule does so soon; 256 octets for a connection. */
const KEPT_STREAMS = 64;

const CLOSING_BITS = 2;
const CLOSING_MASK = 3;

export class ClosedStreams {
  /** A ring of identifiers with the closing in the low bits; identifiers are odd, so they lose one first. */
  #ring: Uint32Array | null = null;
  #next = 0;

  add(id: number, closing: Closing): void {
    if (closing === Closing.byUs) return;
    const ring = (this.#ring ??= new Uint32Array(KEPT_STREAMS));
    ring[this.#next] = ((id >>> 1) << CLOSING_BITS) | closing;
    this.#next = (this.#next + 1) % KEPT_STREAMS;
  }

  closingOf(id: number): Closing {
    const ring = this.#ring;
    if (ring === null) return Closing.byUs;
    for (let i = 0; i < KEPT_STREAMS; i++) {
      const entry = ring[i] as number;
      // An empty place has no closing.
      if (entry >>> CLOSING_BITS === id >>> 1 && entry !== 0) return (entry & CLOSING_MASK) as Closing;
    }
    return Closing.byUs;
  }
}
