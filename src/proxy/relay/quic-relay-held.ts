/** Octets of one direction of a stream that the other side of a relay had no room for. */

const NO_OCTETS: Buffer = Buffer.alloc(0);

export class QuicRelayHeld {
  bytes: Buffer = NO_OCTETS;
  /** What is held is `bytes[start, end)`. */
  start = 0;
  end = 0;

  get length(): number {
    return this.end - this.start;
  }

  /** Memory that is in use, held octets or not. */
  get size(): number {
    return this.bytes.length;
  }

  /** Copies. What comes in many small pieces is not copied again for each. */
  add(bytes: Buffer, start: number, end: number): void {
    const octets = end - start;
    if (this.end + octets > this.bytes.length) this.#grow(octets);
    bytes.copy(this.bytes, this.end, start, end);
    this.end += octets;
  }

  clear(): void {
    this.bytes = NO_OCTETS;
    this.start = 0;
    this.end = 0;
  }

  #grow(octets: number): void {
    const { length } = this;
    // Not from a shared slab, which one small piece would keep alive.
    const grown = Buffer.allocUnsafeSlow(length + Math.max(octets, length));
    this.bytes.copy(grown, 0, this.start, this.end);
    this.bytes = grown;
    this.start = 0;
    this.end = length;
  }
}
