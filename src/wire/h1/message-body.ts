/**
 * Reads the content of a message by its framing, RFC 9112 sections 6 and 7: none, a known length,
 * chunks, or until the connection closes. Bytes are handed on where they lie; nothing is gathered.
 * Both decoders have one and pass its events on.
 *
 *   none ------------------------------------------------------> end
 *   length ----(all octets)------------------------------------> end
 *   untilClose (finish) ---------------------------------------> end
 *   chunkSize -> chunkData -> chunkEnd -> chunkSize ...
 *             -> trailers (size 0) ----------------------------> end
 */
import { assert } from "../../base/assert.ts";
import { Fault, type FaultCode } from "../../base/fault.ts";
import { Fields } from "../http/fields.ts";
import { CR, LF } from "../http/octets.ts";
import { ChunkLine } from "./chunk-line.ts";
import type { FaultCodes } from "./fault-codes.ts";
import { FieldSection, SectionEvent } from "./field-section.ts";
import { H1Event } from "./h1-event.ts";
import type { H1Limits } from "./h1-limits.ts";
import { lineFailure, LineFailure, type PartialLine } from "./partial-line.ts";
import type { ReaderMemory } from "./reader-memory.ts";
import { TRAILER_USES } from "./trailers.ts";

const State = {
  idle: 0,
  none: 1,
  length: 2,
  untilClose: 3,
  chunkSize: 4,
  chunkData: 5,
  /** Before the CR behind chunk data, and before its LF. */
  chunkCr: 6,
  chunkLf: 7,
  trailers: 8,
} as const;
type State = (typeof State)[keyof typeof State];

/** The CRLF behind a chunk's data counts as framing, too. */
const CHUNK_END_BYTES = 2;

export interface MessageBodyOptions {
  readonly codes: FaultCodes;
  /** Policy for trailer names, as for field names. */
  readonly underscores: "reject" | "drop" | "allow";
  readonly memory: ReaderMemory;
}

export class MessageBody {
  event: H1Event = H1Event.needMore;
  bodyStart = 0;
  bodyEnd = 0;
  fault: Fault | null = null;
  readonly trailers: Fields = new Fields();

  readonly #limits: H1Limits;
  readonly #codes: FaultCodes;
  readonly #partial: PartialLine;
  readonly #section: FieldSection;
  readonly #chunkLine: ChunkLine = new ChunkLine();
  #state: State = State.idle;
  /** Octets of the body or of the chunk that have not come yet. */
  #remaining = 0;
  /** What chunk framing may still cost; see `maxChunkOverheadBytes`. */
  #overheadRoomBytes = 0;

