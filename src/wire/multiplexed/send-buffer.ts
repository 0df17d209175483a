/**
 * What one stream keeps of a body until windows and sink let it go: bytes in one piece, those in front
 * taken first. It exists only while something waits, and holds at most `maxSendBufferBytes` or one part
 * of a body, whichever is more; see `sendData` of `H2Connection` and `H3Connection`.
 *
 * What 1,000 streams of HTTP/2 hold against a client that does not read: 1,000 times 64 KiB of waiting octets, as
 * a sender stops when its next part would not fit, and up to 16 KiB each of room that is rounded up, 80 MB
 * in all; beside it the sink's 64 KiB, what one batch may put on top (64 KiB), and the heads of those
 * streams. What is received in the other direction is held back by `connectionWindowBytes`, 1 MiB.
 */
const ROUNDING_BYTES = 16_384;

/** Up to here a buffer doubles when it grows; beyond, it is as large as it must be. */
const DOUBLING_BYTES = 65_536;

export class SendBuffer {
  bytes: Buffer;
  /** What waits is `bytes[start, end)`. */
  start = 0;
  end = 0;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(roundUp(size));
  }

  get length(): number {
    return this.end - this.start;
  }

  append(source: Buffer, start: number, end: number): void {
    const size = end - start;
    if (this.end + size > this.bytes.length) this.#makeRoom(size);
    source.copy(this.bytes, this.end, start, end);
    this.end += size;
  }

  #makeRoom(size: number): void {
    const { length } = this;
    const needed = length + size;
    const target = needed > this.bytes.length ? this.#larger(needed) : this.bytes;
    this.bytes.copy(target, 0, this.start, this.end);
    this.bytes = target;
    this.start = 0;
    this.end = length;
  }

  #larger(needed: number): Buffer {
    const doubled = Math.min(this.bytes.length * 2, DOUBLING_BYTES);
    return Buffer.allocUnsafeSlow(Math.max(doubled, roundUp(needed)));
  }
}

function roundUp(size: number): number {
  return Math.ceil(size / ROUNDING_BYTES) * ROUNDING_BYTES;
}
