/**
 * What the parts of a connection have in common: its streams, its budgets, its field compression, and the
 * one place in which streams and connections end. Made by `H3Connection`; used by the parts that receive
 * (`MessageFrames`, `PeerStreams`, `ControlFrames`) and that send (`Sender`).
 */
import { Fields } from "../http/fields.ts";
import type { BudgetKind, MeteredBudget } from "../multiplexed/abuse-budget.ts";
import { BudgetMeter } from "../multiplexed/budget-meter.ts";
import { MAX_PSEUDO_FIELDS } from "../multiplexed/head/pseudo-fields.ts";
import { mayReceive, maySend, nextState, StreamEvent, StreamState } from "../multiplexed/stream-state.ts";
import { H3Code } from "./error-code.ts";
import { STREAM_ID_STEP, StreamType } from "./frame/frame-type.ts";
import { H3Error } from "./h3-error.ts";
import type { H3Limits } from "./h3-limits.ts";
import type { H3Owner } from "./h3-owner.ts";
import type { H3Scratch } from "./h3-scratch.ts";
import type { H3Clock, H3Sink } from "./h3-sink.ts";
import { ANY_LENGTH, Awaiting, H3Stream } from "./h3-stream.ts";
import { OwnStream } from "./own-stream.ts";
import { PeerSettings } from "./peer-settings.ts";
import { QpackDecoder } from "./qpack/decoder.ts";
import { QpackEncoder } from "./qpack/encoder.ts";
import { SeenStreams } from "./seen-streams.ts";
import { StreamPriorities } from "./stream-priorities.ts";

export interface CoreOptions {
  readonly role: "server" | "client";
  readonly limits: H3Limits;
  readonly sink: H3Sink;
  readonly clock: H3Clock;
  readonly owner: H3Owner;
}

export class ConnectionCore {
  /** Neither failed nor closed. */
  open = true;
  readonly isServer: boolean;
  readonly limits: H3Limits;
  readonly clock: H3Clock;
  readonly owner: H3Owner;
  readonly sink: H3Sink;
  readonly budgets: BudgetMeter;
  readonly peer: PeerSettings = new PeerSettings();
  readonly decoder: QpackDecoder;
  readonly encoder: QpackEncoder;
  readonly control: OwnStream;
  readonly encoderStream: OwnStream;
  readonly decoderStream: OwnStream;
  readonly priorities: StreamPriorities;
  /** Those that are not over. */
  readonly streams: Map<number, H3Stream> = new Map();
  /** Server: those that the client has used. */
  readonly seen: SeenStreams;
  /** Those whose head did not come in one read, oldest first: nobody but us can know that they are slow. */
  readonly slowHeads: Set<H3Stream> = new Set();
  /** The highest that was taken up, or opened. */
  lastId = -STREAM_ID_STEP;
  /** Octets that wait, over all streams. */
  queuedBytes = 0;
  /** Streams whose owner has had enough for now. */
  heldBack = 0;
  /** When the last of them was let go on. */
  windowOpenedMs = 0;
  /** Requests from this identifier on were given up by GOAWAY: ours (server), or the peer's (client). */
  goAwayId = Infinity;
  /** An empty section; who gets it must not change it. */
  readonly noTrailers: Fields = new Fields();

  constructor(options: CoreOptions, scratch: H3Scratch) {
    const { limits, sink } = options;
    this.isServer = options.role === "server";
    this.limits = limits;
    this.clock = options.clock;
    this.owner = options.owner;
    this.sink = sink;
    this.budgets = new BudgetMeter(options.clock);
    const decoderLimits = {
      maxFieldSectionBytes: limits.maxFieldSectionBytes,
      maxFields: limits.maxFields + MAX_PSEUDO_FIELDS,
      maxTableBytes: limits.qpackTableBytes,
      maxBlockedStreams: limits.qpackBlockedStreams,
    };
    this.decoder = new QpackDecoder(decoderLimits, scratch.fields);
    this.encoder = new QpackEncoder(limits.qpackEncoderTableBytes, scratch.fields);
    this.control = new OwnStream(sink, StreamType.control);
    this.encoderStream = new OwnStream(sink, StreamType.qpackEncoder, this.encoder.instructions);
    this.decoderStream = new OwnStream(sink, StreamType.qpackDecoder, this.decoder.feedback);
    this.seen = new SeenStreams(limits.maxConcurrentStreams);
    this.priorities = new StreamPriorities(sink, this.streams);
  }

