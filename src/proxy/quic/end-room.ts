/**
 * Whether an end without octets can go out at once: room in congestion control, of which the engine tells what it
 * was when the peer was last heard, without what has been written since, and with the headers of it and with
 * all that was sent again. `StreamOutbound` asks, before it gives an end to the engine.
 */

/** A packet with an end and nothing else has no more octets. */
const END_BYTES = 100;

export class EndRoom {
  /** Octets of streams that were given to the engine since the peer was heard, and those of packets. */
  #written = 0;
  #sent = 0;
  /** What packets took beyond what was written. */
  #overhead = 0;
  /** Ends that the engine has, and has not sent. */
  #ends = 0;

  /** A datagram comes from the peer: the engine looks what room there is. */
  received(): void {
    this.#written = 0;
    this.#sent = 0;
    this.#overhead = 0;
  }

  /** The engine has taken octets of a stream. */
  written(octets: number): void {
    this.#written += octets;
  }

  /** The engine has sent what it could, in packets of so many octets. */
  sent(octets: number): void {
    this.#sent += octets;
    this.#overhead = Math.max(0, this.#sent - this.#written);
    this.#ends = 0;
  }

  /** Takes the room of one end if there is, while the engine would take `capacityBytes` of the stream. */
  take(capacityBytes: number): boolean {
    if (capacityBytes - this.#overhead < END_BYTES * (this.#ends + 1)) return false;
    this.#ends += 1;
    return true;
  }
}
