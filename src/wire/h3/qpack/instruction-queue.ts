/**
 * Octets of the encoder stream or of the decoder stream (RFC 9204 section 4.2) that wait for what comes
 * next. Those that are to be sent are filled in by `QpackEncoder` and `QpackDecoder`, and taken out by the
 * connection, whenever `length` is not 0:
 *
 *   taken = sink.write(streamId, queue.bytes, 0, queue.length, false); if (taken > 0) queue.consume(taken);
 */
const FIRST_BYTES = 256;

/** A larger memory is given back when nothing waits. */
const KEPT_BYTES = 4096;

const NO_BYTES: Buffer = Buffer.alloc(0);

export class InstructionQueue {
  /** What waits is `bytes[0, length)`. */
  bytes: Buffer = NO_BYTES;
  length = 0;

  /** Makes room for so many octets more, which its caller writes from `length` on. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, this.bytes.length * 2, needed));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  /** Copies `source[start, end)`. */
  append(source: Buffer, start: number, end: number): void {
    if (start === end) return;
    this.reserve(end - start);
    source.copy(this.bytes, this.length, start, end);
    this.length += end - start;
  }

  /** The first `count` octets are not needed any longer. */
  consume(count: number): void {
    if (count === 0) return;
    if (count < this.length) this.bytes.copyWithin(0, count, this.length);
    this.length -= count;
    if (this.length === 0 && this.bytes.length > KEPT_BYTES) this.bytes = NO_BYTES;
  }
}
