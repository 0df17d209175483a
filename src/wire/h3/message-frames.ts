/**
 * What comes on request streams, RFC 9114 sections 4.1 and 7.2: frames one after another, cut anywhere, in
 * the order that a message has. DATA goes through as it comes; a field section is gathered if it must be;
 * what is unknown is passed over without being kept.
 */
import { mayReceive } from "../multiplexed/stream-state.ts";
import { BlockedInput } from "./blocked-input.ts";
import type { ConnectionCore } from "./connection-core.ts";
import { H3Code } from "./error-code.ts";
import { FramePlace, FrameType, placeOf } from "./frame/frame-type.ts";
import { ANY_LENGTH, Awaiting, type H3Stream } from "./h3-stream.ts";
import { SectionBuffer } from "./section-buffer.ts";
import type { SectionTaker, WholeSection } from "./section-reader.ts";

const NO_BYTES: Buffer = Buffer.alloc(0);

export class MessageFrames {
  readonly #core: ConnectionCore;
  readonly #taker: SectionTaker;
  readonly #section: WholeSection = { bytes: NO_BYTES, start: 0, end: 0, ended: false };

  constructor(core: ConnectionCore, taker: SectionTaker) {
    this.#core = core;
    this.#taker = taker;
  }

  /** Octets of a stream that is open; `fin`: its end behind them. */
  receive(stream: H3Stream, bytes: Buffer, start: number, end: number, fin: boolean): void {
    if (stream.blocked !== null) stream.blocked.append(bytes, start, end, fin);
    else this.#read(stream, bytes, start, end, fin);
    const late = stream.awaiting === Awaiting.head && this.#core.isServer && this.#readable(stream);
    if (late) this.#core.slowHeads.add(stream);
  }

  /** Entries have come: goes on with every stream that has waited for them. */
  resumeBlocked(): void {
    const { decoder, streams } = this.#core;
    for (let id = decoder.nextUnblocked(); id !== -1; id = this.#core.open ? decoder.nextUnblocked() : -1) {
      const stream = streams.get(id);
      if (stream !== undefined && stream.blocked !== null) this.#resume(stream, stream.blocked);
    }
  }

  #resume(stream: H3Stream, input: BlockedInput): void {
    const { section, rest, fin } = input;
    stream.blocked = null;
    // All entries are there: this section is not blocked again, though one behind it may be.
    this.#take(stream, section, 0, section.length, fin && rest === null);
    if (rest !== null && this.#readable(stream)) this.#read(stream, rest.bytes, rest.start, rest.end, fin);
    else this.#finish(stream, fin);
    if (stream.blocked === null && !stream.heldBack && this.#readable(stream))
      this.#core.sink.resume(stream.id);
  }

  #readable(stream: H3Stream): boolean {
    return this.#core.open && mayReceive(stream.state);
  }

  #read(stream: H3Stream, bytes: Buffer, start: number, end: number, fin: boolean): void {
    const { frame } = stream;
    let pos = start;
    while (pos < end) {
      if (!frame.inPayload) {
        pos = frame.read(bytes, pos, end);
        if (!frame.inPayload) break;
        if (!this.#begin(stream)) return;
      }
      const size = Math.min(frame.left, end - pos);
      this.#takePayload(stream, bytes, pos, pos + size, fin && pos + size === end);
      pos += size;
      if (!this.#readable(stream)) return;
      if (stream.blocked !== null) return stream.blocked.append(bytes, pos, end, fin);
    }
    this.#finish(stream, fin);
  }

  /** A frame begins; false: the stream or the connection has failed. */
  #begin(stream: H3Stream): boolean {
    const { type, left } = stream.frame;
    if (type === FrameType.data) this.#beginData(stream, left);
    else if (type === FrameType.headers) this.#beginHeaders(stream, left);
    else this.#beginOther(type);
    return this.#readable(stream);
  }

