/**
 * What the parts of a connection have in common: its streams, its windows, its budgets, and the one
 * place in which streams and connections end. Made by `H2Connection`; used by the parts that receive
 * (`Inbound` and what it calls) and that send (`Sender`).
 */
import { assert } from "../../base/assert.ts";
import { Fields } from "../http/fields.ts";
import { type MeteredBudget, type BudgetKind, MIN_PROGRESS_BYTES } from "../multiplexed/abuse-budget.ts";
import { BudgetMeter } from "../multiplexed/budget-meter.ts";
import { Closing } from "./closed-streams.ts";
import type { EarlyPriorities } from "../multiplexed/early-priorities.ts";
import { H2Code } from "./error-code.ts";
import { FrameWriter } from "./frame-writer.ts";
import { INITIAL_WINDOW } from "./frame/window-update.ts";
import { H2Error } from "./h2-error.ts";
import { type H2Limits, MAX_STREAM_ID } from "./h2-limits.ts";
import type { H2Owner } from "./h2-owner.ts";
import type { H2Clock, H2Sink } from "./h2-sink.ts";
import { ANY_LENGTH, Awaiting, H2Stream } from "./h2-stream.ts";
import { PeerSettings } from "./peer-settings.ts";
import { ReadyQueue } from "./ready-queue.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { nextState, StreamEvent, StreamState } from "../multiplexed/stream-state.ts";
import { StreamTable } from "./stream-table.ts";

export interface CoreOptions {
  readonly role: "server" | "client";
  readonly limits: H2Limits;
  readonly sink: H2Sink;
  readonly clock: H2Clock;
  readonly owner: H2Owner;
}

export class ConnectionCore {
  /** Neither failed nor closed. */
  open = true;
  readonly isServer: boolean;
  readonly limits: H2Limits;
  readonly clock: H2Clock;
  readonly owner: H2Owner;
  readonly writer: FrameWriter;
  readonly budgets: BudgetMeter;
  readonly streams: StreamTable = new StreamTable();
  readonly ready: ReadyQueue = new ReadyQueue();
  /** `null`: there are none. */
  earlyPriorities: EarlyPriorities | null = null;
  readonly peer: PeerSettings = new PeerSettings();
  /** What all streams together may still receive. */
  readonly window: ReceiveWindow;
  /** When it was opened last after it had been all but used up. */
  windowOpenedMs = 0;
  /** The window of a new stream; see `LocalSettings`. */
  streamWindowBytes: number;
  /** What all streams together may still send. */
  sendWindow = INITIAL_WINDOW;
  /** Body octets that wait, over all streams. */
  queuedBytes = 0;
  /** Streams of the client's above were given up by GOAWAY: ours (server), or the peer's (client). */
  goAwayId = MAX_STREAM_ID;
  /** An empty section; who gets it must not change it. */
  readonly noTrailers: Fields = new Fields();

  constructor(options: CoreOptions) {
    this.isServer = options.role === "server";
    this.limits = options.limits;
    this.clock = options.clock;
    this.owner = options.owner;
    this.writer = new FrameWriter(options.sink);
    this.budgets = new BudgetMeter(options.clock);
    this.window = new ReceiveWindow(Math.max(INITIAL_WINDOW, options.limits.connectionWindowBytes));
    this.streamWindowBytes = Math.max(INITIAL_WINDOW, options.limits.streamWindowBytes);
  }

  // Streams begin.

  /** The client uses this identifier, which is new, for a stream that is taken up. */
  openStream(id: number): H2Stream {
    const stream = new H2Stream(id, this.streamWindowBytes, this.peer.initialWindowBytes);
    stream.state = nextState(stream.state, StreamEvent.open);
    this.streams.add(stream);
    return stream;
  }

  // Streams end.

  /** END_STREAM has come, with or without trailers. */
  receiveEnd(stream: H2Stream, trailers: Fields): void {
    const { expectedBytes, receivedBytes } = stream;
    if (expectedBytes !== ANY_LENGTH && receivedBytes !== expectedBytes)
      return this.failStream(stream, H2Code.protocolError, "the body is shorter than Content-Length");
    stream.state = nextState(stream.state, StreamEvent.receiveEnd);
    if (stream.awaiting !== Awaiting.nothing) this.owner.onEnd(stream, trailers);
    this.#settle(stream);
  }

  /** END_STREAM was sent, and the owner knows. */
  sentEnd(stream: H2Stream): void {
    stream.state = nextState(stream.state, StreamEvent.sendEnd);
    if (stream.awaiting === Awaiting.nothing && stream.state !== StreamState.closed) {
      // What is left of a request that was refused is of no interest (RFC 9113 section 8.1).
      this.writer.rstStream(stream.id, H2Code.noError);
      this.#drop(stream, Closing.byUs);
      this.owner.onStreamClosed(stream);
      return;
    }
    this.#settle(stream);
  }

