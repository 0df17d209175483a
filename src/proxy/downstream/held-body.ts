/**
 * Request body that has come and that the upstream is not ready for, with the end of the request when that
 * has come too. HTTP/2 cannot stop a client at once as a paused socket does: it may send until its window
 * is used up, so at most a stream's window is held. One buffer: a part for each DATA frame would cost many
 * times what is in it when frames are small.
 */
import { Fields } from "../../wire/http/fields.ts";

const FIRST_BYTES = 4096;
const NO_BYTES = Buffer.alloc(0);

export class HeldBody {
  bytes: Buffer = NO_BYTES;
  length = 0;
  /** The request ends behind these bytes. */
  ended = false;
  /** Its trailers; `null`: there are none. */
  trailers: Fields | null = null;

  add(bytes: Buffer, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.bytes.length) this.#grow(length);
    bytes.copy(this.bytes, this.length, start, end);
    this.length = length;
  }

  end(trailers: Fields): void {
    this.ended = true;
    if (trailers.count === 0) return;
    this.trailers = new Fields();
    this.trailers.addAll(trailers);
  }

  clear(): void {
    this.bytes = NO_BYTES;
    this.length = 0;
    this.ended = false;
    this.trailers = null;
  }

  #grow(length: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, this.bytes.length * 2, length));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}
