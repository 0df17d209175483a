/**
 * Bytes that arrived and are not read yet: one growing buffer, appended at the end and consumed at
 * the front. The raw client and the recording backend parse from it.
 */
export class ByteQueue {
  #buffer = Buffer.allocUnsafe(4096);
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  append(bytes: Buffer): void {
    if (this.#end + bytes.length > this.#buffer.length) this.#makeRoom(bytes.length);
    bytes.copy(this.#buffer, this.#end);
    this.#end += bytes.length;
  }

  /** What is there, valid until the next `append`. */
  view(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** Takes `count` bytes off the front, as a copy. */
  take(count: number): Buffer {
    const bytes = Buffer.from(this.#buffer.subarray(this.#start, this.#start + count));
    this.skip(count);
    return bytes;
  }

  skip(count: number): void {
    this.#start += Math.min(count, this.length);
    if (this.#start === this.#end) this.#start = this.#end = 0;
  }

  #makeRoom(count: number): void {
    const held = this.length;
    let size = this.#buffer.length;
    while (size < held + count) size *= 2;
    const target = size === this.#buffer.length ? this.#buffer : Buffer.allocUnsafe(size);
    this.#buffer.copy(target, 0, this.#start, this.#end);
    this.#buffer = target;
    this.#start = 0;
    this.#end = held;
  }
}