  constructor(partial: PartialLine, limits: H1Limits, options: MessageBodyOptions) {
    this.#partial = partial;
    this.#limits = limits;
    this.#codes = options.codes;
    this.#section = new FieldSection(partial, {
      uses: TRAILER_USES,
      underscores: options.underscores,
      maxFields: limits.maxHeaders,
      memory: options.memory,
      codes: options.codes,
    });
  }

  /** So many octets, 0 included. */
  beginLength(length: number): void {
    this.trailers.clear();
    this.#remaining = length;
    this.#state = length === 0 ? State.none : State.length;
  }

  beginChunked(): void {
    this.trailers.clear();
    this.#overheadRoomBytes = this.#limits.maxChunkOverheadBytes;
    this.#state = State.chunkSize;
  }

  beginUntilClose(): void {
    this.trailers.clear();
    this.#state = State.untilClose;
  }

  /** The next call of `next` reports the end, with or without bytes. */
  get endPending(): boolean {
    return this.#state === State.none || (this.#state === State.length && this.#remaining === 0);
  }

  /** Reads from `bytes[start, end)`, sets `event`, and returns the new start. */
  next(bytes: Buffer, start: number, end: number): number {
    switch (this.#state) {
      case State.none:
        return this.#end(start);
      case State.length:
        return this.#remaining === 0 ? this.#end(start) : this.#data(start, end);
      case State.untilClose:
        return this.#untilClose(start, end);
      case State.chunkSize:
      case State.chunkData:
      case State.chunkCr:
      case State.chunkLf:
      case State.trailers:
        return this.#chunked(bytes, start, end);
      case State.idle:
        assert(false, "a body was read that was not begun, or has ended");
    }
  }

  /** The peer ended: `end` when that is how this body ends, otherwise `error`. */
  finish(): H1Event {
    if (this.endPending || this.#state === State.untilClose) this.#end(0);
    else this.#fail(0, this.#codes.truncatedBody, "the connection ended inside the body");
    return this.event;
  }

  reset(): void {
    this.#state = State.idle;
    this.trailers.clear();
  }

  #end(start: number): number {
    this.#state = State.idle;
    this.event = H1Event.end;
    return start;
  }

  #needMore(start: number): number {
    this.event = H1Event.needMore;
    return start;
  }

  #data(start: number, end: number): number {
    if (start === end) return this.#needMore(start);
    const stop = end - start < this.#remaining ? end : start + this.#remaining;
    this.#remaining -= stop - start;
    this.bodyStart = start;
    this.bodyEnd = stop;
    this.event = H1Event.body;
    return stop;
  }

  #untilClose(start: number, end: number): number {
    if (start === end) return this.#needMore(start);
    this.bodyStart = start;
    this.bodyEnd = end;
    this.event = H1Event.body;
    return end;
  }

  #chunked(bytes: Buffer, start: number, end: number): number {
    let pos = start;
    for (;;) {
      if (this.#state === State.trailers) return this.#trailers(bytes, pos, end);
      if (pos === end) return this.#needMore(pos);
      if (this.#state === State.chunkSize) {
        pos = this.#chunkSize(bytes, pos, end);
        if (this.#state === State.chunkSize) return pos;
      } else if (this.#state === State.chunkData) {
        if (this.#remaining > 0) return this.#data(pos, end);
        this.#state = State.chunkCr;
      } else {
        const isCr = this.#state === State.chunkCr;
        if (bytes[pos] !== (isCr ? CR : LF)) return this.#syntax(pos, "no CRLF behind chunk data");
        pos++;
        this.#state = isCr ? State.chunkLf : State.chunkSize;
      }
    }
  }

  /** Leaves the state at `chunkSize`, with the event set, when no whole good line was there. */
  #chunkSize(bytes: Buffer, start: number, end: number): number {
    const partial = this.#partial;
    const maxBytes = this.#limits.maxChunkLineBytes;
    if (partial.length > 0) {
      const pos = partial.fill(bytes, start, end, maxBytes);
      if (pos === -1) return this.#syntax(start, "chunk-size line over its limit");
      if (!partial.complete) return this.#needMore(pos);
      const lineBytes = partial.length;
      partial.clear();
      const next = this.#chunkLine.parse(partial.bytes, 0, lineBytes);
      if (next !== lineBytes) return this.#syntax(start, "malformed chunk-size line");
      return this.#chunk(pos, lineBytes);
    }
    const next = this.#chunkLine.parse(bytes, start, end);
    if (next === -1) {
      const failure = lineFailure(bytes, start, this.#chunkLine.stop, end, maxBytes);
      if (failure === LineFailure.tooLong) return this.#syntax(start, "chunk-size line over its limit");
      if (failure === LineFailure.malformed) return this.#syntax(start, "malformed chunk-size line");
      return this.#needMore(partial.fill(bytes, start, end, maxBytes));
    }
    if (next - start > maxBytes) return this.#syntax(start, "chunk-size line over its limit");
    return this.#chunk(next, next - start);
  }

  /** A size line of so many octets was read; `pos` is behind it. */
  #chunk(pos: number, lineBytes: number): number {
    const size = this.#chunkLine.size;
    if (size === 0) {
      this.#state = State.trailers;
      this.#section.begin(this.trailers, this.#limits.maxTrailerBytes);
      return pos;
    }
    this.#remaining = size;
    const room = this.#overheadRoomBytes - lineBytes - CHUNK_END_BYTES + size;
    this.#overheadRoomBytes = room;
    if (room < 0) return this.#syntax(pos, "chunks too small for their framing");
    this.#state = State.chunkData;
    return pos;
  }

  #trailers(bytes: Buffer, start: number, end: number): number {
    const pos = this.#section.read(bytes, start, end);
    switch (this.#section.event) {
      case SectionEvent.needMore:
        return this.#needMore(pos);
      case SectionEvent.end:
        this.#partial.release();
        return this.#end(pos);
      case SectionEvent.error:
        this.fault = this.#section.fault;
        this.event = H1Event.error;
        return pos;
      case SectionEvent.field:
        assert(false, "trailer sections show no fields");
    }
  }

  #syntax(pos: number, detail: string): number {
    return this.#fail(pos, this.#codes.syntax, detail);
  }

  #fail(pos: number, code: FaultCode, detail: string): number {
    this.fault = new Fault(code, detail);
    this.event = H1Event.error;
    return pos;
  }
}
