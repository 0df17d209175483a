/**
 * One HTTP/2 session to a backend (RFC 9113): a connection, the codec on it, and the streams of many
 * exchanges. Opened by its backend, which then finds it in its set for as long as it takes streams.
 *
 *   opening --(SETTINGS)--> open --(GOAWAY, too old, not wanted)--> leaving --(last stream over)--> closed
 *   any --(connection gone, protocol error, no sign of life)--> closed
 *
 * No stream is opened before the peer's SETTINGS have come, which takes a round trip once in the life of a
 * session: then its limits are known, as is whether it takes extended CONNECT (RFC 8441), and a server
 * that does not speak HTTP/2 has not been sent any request.
 */
import { assert } from "../../base/assert.ts";
import { Fault, type FaultCode } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import type { ConnectionOwner, Transport } from "../../fastpath/transport.ts";
import { H2Code, h2CodeName } from "../../wire/h2/error-code.ts";
import { H2Connection } from "../../wire/h2/h2-connection.ts";
import type { H2Error } from "../../wire/h2/h2-error.ts";
import { DEFAULT_H2_LIMITS, type H2Limits } from "../../wire/h2/h2-limits.ts";
import { ConnectionSink } from "../connection-sink.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";
import { countAbuse } from "../h2-abuse.ts";
import { GLOBAL_SLOTS } from "../plan.ts";
import type { Backend } from "./backend.ts";
import type { BackendConnection } from "./backend-connection.ts";
import { SessionEvents } from "./session-events.ts";
import { SessionWatch } from "./session-watch.ts";
import { upstreamFailed } from "./upstream-failed.ts";
import { UpstreamStream } from "./upstream-stream.ts";

/** Streams on one session, whatever its peer allows. Feature row A6.2. */
const MAX_STREAMS = 256;

/** A backend that gives up all that it works on, a few times in a row, is in trouble and no attacker. */
const MAX_BACKEND_RESETS = 4 * MAX_STREAMS;

/**
 * The window of the session is that of all its streams together, so that clients which read slowly hold
 * back their own streams and nobody else's. What they leave unread of one session is at most this, 16 MiB,
 * and is kept once, in the queues to those clients.
 */
const LIMITS: H2Limits = {
  ...DEFAULT_H2_LIMITS,
  maxConcurrentStreams: MAX_STREAMS,
  maxPeerResets: MAX_BACKEND_RESETS,
  connectionWindowBytes: MAX_STREAMS * DEFAULT_H2_LIMITS.streamWindowBytes,
};

/** A session that rests for less was just used: events would have told of its end. */
const PROBE_AFTER_MS = 2;

export class UpstreamH2 implements ConnectionOwner {
  readonly connection: BackendConnection;
  readonly backend: Backend;
  /** Responses that were whole. */
  served = 0;
  /** How often bytes have come. */
  heard = 0;
  /** What a stream ends with when the connection is gone. */
  closeCode: FaultCode = "upstream_closed";
  readonly #transport: Transport;
  readonly #counters: Float64Array;
  readonly #h2: H2Connection;
  readonly #watch: SessionWatch;
  readonly #timer: Timer;
  #state: "opening" | "open" | "leaving" | "closed" = "opening";
  /** Open, and without streams since. `Infinity`: it has streams. */
  #restedMs = Infinity;