  /** Both directions may be complete now. */
  #settle(stream: H2Stream): void {
    if (stream.state !== StreamState.closed || this.streams.get(stream.id) !== stream) return;
    this.#drop(stream, Closing.ended);
    this.budgets.streams++;
    this.owner.onStreamClosed(stream);
  }

  /** The owner gives the stream up. */
  reset(stream: H2Stream, code: H2Code): void {
    if (stream.state === StreamState.closed) return;
    if (this.open) this.writer.rstStream(stream.id, code);
    this.#drop(stream, Closing.byUs);
  }

  /** The peer has broken the protocol on a stream: RST_STREAM (RFC 9113 section 5.4.2). */
  failStream(stream: H2Stream, code: H2Code, text: string): void {
    this.writer.rstStream(stream.id, code);
    this.#drop(stream, Closing.byUs);
    this.owner.onStreamError(stream, new H2Error("local", code, text));
    this.#chargeReset(this.limits.maxErrorResets);
  }

  /** As `failStream`, for a stream that is not, or no longer, one of `streams`. */
  refuse(id: number, code: H2Code): void {
    this.writer.rstStream(id, code);
    this.#chargeReset(this.limits.maxErrorResets);
  }

  /** RST_STREAM has come. */
  resetByPeer(stream: H2Stream, code: number): void {
    const { halfClosedLocal, halfClosedRemote } = StreamState;
    const answered = stream.state === (this.isServer ? halfClosedLocal : halfClosedRemote);
    this.#drop(stream, Closing.byPeer);
    const unprocessed = code === H2Code.refusedStream;
    this.owner.onStreamError(stream, new H2Error("peer", code, "reset by the peer", { unprocessed }));
    // The rest of a request whose answer is complete is nobody's loss; and a server that refuses only has
    // no room: we asked it for the work, not it us.
    const isOrdinary = answered || (unprocessed && !this.isServer);
    if (!isOrdinary) this.#chargeReset(this.limits.maxPeerResets);
  }

  /** The peer has said in GOAWAY that it has not looked at the stream. */
  unprocessed(stream: H2Stream, code: number): void {
    this.#drop(stream, Closing.byUs);
    this.owner.onStreamError(stream, new H2Error("peer", code, "given up by GOAWAY", { unprocessed: true }));
  }

  /** Takes the stream out, and gives what it held of the connection's window back. */
  #drop(stream: H2Stream, closing: Closing): void {
    stream.state = StreamState.closed;
    this.ready.remove(stream);
    this.queuedBytes -= stream.queuedBytes;
    stream.queuedBytes = 0;
    stream.stalledSinceMs = Infinity;
    stream.buffer = null;
    stream.trailers = null;
    this.streams.remove(stream, closing);
    this.giveBack(stream.window.heldBytes);
  }

  // The connection ends.

  /** The peer has broken the protocol, or overdrawn a budget: GOAWAY (RFC 9113 section 5.4.1). */
  fail(code: H2Code, text: string, budget?: BudgetKind): void {
    if (!this.open) return;
    this.writer.goAway(this.streams.lastTakenId, code, text);
    const error = new H2Error("local", code, text, budget === undefined ? {} : { budget });
    this.abandon(error);
    this.owner.onConnectionError(error);
  }

  /** Every stream ends with this error; nothing more is received or sent. */
  abandon(error: H2Error): void {
    this.open = false;
    for (const stream of this.streams.all()) {
      // One that the owner has reset meanwhile.
      if (this.streams.get(stream.id) !== stream) continue;
      this.#drop(stream, Closing.byUs);
      this.owner.onStreamError(stream, error);
    }
  }

  // Budgets.

  /** False: the connection has failed. */
  charge(kind: MeteredBudget, cost = 1, refund = 1): boolean {
    if (!this.budgets.charge(kind, cost, refund))
      this.fail(H2Code.enhanceYourCalm, `too many: ${kind}`, kind);
    return this.open;
  }

  /** An answer was written that the peer has asked for. */
  answered(): void {
    if (this.writer.unread) this.fail(H2Code.enhanceYourCalm, "answers are not read", "unread_control");
  }

  #chargeReset(limit: number): void {
    if (this.charge("resets", 1 / limit, 1 / limit)) this.answered();
  }

  // The receive windows.

  /** Octets of a stream were passed on. */
  consumed(stream: H2Stream, bytes: number): void {
    if (stream.state === StreamState.closed) return;
    assert(bytes <= stream.window.heldBytes, "more was passed on than has come");
    const increment = stream.window.give(bytes);
    if (increment > 0 && stream.state !== StreamState.halfClosedRemote)
      this.writer.windowUpdate(stream.id, increment);
    this.giveBack(bytes);
  }

  /** Octets of the connection's window are free again. */
  giveBack(bytes: number): void {
    const { window } = this;
    const increment = window.give(bytes);
    if (increment === 0) return;
    if (window.available - increment < MIN_PROGRESS_BYTES) this.windowOpenedMs = this.clock.nowMs;
    if (this.open) this.writer.windowUpdate(0, increment);
  }
}
