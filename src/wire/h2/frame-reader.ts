/**
 * Cuts what is received into frames (RFC 9113 section 4.1), however it was split on the way. DATA is
 * handed on as it comes and is never kept; every other payload is handed on whole, from where it lies
 * if it came in one piece.
 *
 *   header -> gather -> header                 frames other than DATA; what is too long to matter is
 *          -> gather -> rest -> header         cut off behind its beginning, or passed over whole
 *          -> [padLength ->] data -> rest -> header
 *
 * Called by the connection for every batch of bytes; hands frames to its `Inbound`.
 */
import { FrameHeader } from "./frame/frame-header.ts";
import { Flag, FRAME_HEADER_BYTES, FrameType } from "./frame/frame-type.ts";
import { GOAWAY_BYTES, MAX_DEBUG_BYTES } from "./frame/goaway.ts";
import { MAX_PRIORITY_VALUE_BYTES, PRIORITY_UPDATE_BYTES } from "./frame/priority-update.ts";

export interface FrameHandler {
  /** False once the connection has failed: nothing more is read. */
  readonly open: boolean;
  /** A frame begins; lengths are to be checked now. What is wrong makes the handler not `open`. */
  onFrameHeader(header: FrameHeader): void;
  /**
   * The payload of a frame other than DATA. It is whole, except that of GOAWAY and PRIORITY_UPDATE only
   * a beginning is shown, and nothing of a frame whose type is not known.
   */
  onFrame(header: FrameHeader, bytes: Buffer, start: number, end: number): void;
  /** A DATA frame with so many octets besides its padding; false: they are not wanted. */
  onDataBegin(header: FrameHeader, dataBytes: number): boolean;
  onDataPart(bytes: Buffer, start: number, end: number): void;
  onDataEnd(header: FrameHeader): void;
  /** The padding is longer than the frame. */
  onBadPadding(): void;
}

const State = { header: 0, padLength: 1, data: 2, rest: 3, gather: 4 } as const;
type State = (typeof State)[keyof typeof State];

const NO_BYTES: Buffer = Buffer.alloc(0);

export class FrameReader {
  /** Frames that have begun. */
  frames = 0;
  readonly #handler: FrameHandler;
  readonly #header: FrameHeader = new FrameHeader();
  #state: State = State.header;
  /** A header or a payload that came in pieces. */
  #gathered: Buffer = NO_BYTES;
  #gatheredBytes = 0;
  /** Octets of the payload that are gathered. */
  #wantedBytes = 0;
  /** Octets of DATA that are still to come. */
  #dataBytes = 0;
  #dataWanted = false;
  /** Octets behind what is read of the payload. */
  #restBytes = 0;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** Some of a frame other than DATA has come, but not all of it. */
  get incomplete(): boolean {
    return this.#gatheredBytes > 0 || (this.#state !== State.header && this.#header.type !== FrameType.data);
  }

  /** Reads all of `bytes[start, end)`, or as much as the handler is open for. */
  read(bytes: Buffer, start: number, end: number): void {
    let pos = start;
    while (pos !== -1 && this.#handler.open) pos = this.#step(bytes, pos, end);
  }

  /** One step further; returns the new position, or -1 when there is not enough for one. */
  #step(bytes: Buffer, pos: number, end: number): number {
    switch (this.#state) {
      case State.header:
        return this.#readHeader(bytes, pos, end);
      case State.padLength:
        return pos === end ? -1 : this.#readPadLength(bytes, pos);
      case State.data:
        return this.#readData(bytes, pos, end);
      case State.rest:
        return this.#readRest(pos, end);
      case State.gather:
        return this.#readPayload(bytes, pos, end);
    }
  }

  #readHeader(bytes: Buffer, pos: number, end: number): number {
    if (this.#gatheredBytes === 0 && end - pos >= FRAME_HEADER_BYTES) {
      this.#header.read(bytes, pos);
      this.#begin();
      return pos + FRAME_HEADER_BYTES;
    }
    const next = this.#gather(bytes, pos, end, FRAME_HEADER_BYTES);
    if (this.#gatheredBytes < FRAME_HEADER_BYTES) return -1;
    this.#header.read(this.#gathered, 0);
    this.#release();
    this.#begin();
    return next;
  }

