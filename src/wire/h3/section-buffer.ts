/**
 * A field section that comes in more than one read, gathered until it is whole. It grows with what comes,
 * not with what the frame's header announces. Its caller has checked the length against the limit.
 */
const FIRST_BYTES = 1024;

export class SectionBuffer {
  /** What came is `bytes[0, length)`. */
  bytes: Buffer;
  length = 0;
  readonly #wholeBytes: number;

  constructor(wholeBytes: number) {
    this.#wholeBytes = wholeBytes;
    this.bytes = Buffer.allocUnsafeSlow(Math.min(FIRST_BYTES, wholeBytes));
  }

  append(source: Buffer, start: number, end: number): void {
    const needed = this.length + end - start;
    if (needed > this.bytes.length) this.#grow(needed);
    source.copy(this.bytes, this.length, start, end);
    this.length = needed;
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#wholeBytes, needed * 2));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}
