/**
 * A header block that came in more than one frame (RFC 9113 section 4.3), gathered until it is whole.
 * It may have as many octets as a list may decode to, and one frame more; and as many frames as those
 * octets need, and some more (CVE-2024-27316).
 */
import { MAX_FRAME_BYTES } from "./frame/frame-type.ts";
import { SPARE_CONTINUATIONS } from "../multiplexed/abuse-budget.ts";

const NO_BYTES: Buffer = Buffer.alloc(0);

export class HeaderBlock {
  /** The stream that it belongs to; 0: no block is under way. */
  streamId = 0;
  endStream = false;
  dependency = -1;
  /** What came is `bytes[0, length)`. */
  bytes: Buffer = NO_BYTES;
  length = 0;
  readonly #maxBytes: number;
  readonly #maxFrames: number;
  #frames = 0;

  constructor(maxHeaderListBytes: number) {
    this.#maxBytes = maxHeaderListBytes + MAX_FRAME_BYTES;
    this.#maxFrames = Math.ceil(this.#maxBytes / MAX_FRAME_BYTES) + SPARE_CONTINUATIONS;
  }

  begin(streamId: number, endStream: boolean, dependency: number): void {
    this.streamId = streamId;
    this.endStream = endStream;
    this.dependency = dependency;
    this.length = 0;
    this.#frames = 0;
  }

  get tooLong(): boolean {
    return this.length > this.#maxBytes;
  }

  get tooManyFrames(): boolean {
    return this.#frames > this.#maxFrames;
  }

  /** The next fragment; ask `tooLong` and `tooManyFrames` then. Of what is too long nothing is kept. */
  append(source: Buffer, start: number, end: number): void {
    const at = this.length;
    this.length += end - start;
    this.#frames++;
    if (this.tooLong) return;
    if (this.length > this.bytes.length) this.#grow();
    source.copy(this.bytes, at, start, end);
  }

  /** The block was read. */
  release(): void {
    this.streamId = 0;
    this.bytes = NO_BYTES;
  }

  #grow(): void {
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#maxBytes, this.length * 2));
    this.bytes.copy(grown);
    this.bytes = grown;
  }
}