  /** A header was read. */
  #begin(): void {
    const header = this.#header;
    this.frames += 1;
    this.#handler.onFrameHeader(header);
    if (!this.#handler.open) return;
    if (header.type !== FrameType.data) {
      this.#wantedBytes = Math.min(header.length, longestPayload(header.type));
      this.#restBytes = header.length - this.#wantedBytes;
      this.#state = State.gather;
    } else if (header.has(Flag.padded)) {
      if (header.length === 0) this.#handler.onBadPadding();
      else this.#state = State.padLength;
    } else {
      this.#beginData(header.length, 0);
    }
  }

  #readPadLength(bytes: Buffer, pos: number): number {
    const padding = bytes[pos] as number;
    const length = this.#header.length - 1;
    if (padding > length) this.#handler.onBadPadding();
    else this.#beginData(length - padding, padding);
    return pos + 1;
  }

  #beginData(dataBytes: number, padding: number): void {
    this.#dataBytes = dataBytes;
    this.#restBytes = padding;
    this.#state = State.data;
    this.#dataWanted = this.#handler.onDataBegin(this.#header, dataBytes);
  }

  #readData(bytes: Buffer, pos: number, end: number): number {
    const size = Math.min(end - pos, this.#dataBytes);
    this.#dataBytes -= size;
    if (this.#dataBytes === 0) this.#state = State.rest;
    if (size > 0 && this.#dataWanted) this.#handler.onDataPart(bytes, pos, pos + size);
    return this.#dataBytes === 0 ? pos + size : -1;
  }

  #readRest(pos: number, end: number): number {
    const size = Math.min(end - pos, this.#restBytes);
    this.#restBytes -= size;
    if (this.#restBytes > 0) return -1;
    this.#state = State.header;
    if (this.#header.type === FrameType.data) this.#handler.onDataEnd(this.#header);
    return pos + size;
  }

  #readPayload(bytes: Buffer, pos: number, end: number): number {
    const wanted = this.#wantedBytes;
    if (this.#gatheredBytes === 0 && end - pos >= wanted) {
      this.#state = State.rest;
      this.#handler.onFrame(this.#header, bytes, pos, pos + wanted);
      return pos + wanted;
    }
    const next = this.#gather(bytes, pos, end, wanted);
    if (this.#gatheredBytes < wanted) return -1;
    const payload = this.#gathered;
    this.#release();
    this.#state = State.rest;
    this.#handler.onFrame(this.#header, payload, 0, wanted);
    return next;
  }

  /** Copies up to `wanted` octets in all; returns the position behind what was taken. */
  #gather(bytes: Buffer, pos: number, end: number, wanted: number): number {
    if (this.#gathered.length < wanted) this.#gathered = Buffer.allocUnsafeSlow(wanted);
    const size = Math.min(end - pos, wanted - this.#gatheredBytes);
    bytes.copy(this.#gathered, this.#gatheredBytes, pos, pos + size);
    this.#gatheredBytes += size;
    return pos + size;
  }

  /** An idle connection keeps nothing. */
  #release(): void {
    this.#gathered = NO_BYTES;
    this.#gatheredBytes = 0;
  }
}

/** So much of a payload is of interest; longer ones are an error that `onFrameHeader` finds, or are cut. */
function longestPayload(type: number): number {
  if (type === FrameType.goAway) return GOAWAY_BYTES + MAX_DEBUG_BYTES;
  if (type === FrameType.priorityUpdate) return PRIORITY_UPDATE_BYTES + MAX_PRIORITY_VALUE_BYTES;
  return isKnown(type) ? Infinity : 0;
}

function isKnown(type: number): boolean {
  return type <= FrameType.continuation;
}
