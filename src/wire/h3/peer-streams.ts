/**
 * The peer's unidirectional streams, RFC 9114 section 6.2: each begins with its type. There are one control
 * stream and one of each kind of QPACK; pushes are refused, and what is unknown is not read.
 */
import { VarintReader } from "./frame/varint-reader.ts";
import { StreamType } from "./frame/frame-type.ts";
import type { ConnectionCore } from "./connection-core.ts";
import { ControlFrames } from "./control-frames.ts";
import { H3Code } from "./error-code.ts";
import { MAX_UNTYPED_STREAMS } from "./h3-limits.ts";
import type { MessageFrames } from "./message-frames.ts";

/** The identifier of a stream that has not come. */
const NONE = -1;

export class PeerStreams {
  readonly #core: ConnectionCore;
  readonly #messages: MessageFrames;
  readonly #control: ControlFrames;
  /** Identifiers by `StreamType`. */
  readonly #critical: number[] = [NONE, NONE, NONE, NONE];
  /** Those whose type has not come whole. */
  readonly #untyped: Map<number, VarintReader> = new Map();

  constructor(core: ConnectionCore, messages: MessageFrames) {
    this.#core = core;
    this.#messages = messages;
    this.#control = new ControlFrames(core);
  }

  receive(id: number, bytes: Buffer, start: number, end: number, fin: boolean): void {
    const type = this.#critical.indexOf(id);
    if (type >= 0) this.#take(type, bytes, start, end, fin);
    else this.#takeType(id, bytes, start, end, fin);
  }

  /** RESET_STREAM. */
  reset(id: number): void {
    this.#untyped.delete(id);
    if (this.#critical.includes(id)) this.#failClosed();
  }

  #takeType(id: number, bytes: Buffer, start: number, end: number, fin: boolean): void {
    const type = this.#untyped.get(id) ?? new VarintReader();
    const pos = start < end ? type.read(bytes, start, end) : end;
    if (start < end && !type.incomplete) {
      this.#untyped.delete(id);
      this.#begin(id, type.value);
      if (this.#core.open && this.#critical.includes(id)) this.#take(type.value, bytes, pos, end, fin);
    } else if (fin) {
      // Ends before it has said what it is (RFC 9114 section 6.2).
      if (this.#core.charge("empty_frames")) this.#untyped.delete(id);
    } else {
      this.#untyped.set(id, type);
      if (this.#untyped.size > MAX_UNTYPED_STREAMS)
        this.#core.fail(H3Code.excessiveLoad, "too many streams without a type", "empty_frames");
    }
  }

  #begin(id: number, type: number): void {
    const core = this.#core;
    if (type === StreamType.push) {
      if (core.isServer) core.fail(H3Code.streamCreationError, "a push stream of a client");
      else core.fail(H3Code.idError, "a push stream, without a MAX_PUSH_ID of ours");
    } else if (type > StreamType.qpackDecoder) {
      if (core.charge("empty_frames")) core.sink.stop(id, H3Code.streamCreationError);
    } else if (this.#critical[type] === NONE) {
      this.#critical[type] = id;
    } else {
      core.fail(H3Code.streamCreationError, "a second stream of a type that there is one of");
    }
  }

  #take(type: number, bytes: Buffer, start: number, end: number, fin: boolean): void {
    const core = this.#core;
    if (start < end) {
      if (type === StreamType.control) this.#control.receive(bytes, start, end);
      else if (type === StreamType.qpackEncoder) this.#takeInsertions(bytes, start, end);
      else if (!core.encoder.receiveDecoderStream(bytes, start, end))
        core.fail(H3Code.qpackDecoderStreamError, core.encoder.reason);
    }
    if (fin && core.open) this.#failClosed();
  }

  #takeInsertions(bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    const { decoder } = core;
    const taken = decoder.receiveEncoderStream(bytes, start, end);
    if (!taken) return core.fail(decoder.code, decoder.reason);
    this.#messages.resumeBlocked();
    if (core.open) core.flushFeedback();
  }

  #failClosed(): void {
    this.#core.fail(H3Code.closedCriticalStream, "a stream was closed that has to stay");
  }
}