  // Streams begin.

  /** A request's stream, opened by either side. */
  addStream(id: number): H3Stream {
    const stream = new H3Stream(id, this.clock.nowMs);
    this.streams.set(id, stream);
    if (id > this.lastId) this.lastId = id;
    return stream;
  }

  // Streams are held back by their owner.

  /** The owner has got a part of the body: it may be enough for now. */
  holdBack(stream: H3Stream): void {
    if (stream.unconsumedBytes <= this.limits.maxUnconsumedBytes || stream.heldBack) return;
    if (!mayReceive(stream.state)) return;
    stream.heldBack = true;
    this.heldBack++;
    if (stream.blocked === null) this.sink.pause(stream.id);
  }

  consumed(stream: H3Stream, bytes: number): void {
    stream.unconsumedBytes -= bytes;
    if (!stream.heldBack || stream.unconsumedBytes > this.limits.maxUnconsumedBytes) return;
    this.#letGo(stream);
    if (stream.blocked === null && mayReceive(stream.state)) this.sink.resume(stream.id);
  }

  #letGo(stream: H3Stream): void {
    stream.heldBack = false;
    if (--this.heldBack === 0) this.windowOpenedMs = this.clock.nowMs;
  }

  // Streams end.

  /** The end of the peer's side has come, with or without trailers. */
  receiveEnd(stream: H3Stream, trailers: Fields): void {
    const { expectedBytes, receivedBytes } = stream;
    if (
      expectedBytes !== ANY_LENGTH &&
      receivedBytes !== expectedBytes &&
      stream.awaiting !== Awaiting.nothing
    )
      return this.failStream(stream, H3Code.messageError, "the body is shorter than Content-Length");
    stream.state = nextState(stream.state, StreamEvent.receiveEnd);
    if (stream.awaiting !== Awaiting.nothing) this.owner.onEnd(stream, trailers);
    this.#settle(stream);
  }

  /** QUIC has taken all that we send, and the owner knows that it was all. */
  sentEnd(stream: H3Stream): void {
    stream.state = nextState(stream.state, StreamEvent.sendEnd);
    if (stream.awaiting === Awaiting.nothing && stream.state !== StreamState.closed) {
      // What is left of a request that was refused is of no interest (RFC 9114 section 4.1).
      this.sink.stop(stream.id, H3Code.noError);
      this.#drop(stream);
      this.owner.onStreamClosed(stream);
      return;
    }
    this.#settle(stream);
  }

  /** Both directions may be complete now. */
  #settle(stream: H3Stream): void {
    if (stream.state !== StreamState.closed || this.streams.get(stream.id) !== stream) return;
    this.#drop(stream);
    this.budgets.streams++;
    this.owner.onStreamClosed(stream);
  }

  /** The owner gives the stream up. */
  reset(stream: H3Stream, code: H3Code): void {
    if (stream.state === StreamState.closed) return;
    this.#abort(stream, code);
    this.#drop(stream);
  }

  /** The peer has broken the protocol on a stream (RFC 9114 section 8). */
  failStream(stream: H3Stream, code: H3Code, text: string): void {
    this.#abort(stream, code);
    this.#end(stream, new H3Error("local", code, text));
    this.#chargeReset(this.limits.maxErrorResets);
  }

  /** A stream that is not taken up: the client may send its request again (RFC 9114 section 4.1.1). */
  reject(id: number): void {
    this.sink.reset(id, H3Code.requestRejected);
    this.sink.stop(id, H3Code.requestRejected);
  }

  /** RESET_STREAM has come, or a client's STOP_SENDING. */
  resetByPeer(stream: H3Stream, code: number): void {
    const { halfClosedLocal, halfClosedRemote } = StreamState;
    const answered = stream.state === (this.isServer ? halfClosedLocal : halfClosedRemote);
    const unprocessed = code === H3Code.requestRejected && !this.isServer;
    this.#abort(stream, H3Code.requestCancelled);
    this.#end(stream, new H3Error("peer", code, "reset by the peer", { unprocessed }));
    // The rest of a request whose answer is complete is nobody's loss; and a server that refuses only has
    // no room: we asked it for the work, not it us.
    if (!answered && !unprocessed) this.#chargeReset(this.limits.maxPeerResets);
  }

  /** The peer has said in GOAWAY that it has not looked at the stream. */
  unprocessed(stream: H3Stream): void {
    this.#abort(stream, H3Code.requestCancelled);
    this.#end(stream, new H3Error("peer", H3Code.noError, "given up by GOAWAY", { unprocessed: true }));
  }

  /** Tells QUIC that neither direction goes on. */
  #abort(stream: H3Stream, code: H3Code): void {
    if (!this.open) return;
    if (maySend(stream.state) && !stream.stopped) this.sink.reset(stream.id, code);
    if (mayReceive(stream.state)) this.sink.stop(stream.id, code);
  }

  #end(stream: H3Stream, error: H3Error): void {
    this.#drop(stream);
    if (stream.isKnown) this.owner.onStreamError(stream, error);
  }

  /** Takes the stream out. */
  #drop(stream: H3Stream): void {
    // The peer's encoder waits to hear of sections that nobody will decode (RFC 9204 section 2.2.2.2).
    const unread = mayReceive(stream.state) || stream.awaiting === Awaiting.nothing;
    if (unread && this.open && this.limits.qpackTableBytes > 0) {
      this.decoder.cancel(stream.id);
      this.flushFeedback();
    }
    stream.state = StreamState.closed;
    if (stream.heldBack) this.#letGo(stream);
    this.queuedBytes -= stream.queuedBytes;
    stream.queuedBytes = 0;
    stream.stalledSinceMs = Infinity;
    stream.buffer = null;
    stream.section = null;
    stream.blocked = null;
    stream.head = null;
    stream.trailers = null;
    this.streams.delete(stream.id);
    this.slowHeads.delete(stream);
  }

  // The connection ends.

  /** The peer has broken the protocol, or overdrawn a budget: CONNECTION_CLOSE (RFC 9114 section 8). */
  fail(code: number, text: string, budget?: BudgetKind): void {
    if (!this.open) return;
    const common = { scope: "connection" } as const;
    const error = new H3Error("local", code, text, budget === undefined ? common : { ...common, budget });
    this.sink.close(code, text);
    this.abandon(error);
    this.owner.onConnectionError(error);
  }

  /** Every stream ends with this error; nothing more is received or sent. */
  abandon(error: H3Error): void {
    this.open = false;
    for (const stream of this.allStreams())
      if (this.streams.get(stream.id) === stream) this.#end(stream, error);
  }

  /** Those that are open now, in the order in which they were opened. */
  allStreams(): H3Stream[] {
    return [...this.streams.values()];
  }

  // Budgets.

  /** False: the connection has failed. */
  charge(kind: MeteredBudget, cost = 1, refund = 1): boolean {
    if (!this.budgets.charge(kind, cost, refund)) this.fail(H3Code.excessiveLoad, `too many: ${kind}`, kind);
    return this.open;
  }

  #chargeReset(limit: number): void {
    this.charge("resets", 1 / limit, 1 / limit);
  }

  // Field compression.

  /** What the decoder has to tell the peer. */
  flushFeedback(): void {
    if (this.decoder.feedback.length > 0) this.decoderStream.flush();
  }

  /** What the encoder has to tell the peer. */
  flushInstructions(): void {
    if (this.encoder.instructions.length > 0) this.encoderStream.flush();
  }
}
