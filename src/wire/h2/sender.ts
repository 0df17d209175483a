/**
 * The sending side of bodies: flow control (RFC 9113 section 5.2), the order in which streams send, and
 * what waits. DATA is written straight from the caller's bytes as long as windows and sink allow and
 * nobody else waits; otherwise it is copied to the stream's buffer, and `pump` writes it later.
 *
 * A stream is in the ready queue while octets of it wait and its own window is open. So what is in the
 * queue waits for the sink, or for the connection's window.
 */
import { assert } from "../../base/assert.ts";
import { Fields } from "../http/fields.ts";
import { MIN_PROGRESS_BYTES } from "../multiplexed/abuse-budget.ts";
import type { ConnectionCore } from "./connection-core.ts";
import { H2Code } from "./error-code.ts";
import { writeDataHeader } from "./frame/data.ts";
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES } from "./frame/frame-type.ts";
import { MAX_WINDOW } from "./frame/window-update.ts";
import type { H2Sink } from "./h2-sink.ts";
import type { H2Stream } from "./h2-stream.ts";
import type { HeadWriter } from "./head-writer.ts";
import { hasFields } from "../multiplexed/head/field-writer.ts";
import { SendBuffer } from "../multiplexed/send-buffer.ts";
import { maySend } from "../multiplexed/stream-state.ts";

/**
 * Octets that are written in a batch before the sink is flushed and asked again: `blocked` may lag
 * until then, and without this one batch could move all that waits into the sink.
 */
const FLUSH_BYTES = 64 * 1024;

export class Sender {
  readonly #core: ConnectionCore;
  readonly #sink: H2Sink;
  readonly #heads: HeadWriter;
  /** Octets written since the sink was flushed, in the batch that began at this time. */
  #unflushedBytes = 0;
  #batchMs = 0;

  constructor(core: ConnectionCore, heads: HeadWriter) {
    this.#core = core;
    this.#sink = core.writer.sink;
    this.#heads = heads;
  }

  /** See `H2Connection.sendData`. */
  send(stream: H2Stream, bytes: Buffer, start: number, end: number): boolean {
    if (!maySend(stream.state) || start === end) return true;
    assert(!stream.endWaits && !stream.endWritten, "a body goes on after its end");
    let from = start;
    if (stream.queuedBytes === 0 && this.#core.ready.empty) from = this.#writeNow(stream, bytes, start, end);
    if (from === end) return true;
    this.#queue(stream, bytes, from, end);
    const room = this.#core.limits.maxSendBufferBytes - stream.queuedBytes;
    if (room >= end - start) return true;
    stream.drainWanted = true;
    return false;
  }

  /** See `H2Connection.sendEnd`. */
  sendEnd(stream: H2Stream, trailers: Fields | null): void {
    if (!maySend(stream.state) || stream.endWaits) return;
    const kept = trailers !== null && hasFields(trailers) ? trailers : null;
    if (stream.queuedBytes === 0) return this.#writeEnd(stream, kept);
    stream.endWaits = true;
    if (kept === null) return;
    stream.trailers = new Fields();
    stream.trailers.addAll(kept);
  }

  /** The peer has opened the connection's window, or streams their windows; or the sink is not blocked any more. */
  pump(): void {
    const core = this.#core;
    while (core.open && core.sendWindow > 0 && !core.ready.empty && !this.#full())
      this.#writeQueued(core.ready.next() as H2Stream);
  }

  // Windows.

  /** WINDOW_UPDATE for the connection. */
  growWindow(increment: number): void {
    const core = this.#core;
    core.sendWindow += increment;
    if (core.sendWindow > MAX_WINDOW)
      core.fail(H2Code.flowControlError, "the connection's window is above 2^31 - 1");
  }

  /** WINDOW_UPDATE for a stream. */
  growStreamWindow(stream: H2Stream, increment: number): void {
    stream.sendWindow += increment;
    if (stream.sendWindow > MAX_WINDOW)
      this.#core.failStream(stream, H2Code.flowControlError, "the stream's window is above 2^31 - 1");
    else this.#queueIfReady(stream);
  }

  /** SETTINGS_INITIAL_WINDOW_SIZE has changed by so much (RFC 9113 section 6.9.2). */
  shiftWindows(difference: number): void {
    const core = this.#core;
    for (const stream of core.streams.all()) {
      stream.sendWindow += difference;
      if (stream.sendWindow > MAX_WINDOW)
        return core.fail(H2Code.flowControlError, "a stream's window is above 2^31 - 1");
      if (stream.sendWindow > 0) this.#queueIfReady(stream);
      else core.ready.remove(stream);
    }
  }

  #queueIfReady(stream: H2Stream): void {
    if (stream.queuedBytes > 0 && stream.sendWindow > 0) this.#core.ready.add(stream);
  }

  /** Whether the sink takes no more of bodies now. */
  #full(): boolean {
    if (this.#sink.blocked()) return true;
    const { nowMs } = this.#core.clock;
    if (nowMs !== this.#batchMs) {
      this.#batchMs = nowMs;
      this.#unflushedBytes = 0;
    }
    if (this.#unflushedBytes < FLUSH_BYTES) return false;
    this.#unflushedBytes = 0;
    this.#sink.flush();
    return this.#sink.blocked();
  }

  // Frames.

  /** Writes what can be written at once; returns where the rest begins. */
  #writeNow(stream: H2Stream, bytes: Buffer, start: number, end: number): number {
    let from = start;
    while (from < end && !this.#full()) {
      const size = this.#allowedBytes(stream, end - from);
      if (size === 0) break;
      this.#writeData(stream, bytes, from, size);
      this.#countProgress(size, end - from);
      from += size;
    }
    return from;
  }

  #queue(stream: H2Stream, bytes: Buffer, start: number, end: number): void {
    const core = this.#core;
    const size = end - start;
    stream.buffer ??= new SendBuffer(size);
    stream.buffer.append(bytes, start, end);
    if (stream.queuedBytes === 0) stream.stalledSinceMs = core.clock.nowMs;
    stream.queuedBytes += size;
    core.queuedBytes += size;
    this.#queueIfReady(stream);
  }