  constructor(connection: BackendConnection) {
    const { backend, socket } = connection;
    const { clock, counters, transport } = backend.context;
    this.connection = connection;
    this.backend = backend;
    this.#transport = transport;
    this.#counters = counters;
    this.#timer = new Timer((nowMs) => this.#onDeadline(nowMs));
    this.#watch = new SessionWatch(clock.nowMs);
    this.#h2 = new H2Connection({
      role: "client",
      limits: LIMITS,
      sink: new ConnectionSink(transport, socket),
      clock,
      owner: new SessionEvents(this, this.#watch),
      scheme: backend.tls === null ? "http" : "https",
      scratch: backend.scratch,
    });
  }

  /** Takes the connection over; the backend hears `sessionOpened` or `dialFailed`, by the deadline. */
  open(deadlineMs: number): void {
    this.#transport.handOver(this.connection.socket, this);
    this.backend.context.wheel.arm(this.#timer, deadlineMs);
    this.#h2.start();
  }

  /** A stream can be opened now. */
  get hasRoom(): boolean {
    return this.#state === "open" && this.#h2.canOpenStream;
  }

  get streams(): number {
    return this.#h2.streamCount;
  }

  get maxStreams(): number {
    return Math.min(MAX_STREAMS, this.#h2.peerMaxConcurrentStreams);
  }

  /** Whether streams may still be opened on it, now or later; otherwise it has left. Feature row A6.1: probe before reuse. */
  usable(): boolean {
    const { nowMs } = this.backend.context.clock;
    if (nowMs >= this.connection.retiresMs || this.#h2.exhausted) {
      this.leave();
      return false;
    }
    const restMs = nowMs - this.#restedMs;
    if (restMs < PROBE_AFTER_MS || this.#transport.alive(this.connection.socket)) return true;
    (this.#counters[GLOBAL_SLOTS.pool_probe_failures_total] as number) += 1;
    this.#lost("upstream_closed", "found closed");
    return false;
  }

  /** Opens a stream for the exchange; `null`: the exchange has failed, as the peer does not take what it asks for. */
  begin(exchange: Exchange): RequestSink | null {
    if (exchange.request.upgrade !== "" && !this.#h2.peerConnectProtocol) {
      const fault = new Fault("websocket_refused", "the backend's HTTP/2 does not take extended CONNECT");
      upstreamFailed(this.backend.context, exchange, fault);
      return null;
    }
    this.#wake();
    this.#watch.active();
    const stream = new UpstreamStream(this, this.#h2, exchange);
    stream.open();
    return stream;
  }

  /** A stream has ended, in whatever way. */
  streamOver(): void {
    if (this.#state === "open") this.backend.sessionHasRoom(this);
    if (this.#h2.streamCount > 0 || this.#restedMs !== Infinity) return;
    if (this.#state === "open") this.#rest();
    else if (this.#state === "leaving") this.#farewell();
  }

  /** Opens no stream from now on, and closes after those that there are. */
  leave(): void {
    if (this.#state !== "open") return;
    this.#state = "leaving";
    this.backend.sessionLeft(this);
    if (this.#h2.streamCount === 0) this.#farewell();
  }

  // Events of the connection.

  onConnect(): void {
    assert(false, "an open connection does not connect");
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (this.#state === "closed") return;
    this.heard += 1;
    this.#watch.heard(this.backend.context.clock.nowMs);
    this.#h2.receive(bytes, start, end);
  }

  onEnd(): void {
    this.#lost("upstream_closed", "closed by the backend");
  }

  onDrain(): void {
    this.#h2.onSinkDrained();
  }

  onClose(error: string): void {
    if (error === "") this.#lost("upstream_closed", "closed by the backend");
    else this.#lost("upstream_reset", error);
  }

  // Events of the codec that are about the whole session; see `SessionEvents`.

  /** The peer's limits are known, or have changed. */
  settingsReceived(): void {
    switch (this.#state) {
      case "opening":
        this.#opened();
        return;
      case "open":
        this.backend.sessionHasRoom(this);
        return;
      case "leaving":
      case "closed":
        return;
    }
  }

  goAwayReceived(code: number, text: string): void {
    (this.#counters[GLOBAL_SLOTS.h2_goaway_received_total] as number) += 1;
    const detail = `GOAWAY ${h2CodeName(code)} ${text}`.trimEnd();
    if (code !== H2Code.noError) this.#tell(detail);
    if (this.#state === "opening") this.#openingFailed(new Fault("connect_failed", detail));
    else this.leave();
  }

  /** The peer broke the protocol or overdrew a budget; its streams have ended. */
  protocolFailed(error: H2Error): void {
    this.#tell(error.toString());
    if (error.budget !== "") countAbuse(this.#counters, error.budget);
    // One that was leaving has closed with the last of its streams, just before.
    if (this.#state === "closed") return;
    // GOAWAY goes out first: it says why.
    this.#transport.flush();
    this.#lost("upstream_malformed", error.toString());
  }

  #opened(): void {
    if (!this.#h2.canOpenStream) {
      this.#openingFailed(new Fault("connect_failed", "the backend's HTTP/2 takes no streams"));
      return;
    }
    this.#state = "open";
    (this.#counters[GLOBAL_SLOTS.h2_upstream_connections] as number) += 1;
    (this.#counters[GLOBAL_SLOTS.h2_upstream_connections_total] as number) += 1;
    this.#arm();
    this.backend.sessionOpened(this);
    if (this.#h2.streamCount === 0) this.streamOver();
  }

  /** No request has been sent: those who wait may go elsewhere. */
  #openingFailed(fault: Fault): void {
    this.#close();
    this.#transport.destroy(this.connection.socket);
    this.backend.dialFailed(fault);
  }

  /** The session is gone, and with it every stream on it. */
  #lost(code: FaultCode, detail: string): void {
    switch (this.#state) {
      case "closed":
        return;
      case "opening":
        this.#openingFailed(new Fault("connect_failed", `no HTTP/2: ${detail}`));
        return;
      case "open":
      case "leaving":
        this.closeCode = code;
        this.#close();
        this.#transport.destroy(this.connection.socket);
        this.#h2.close(detail);
        return;
    }
  }

  /** Without streams and not wanted any more: ends in order. */
  #farewell(): void {
    if (this.#state === "closed") return;
    this.#h2.goAway(H2Code.noError, 0);
    this.#h2.close("");
    this.#transport.flush();
    this.#close();
    this.#transport.destroy(this.connection.socket);
  }

  /** From now on the backend knows nothing of it. */
  #close(): void {
    const wasOpen = this.#state === "open";
    if (wasOpen || this.#state === "leaving")
      (this.#counters[GLOBAL_SLOTS.h2_upstream_connections] as number) -= 1;
    this.#state = "closed";
    this.backend.context.wheel.remove(this.#timer);
    if (this.#restedMs !== Infinity) this.backend.countIdleSession(-1);
    this.#restedMs = Infinity;
    if (wasOpen) this.backend.sessionLeft(this);
    this.connection.closed();
  }

  #rest(): void {
    const { backend, connection } = this;
    const { nowMs } = backend.context.clock;
    if (nowMs >= connection.retiresMs || !backend.mayRest) {
      this.leave();
      return;
    }
    this.#restedMs = nowMs;
    backend.countIdleSession(1);
    const idleMs = nowMs + backend.settings.pool.idleTimeoutMs;
    backend.context.wheel.arm(this.#timer, Math.min(idleMs, connection.retiresMs));
  }

  #wake(): void {
    if (this.#restedMs === Infinity) return;
    this.#restedMs = Infinity;
    this.backend.countIdleSession(-1);
    this.#arm();
  }

  #arm(): void {
    const { wheel, clock } = this.backend.context;
    wheel.arm(this.#timer, this.#watch.next(this.#h2, clock.nowMs));
  }

  #onDeadline(nowMs: number): void {
    if (this.#state === "opening") {
      (this.#counters[GLOBAL_SLOTS.backend_connect_timeout_total] as number) += 1;
      this.#openingFailed(new Fault("connect_timeout", "no SETTINGS"));
    } else if (this.#restedMs !== Infinity) {
      this.leave();
    } else {
      this.#checkAlive(nowMs);
    }
    this.#transport.flush();
  }

  #checkAlive(nowMs: number): void {
    const trouble = this.#watch.check(this.#h2, nowMs);
    if (trouble === "") {
      this.#arm();
      return;
    }
    this.#tell(trouble);
    (this.#counters[GLOBAL_SLOTS.h2_upstream_pings_unanswered_total] as number) += 1;
    this.#lost("upstream_closed", trouble);
  }

  #tell(detail: string): void {
    const { context, plan } = this.backend;
    context.log.warn({ backend: plan.address, detail, streams: this.#h2.streamCount }, "HTTP/2 session ends");
  }
}
