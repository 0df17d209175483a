/**
 * The sending side of request streams. What is written in one batch is held back to leave in one write
 * (`HeldWrite`); a large part of a body goes to QUIC straight from the caller's bytes; and what QUIC does
 * not take is copied to the stream's buffer, until `writable` tells that there is room.
 */
import { assert } from "../../base/assert.ts";
import type { Fields } from "../http/fields.ts";
import type { RequestHead, ResponseHead } from "../http/message.ts";
import { hasFields } from "../multiplexed/head/field-writer.ts";
import { SendBuffer } from "../multiplexed/send-buffer.ts";
import { maySend } from "../multiplexed/stream-state.ts";
import type { ConnectionCore } from "./connection-core.ts";
import { frameHeaderSize, writeFrameHeader } from "./frame/frame-header.ts";
import { FrameType } from "./frame/frame-type.ts";
import type { H3Stream } from "./h3-stream.ts";
import { HeadWriter } from "./head-writer.ts";
import { type HeldWrite, type Holder, MAX_HELD_PART_BYTES } from "./held-write.ts";

/**
 * A DATA frame of length 0, which an end that comes by itself goes with: an end without octets is lost when
 * quiche hears that all octets have arrived before it sends the end, or when the packet of the end is lost
 * (https://github.com/cloudflare/quiche/issues/2525). There is no end by itself behind trailers.
 */
const LAST_FRAME: Buffer = Buffer.from([FrameType.data, 0]);

export class Sender implements Holder {
  readonly #core: ConnectionCore;
  readonly #held: HeldWrite;
  readonly #heads: HeadWriter;

  constructor(core: ConnectionCore, held: HeldWrite) {
    this.#core = core;
    this.#held = held;
    this.#heads = new HeadWriter(core, held);
  }

  /** `ended`: the head is all of the message. */
  request(stream: H3Stream, head: RequestHead, scheme: string, ended: boolean): void {
    this.#heads.request(this, stream, head, scheme);
    if (ended) this.end(stream, null);
  }

  response(stream: H3Stream, head: ResponseHead, ended: boolean): void {
    this.#heads.response(this, stream, head);
    if (ended) this.#endWrite(stream);
  }

