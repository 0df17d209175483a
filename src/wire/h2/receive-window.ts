/**
 * What the peer may send, on a stream or on the whole connection (RFC 9113 section 5.2). It is told of
 * room in halves of the window, so that it costs a WINDOW_UPDATE for each so many octets and not for
 * each frame.
 */
export class ReceiveWindow {
  /** Octets that the peer may still send; negative when it has sent more. */
  available: number;
  /** Octets that came and were not given back. */
  heldBytes = 0;
  #size: number;
  /** Octets that were given back, of which the peer does not know. */
  #unannounced = 0;

  constructor(size: number) {
    this.available = size;
    this.#size = size;
  }

  /** So many octets came; false: more than were allowed. */
  take(bytes: number): boolean {
    this.available -= bytes;
    this.heldBytes += bytes;
    return this.available >= 0;
  }

  /** So many octets were passed on. Returns the increment to announce now, or 0. */
  give(bytes: number): number {
    this.heldBytes -= bytes;
    this.#unannounced += bytes;
    if (this.#unannounced * 2 < this.#size) return 0;
    const increment = this.#unannounced;
    this.#unannounced = 0;
    this.available += increment;
    return increment;
  }

  /** The peer has agreed to another size. */
  resize(size: number): void {
    this.available += size - this.#size;
    this.#size = size;
  }
}