  /** One frame of a stream that is ready. */
  #writeQueued(stream: H2Stream): void {
    const core = this.#core;
    const buffer = stream.buffer as SendBuffer;
    const size = this.#allowedBytes(stream, buffer.length);
    this.#countProgress(size, buffer.length);
    stream.queuedBytes -= size;
    core.queuedBytes -= size;
    this.#writeData(stream, buffer.bytes, buffer.start, size);
    buffer.start += size;
    core.ready.sent(stream);
    if (stream.queuedBytes > 0) {
      stream.stalledSinceMs = core.clock.nowMs;
      if (stream.sendWindow <= 0) core.ready.remove(stream);
      this.#tellOfRoom(stream);
      return;
    }
    stream.stalledSinceMs = Infinity;
    stream.buffer = null;
    core.ready.remove(stream);
    if (stream.endWaits) this.#writeEnd(stream, stream.trailers);
    else this.#tellOfRoom(stream);
  }

  #tellOfRoom(stream: H2Stream): void {
    if (!stream.drainWanted || stream.queuedBytes * 2 > this.#core.limits.maxSendBufferBytes) return;
    stream.drainWanted = false;
    this.#core.owner.onStreamDrained(stream);
  }

  /** How many of so many octets may go in one frame now. */
  #allowedBytes(stream: H2Stream, bytes: number): number {
    const window = Math.min(stream.sendWindow, this.#core.sendWindow);
    return Math.max(0, Math.min(window, bytes, MAX_FRAME_BYTES));
  }

  /** A small frame that leaves octets behind was cut by a window: the peer gains nothing by it. */
  #countProgress(size: number, waitingBytes: number): void {
    if (size >= MIN_PROGRESS_BYTES || size === waitingBytes) this.#core.budgets.frames++;
  }

  #writeData(stream: H2Stream, bytes: Buffer, start: number, size: number): void {
    const core = this.#core;
    stream.sendWindow -= size;
    core.sendWindow -= size;
    stream.sentBytes += size;
    const lastWaits = stream.endWaits && stream.trailers === null && stream.queuedBytes === 0;
    const ends = lastWaits || stream.sentBytes === stream.endsAtBytes;
    if (ends) stream.endWritten = true;
    const sink = this.#sink;
    const at = sink.reserve(FRAME_HEADER_BYTES + size);
    const payload = writeDataHeader(sink.out, at, size, stream.id, ends);
    bytes.copy(sink.out, payload, start, start + size);
    sink.send(at, payload + size);
    this.#unflushedBytes += FRAME_HEADER_BYTES + size;
  }

  /** Nothing waits any more: ends the stream, unless its last frame has done so. */
  #writeEnd(stream: H2Stream, trailers: Fields | null): void {
    stream.endWaits = false;
    if (!stream.endWritten) {
      stream.endWritten = true;
      if (trailers !== null) this.#heads.trailers(stream.id, trailers);
      else this.#writeEmptyEnd(stream.id);
    }
    this.#core.sentEnd(stream);
  }

  #writeEmptyEnd(streamId: number): void {
    const sink = this.#sink;
    const at = sink.reserve(FRAME_HEADER_BYTES);
    sink.send(at, writeDataHeader(sink.out, at, 0, streamId, true));
  }
}