  #beginData(stream: H3Stream, length: number): void {
    const core = this.#core;
    const { awaiting, expectedBytes } = stream;
    if (awaiting === Awaiting.head) return core.fail(H3Code.frameUnexpected, "DATA in front of a head");
    if (awaiting === Awaiting.end) return core.fail(H3Code.frameUnexpected, "DATA behind trailers");
    if (length > 0) core.budgets.frames++;
    else if (!core.charge("empty_frames")) return;
    stream.receivedBytes += length;
    if (awaiting === Awaiting.body && expectedBytes !== ANY_LENGTH && stream.receivedBytes > expectedBytes)
      core.failStream(stream, H3Code.messageError, "the body is longer than Content-Length");
  }

  #beginHeaders(stream: H3Stream, length: number): void {
    const core = this.#core;
    if (stream.awaiting === Awaiting.end) core.fail(H3Code.frameUnexpected, "HEADERS behind trailers");
    else if (stream.onlyData) core.fail(H3Code.frameUnexpected, "HEADERS in a tunnel");
    else if (stream.awaiting !== Awaiting.nothing && length > core.limits.maxFieldSectionBytes)
      this.#taker.tooLarge(stream);
  }

  /** Unknown types are passed over (RFC 9114 section 9); known ones do not belong here. */
  #beginOther(type: number): void {
    const core = this.#core;
    if (placeOf(type) === FramePlace.anywhere) core.charge("empty_frames");
    else if (type === FrameType.pushPromise && !core.isServer)
      core.fail(H3Code.idError, "PUSH_PROMISE, without a MAX_PUSH_ID of ours");
    else core.fail(H3Code.frameUnexpected, `a frame of type ${type} on a request stream`);
  }

  /** `ended`: the stream ends behind these octets. */
  #takePayload(stream: H3Stream, bytes: Buffer, start: number, end: number, ended: boolean): void {
    const { frame } = stream;
    frame.left -= end - start;
    if (frame.left === 0) frame.inPayload = false;
    const wanted = stream.awaiting !== Awaiting.nothing;
    if (frame.type === FrameType.data) {
      if (wanted && end > start) this.#deliver(stream, bytes, start, end);
    } else if (frame.type === FrameType.headers && wanted) {
      this.#gather(stream, bytes, start, end, ended);
    }
  }

  #deliver(stream: H3Stream, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    stream.unconsumedBytes += end - start;
    core.owner.onData(stream, bytes, start, end);
    core.holdBack(stream);
  }

  #gather(stream: H3Stream, bytes: Buffer, start: number, end: number, ended: boolean): void {
    const { frame } = stream;
    let { section } = stream;
    if (section === null && !frame.inPayload) return this.#take(stream, bytes, start, end, ended);
    section ??= stream.section = new SectionBuffer(end - start + frame.left);
    section.append(bytes, start, end);
    if (frame.inPayload) return;
    stream.section = null;
    this.#take(stream, section.bytes, 0, section.length, ended);
  }

  #take(stream: H3Stream, bytes: Buffer, start: number, end: number, ended: boolean): void {
    const section = this.#section;
    section.bytes = bytes;
    section.start = start;
    section.end = end;
    section.ended = ended;
    const taken = this.#taker.take(stream, section);
    section.bytes = NO_BYTES;
    if (taken || !this.#readable(stream)) return;
    stream.blocked = new BlockedInput(Buffer.from(bytes.subarray(start, end)));
    this.#core.sink.pause(stream.id);
  }

  /** The octets are used up; behind them may be the stream's end. */
  #finish(stream: H3Stream, fin: boolean): void {
    if (!fin || !this.#readable(stream)) return;
    const core = this.#core;
    if (stream.frame.incomplete) core.fail(H3Code.frameError, "a stream that ends within a frame");
    else if (stream.awaiting === Awaiting.head) this.#taker.headMissing(stream);
    else core.receiveEnd(stream, stream.trailers ?? core.noTrailers);
  }
}
