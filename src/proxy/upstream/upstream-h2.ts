/**
 * One HTTP/2 session to a backend (RFC 9113): a connection, the codec on it, and the streams of many
 * exchanges. Opened by its backend, which then finds it in its set for as long as it takes streams;
 * `SessionLife` has the states.
 *
 * No stream is opened before the peer's SETTINGS have come, which takes a round trip once in the life of a
 * session: then its limits are known, as is whether it takes extended CONNECT (RFC 8441), and a server
 * that does not speak HTTP/2 has not been sent any request.
 */
import { assert } from "../../base/assert.ts";
import { Fault, type FaultCode } from "../../base/fault.ts";
import type { ConnectionOwner, Transport } from "../../fastpath/transport.ts";
import { H2Code, h2CodeName } from "../../wire/h2/error-code.ts";
import { H2Connection } from "../../wire/h2/h2-connection.ts";
import type { H2Error } from "../../wire/h2/h2-error.ts";
import { DEFAULT_H2_LIMITS, type H2Limits } from "../../wire/h2/h2-limits.ts";
import { ConnectionSink } from "../connection-sink.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";
import { countAbuse } from "../codec-abuse.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { Backend } from "./backend.ts";
import type { BackendConnection } from "./backend-connection.ts";
import { H2SessionEvents } from "./h2-session-events.ts";
import { type LivingSession, SessionLife } from "./session-life.ts";
import { SessionWatch } from "./session-watch.ts";
import { upstreamFailed } from "./upstream-failed.ts";
import { H2_SESSION } from "./upstream-session.ts";
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

export class UpstreamH2 implements ConnectionOwner, LivingSession {
  readonly kind = H2_SESSION;
  readonly awaited = "no SETTINGS";
  readonly connection: BackendConnection;
  readonly backend: Backend;
  served = 0;
  heard = 0;
  closeCode: FaultCode = "upstream_closed";
  readonly #transport: Transport;
  readonly #counters: Float64Array;
  readonly #h2: H2Connection;
  readonly #watch: SessionWatch;
  readonly #life: SessionLife;

  constructor(connection: BackendConnection) {
    const { backend, socket } = connection;
    const { clock, counters, transport } = backend.context;
    this.connection = connection;
    this.backend = backend;
    this.#transport = transport;
    this.#counters = counters;
    this.#life = new SessionLife(this);
    this.#watch = new SessionWatch(clock.nowMs);
    this.#h2 = new H2Connection({
      role: "client",
      limits: LIMITS,
      sink: new ConnectionSink(transport, socket),
      clock,
      owner: new H2SessionEvents(this),
      scheme: backend.tls === null ? "http" : "https",
      scratch: backend.scratch,
    });
  }

  /** Takes the connection over; the backend hears `sessionOpened` or `dialFailed`, by the deadline. */
  open(deadlineMs: number): void {
    this.#transport.handOver(this.connection.socket, this);
    this.#life.begin(deadlineMs);
    this.#h2.start();
  }

  get hasRoom(): boolean {
    return this.#life.state === "open" && this.#h2.canOpenStream;
  }

  get streams(): number {
    return this.#h2.streamCount;
  }

  get maxStreams(): number {
    return Math.min(MAX_STREAMS, this.#h2.peerMaxConcurrentStreams);
  }

  usable(): boolean {
    if (this.#life.tooOld || this.#h2.exhausted) {
      this.leave();
      return false;
    }
    if (this.#life.restMs < PROBE_AFTER_MS || this.#transport.alive(this.connection.socket)) return true;
    (this.#counters[GLOBAL_SLOTS.pool_probe_failures_total] as number) += 1;
    this.#life.lost("upstream_closed", "found closed");
    return false;
  }

  /** `null`: the exchange has failed, as the peer does not take what it asks for. */
  begin(exchange: Exchange): RequestSink | null {
    if (exchange.request.upgrade !== "" && !this.#h2.peerConnectProtocol) {
      const fault = new Fault("websocket_refused", "the backend's HTTP/2 does not take extended CONNECT");
      upstreamFailed(this.backend.context, exchange, fault);
      return null;
    }
    this.#life.wake();
    this.#watch.active();
    const stream = new UpstreamStream(this, this.#h2, exchange);
    const opened = stream.open();
    assert(opened, "a session that has room opens a stream");
    return stream;
  }

  streamActive(): void {
    this.#watch.active();
  }

  streamOver(): void {
    this.#life.streamOver();
  }

  leave(): void {
    this.#life.leave();
  }

  // Events of the connection.

  onConnect(): void {
    assert(false, "an open connection does not connect");
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (this.#life.state === "closed") return;
    this.heard += 1;
    this.#watch.heard(this.backend.context.clock.nowMs);
    this.#h2.receive(bytes, start, end);
  }

  onEnd(): void {
    this.#life.lost("upstream_closed", "closed by the backend");
  }

  onDrain(): void {
    this.#h2.onSinkDrained();
  }

  onClose(error: string): void {
    if (error === "") this.#life.lost("upstream_closed", "closed by the backend");
    else this.#life.lost("upstream_reset", error);
  }

  // Events of the codec that are about the whole session; see `H2SessionEvents`.

  /** The peer's limits are known, or have changed. */
  settingsReceived(): void {
    switch (this.#life.state) {
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
    (this.#counters[this.kind.slots.goAwaysReceived] as number) += 1;
    const detail = `GOAWAY ${h2CodeName(code)} ${text}`.trimEnd();
    if (code !== H2Code.noError) this.#life.tell(detail);
    if (this.#life.state === "opening") this.#life.openingFailed(new Fault("connect_failed", detail));
    else this.leave();
  }

  /** The peer broke the protocol or overdrew a budget; its streams have ended. */
  protocolFailed(error: H2Error): void {
    this.#life.tell(error.toString());
    if (error.budget !== "") countAbuse(this.#counters, error.budget);
    // One that was leaving has closed with the last of its streams, just before.
    if (this.#life.state === "closed") return;
    // GOAWAY goes out first: it says why.
    this.#transport.flush();
    this.#life.lost("upstream_malformed", error.toString());
  }

  #opened(): void {
    if (this.#h2.canOpenStream) this.#life.opened();
    else this.#life.openingFailed(new Fault("connect_failed", "the backend's HTTP/2 takes no streams"));
  }

  // What `SessionLife` asks for.

  nextCheckMs(nowMs: number): number {
    return this.#watch.next(this.#h2, nowMs);
  }

  checkAlive(nowMs: number): void {
    const trouble = this.#watch.check(this.#h2, nowMs);
    if (trouble === "") {
      this.#life.watch();
      return;
    }
    this.#life.tell(trouble);
    (this.#counters[GLOBAL_SLOTS.h2_upstream_pings_unanswered_total] as number) += 1;
    this.#life.lost("upstream_closed", trouble);
  }

  sayGoodbye(): void {
    this.#h2.goAway(H2Code.noError, 0);
    this.#h2.close("");
    this.#transport.flush();
  }

  destroy(): void {
    this.#transport.destroy(this.connection.socket);
  }

  endStreams(detail: string): void {
    this.#h2.close(detail);
  }
}
