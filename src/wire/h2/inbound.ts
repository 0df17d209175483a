/**
 * What each frame that comes means, RFC 9113 section 6. Checks every header first (section 4 and the
 * lengths of section 6), then hands header blocks, DATA and control frames to those who know them.
 */
import type { BlockTaker, WholeBlock } from "./block-reader.ts";
import type { ConnectionCore } from "./connection-core.ts";
import type { ControlFrames } from "./control-frames.ts";
import { DataFrames } from "./data-frames.ts";
import { H2Code } from "./error-code.ts";
import type { FrameHandler } from "./frame-reader.ts";
import type { FrameHeader } from "./frame/frame-header.ts";
import { Flag, FrameType, MAX_FRAME_BYTES } from "./frame/frame-type.ts";
import { GOAWAY_BYTES } from "./frame/goaway.ts";
import { HeadersPayload } from "./frame/headers.ts";
import { PING_BYTES } from "./frame/ping.ts";
import { PRIORITY_UPDATE_BYTES } from "./frame/priority-update.ts";
import { RST_STREAM_BYTES } from "./frame/rst-stream.ts";
import { SETTING_BYTES } from "./frame/settings.ts";
import { WINDOW_UPDATE_BYTES } from "./frame/window-update.ts";
import { HeaderBlock } from "./header-block.ts";

const NO_BYTES: Buffer = Buffer.alloc(0);

/** Which stream a type of frame belongs to. */
const Scope = { any: 0, connection: 1, stream: 2 } as const;

const SCOPES: Uint8Array = new Uint8Array(256);
for (const type of [FrameType.settings, FrameType.ping, FrameType.goAway, FrameType.priorityUpdate])
  SCOPES[type] = Scope.connection;
for (const type of [
  FrameType.data,
  FrameType.headers,
  FrameType.priority,
  FrameType.rstStream,
  FrameType.pushPromise,
  FrameType.continuation,
]) {
  SCOPES[type] = Scope.stream;
}

export class Inbound implements FrameHandler {
  readonly #core: ConnectionCore;
  readonly #taker: BlockTaker;
  readonly #control: ControlFrames;
  readonly #data: DataFrames;
  readonly #payload: HeadersPayload = new HeadersPayload();
  readonly #pending: HeaderBlock;
  readonly #block: WholeBlock = {
    streamId: 0,
    endStream: false,
    dependency: -1,
    bytes: NO_BYTES,
    start: 0,
    end: 0,
  };
  #settled = false;

  constructor(core: ConnectionCore, taker: BlockTaker, control: ControlFrames) {
    this.#core = core;
    this.#taker = taker;
    this.#control = control;
    this.#data = new DataFrames(core);
    this.#pending = new HeaderBlock(core.limits.maxHeaderListBytes);
  }

  get open(): boolean {
    return this.#core.open;
  }

  /** A header block has begun that is not complete. */
  get incomplete(): boolean {
    return this.#pending.streamId !== 0;
  }

  onFrameHeader(header: FrameHeader): void {
    const { type, length, streamId } = header;
    if (length > MAX_FRAME_BYTES) return this.#fail(H2Code.frameSizeError, "a frame above MAX_FRAME_SIZE");
    const pendingId = this.#pending.streamId;
    const continues = type === FrameType.continuation;
    if (continues !== (pendingId !== 0) || (continues && streamId !== pendingId))
      return this.#fail(
        H2Code.protocolError,
        "a header block is continued by CONTINUATION, and nothing else",
      );
    const first = type === FrameType.settings && !header.has(Flag.ack);
    if (!this.#settled && !first) return this.#fail(H2Code.protocolError, "the first frame is not SETTINGS");
    this.#settled = true;
    const scope = SCOPES[type];
    if (scope === Scope.connection ? streamId !== 0 : scope === Scope.stream && streamId === 0)
      return this.#fail(H2Code.protocolError, "a frame on a stream where it does not belong");
    if (type === FrameType.pushPromise) return this.#fail(H2Code.protocolError, "PUSH_PROMISE");
    if (!hasGoodLength(header)) this.#fail(H2Code.frameSizeError, "a frame of the wrong length");
  }

  onFrame(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    if (header.type === FrameType.headers) this.#takeHeaders(header, bytes, start, end);
    else if (header.type === FrameType.continuation) this.#append(header, bytes, start, end);
    else this.#control.take(header, bytes, start, end);
  }

  onDataBegin(header: FrameHeader, dataBytes: number): boolean {
    return this.#data.begin(header, dataBytes);
  }

  onDataPart(bytes: Buffer, start: number, end: number): void {
    this.#data.part(bytes, start, end);
  }

  onDataEnd(header: FrameHeader): void {
    this.#data.end(header);
  }

  onBadPadding(): void {
    this.#fail(H2Code.protocolError, "padding longer than the frame");
  }

  #takeHeaders(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    const payload = this.#payload;
    if (!payload.read(header, bytes, start, end)) return this.onBadPadding();
    const endStream = header.has(Flag.endStream);
    if (header.has(Flag.endHeaders)) {
      const block = this.#block;
      block.streamId = header.streamId;
      block.endStream = endStream;
      block.dependency = payload.dependency;
      return this.#takeWhole(bytes, payload.blockStart, payload.blockEnd);
    }
    this.#pending.begin(header.streamId, endStream, payload.dependency);
    this.#append(header, bytes, payload.blockStart, payload.blockEnd);
  }

  #append(header: FrameHeader, bytes: Buffer, start: number, end: number): void {
    const pending = this.#pending;
    if (start === end && !this.#core.charge("empty_frames")) return;
    pending.append(bytes, start, end);
    const calm = H2Code.enhanceYourCalm;
    if (pending.tooLong) return this.#core.fail(calm, "a header block over its limit", "header_block");
    if (pending.tooManyFrames) return this.#core.fail(calm, "too many CONTINUATIONs", "continuations");
    if (!header.has(Flag.endHeaders)) return;
    const block = this.#block;
    block.streamId = pending.streamId;
    block.endStream = pending.endStream;
    block.dependency = pending.dependency;
    const whole = pending.bytes;
    pending.release();
    this.#takeWhole(whole, 0, pending.length);
  }

  #takeWhole(bytes: Buffer, start: number, end: number): void {
    const block = this.#block;
    block.bytes = bytes;
    block.start = start;
    block.end = end;
    this.#taker.take(block);
    block.bytes = NO_BYTES;
  }

  #fail(code: H2Code, text: string): void {
    this.#core.fail(code, text);
  }
}

/** RFC 9113 section 6; PRIORITY is not here, as a wrong length of it ends its stream only. */
function hasGoodLength({ type, length, flags }: FrameHeader): boolean {
  switch (type) {
    case FrameType.rstStream:
      return length === RST_STREAM_BYTES;
    case FrameType.ping:
      return length === PING_BYTES;
    case FrameType.windowUpdate:
      return length === WINDOW_UPDATE_BYTES;
    case FrameType.settings:
      return (flags & Flag.ack) === 0 ? length % SETTING_BYTES === 0 : length === 0;
    case FrameType.goAway:
      return length >= GOAWAY_BYTES;
    case FrameType.priorityUpdate:
      return length >= PRIORITY_UPDATE_BYTES;
  }
  return true;
}
