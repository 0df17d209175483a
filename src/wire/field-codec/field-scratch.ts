/**
 * Memory in which a field is put together that does not lie in one piece anywhere. What is in it is
 * valid until the next field, so all decoders and encoders of a worker can share one.
 */
import type { ByteStore } from "./byte-store.ts";

/** First size: most fields fit. */
const FIRST_BYTES = 1024;

/** A larger one, made for a large field, is given back when the block is done. */
const KEPT_BYTES = 65_536;

const NO_BYTES: Buffer = Buffer.alloc(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));

export class FieldScratch implements ByteStore {
  bytes: Buffer = NO_BYTES;
  view: DataView = NO_VIEW;

  /** Makes room for `more` bytes behind the first `used`, which stay. */
  reserve(used: number, more: number): void {
    if (used + more > this.bytes.length) this.#grow(used, used + more);
  }

  /** Nothing in it is needed any longer. */
  release(): void {
    if (this.bytes.length <= KEPT_BYTES) return;
    this.bytes = NO_BYTES;
    this.view = NO_VIEW;
  }

  #grow(used: number, size: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, this.bytes.length * 2, size));
    this.bytes.copy(grown, 0, 0, used);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}