  /** See `H3Connection.sendData`. */
  data(stream: H3Stream, bytes: Buffer, start: number, end: number): boolean {
    if (!maySend(stream.state) || start === end || stream.stopped) return true;
    assert(!stream.endWritten, "a body goes on after its end");
    const size = end - start;
    stream.bodyBytes += size;
    this.#core.budgets.frames++;
    const last = stream.bodyBytes === stream.endsAtBytes;
    if (size <= MAX_HELD_PART_BYTES) this.#hold(stream, bytes, start, end);
    else this.#passOn(stream, bytes, start, end, last);
    if (last) this.#endWrite(stream);
    else if (stream.queuedBytes > 0 && this.#held.stream === stream) this.release();
    const room = this.#core.limits.maxSendBufferBytes - stream.queuedBytes;
    if (room >= size || stream.queuedBytes === 0 || stream.endWritten) return true;
    stream.drainWanted = true;
    return false;
  }

  /** See `H3Connection.sendEnd`. */
  end(stream: H3Stream, trailers: Fields | null): void {
    if (!maySend(stream.state) || stream.endCalled) return;
    stream.endCalled = true;
    if (!stream.endWritten && !stream.stopped && trailers !== null && hasFields(trailers))
      this.#heads.trailers(this, stream, trailers);
    if (!stream.endWritten) this.#endWrite(stream);
    this.#settle(stream);
  }

  /** QUIC has room for more of the stream. */
  writable(stream: H3Stream): void {
    const { buffer } = stream;
    if (buffer === null) return;
    const taken = this.#write(stream, buffer.bytes, buffer.start, buffer.end);
    buffer.start += taken;
    this.#count(stream, -taken);
    if (stream.queuedBytes === 0) {
      stream.buffer = null;
      this.#settle(stream);
    }
    if (stream.drainWanted && stream.queuedBytes * 2 <= this.#core.limits.maxSendBufferBytes)
      this.drained(stream);
  }

  /** The peer takes nothing more of the stream: what waits is dropped, and what comes is, too. */
  stop(stream: H3Stream): void {
    if (this.#held.stream === stream) this.#held.clear();
    this.#discard(stream);
    if (stream.endCalled) this.#settle(stream);
    else if (stream.drainWanted) this.drained(stream);
  }

  drained(stream: H3Stream): void {
    stream.drainWanted = false;
    if (maySend(stream.state)) this.#core.owner.onStreamDrained(stream);
  }

  /** What is held goes to QUIC, or to the buffer of its stream. */
  release(): void {
    const held = this.#held;
    const { stream } = held;
    if (stream === null || held.holder !== this) return;
    const { bytes, start, end } = held;
    if (end > start) this.#pass(stream, bytes, start, end);
    held.clear();
  }

  holding(): void {
    this.#core.sink.wake();
  }

  // Frames.

  #hold(stream: H3Stream, bytes: Buffer, start: number, end: number): void {
    const size = end - start;
    const header = frameHeaderSize(size);
    const at = this.#held.reserve(this, stream, header + size);
    const payload = writeFrameHeader(this.#held.bytes, at, FrameType.data, size);
    bytes.copy(this.#held.bytes, payload, start, end);
    this.#held.add(at, payload + size);
  }

  /** The header goes with what is held, the payload behind it without a copy. */
  #passOn(stream: H3Stream, bytes: Buffer, start: number, end: number, last: boolean): void {
    const size = end - start;
    const at = this.#held.reserve(this, stream, frameHeaderSize(size));
    this.#held.add(at, writeFrameHeader(this.#held.bytes, at, FrameType.data, size));
    this.release();
    stream.endWritten = last;
    this.#pass(stream, bytes, start, end);
  }

  /** Nothing follows what is written. */
  #endWrite(stream: H3Stream): void {
    const sent = stream.endWritten;
    stream.endWritten = true;
    if (this.#held.stream === stream && this.#held.length > 0) this.release();
    else if (!sent && stream.queuedBytes === 0 && !stream.stopped)
      this.#pass(stream, LAST_FRAME, 0, LAST_FRAME.length);
  }

  // QUIC.

  /** Writes what can be written at once; the rest waits. */
  #pass(stream: H3Stream, bytes: Buffer, start: number, end: number): void {
    if (!maySend(stream.state) || stream.stopped || !this.#core.open) return;
    const from = stream.queuedBytes === 0 ? start + this.#write(stream, bytes, start, end) : start;
    if (from === end || stream.stopped) return;
    stream.buffer ??= new SendBuffer(end - from);
    stream.buffer.append(bytes, from, end);
    if (stream.queuedBytes === 0) stream.stalledSinceMs = this.#core.clock.nowMs;
    this.#count(stream, end - from);
  }

  /** Returns how many octets were taken, or are of no use any more. The end goes with the last of them. */
  #write(stream: H3Stream, bytes: Buffer, start: number, end: number): number {
    const taken = this.#core.sink.write(stream.id, bytes, start, end, stream.endWritten);
    if (taken >= 0) return taken;
    this.#discard(stream);
    return 0;
  }

  #count(stream: H3Stream, bytes: number): void {
    const core = this.#core;
    stream.queuedBytes += bytes;
    core.queuedBytes += bytes;
    if (bytes < 0) stream.stalledSinceMs = stream.queuedBytes === 0 ? Infinity : core.clock.nowMs;
  }

  #discard(stream: H3Stream): void {
    stream.stopped = true;
    stream.buffer = null;
    if (stream.queuedBytes > 0) this.#count(stream, -stream.queuedBytes);
  }

  /** Both the owner and QUIC are through with our side. A response that its client does not want is none that was sent. */
  #settle(stream: H3Stream): void {
    const through = stream.endCalled && stream.queuedBytes === 0 && maySend(stream.state);
    if (through && !(stream.stopped && this.#core.isServer)) this.#core.sentEnd(stream);
  }
}
