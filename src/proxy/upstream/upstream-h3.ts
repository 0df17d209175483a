/**
 * One HTTP/3 session to a backend (RFC 9114): a QUIC connection, the codec on it, and the streams of many
 * exchanges. Opened by its backend, which then finds it in its set for as long as it takes streams;
 * `SessionLife` has the states.
 *
 * It is open with the end of the handshake: QUIC has told by then how many streams the peer takes. Only a
 * request for a tunnel waits for the peer's SETTINGS.
 */
import { Fault, type FaultCode } from "../../base/fault.ts";
import type { QuicClose } from "../../fastpath/quic-engine.ts";
import { H3Code } from "../../wire/h3/error-code.ts";
import { H3Connection } from "../../wire/h3/h3-connection.ts";
import type { H3Error } from "../../wire/h3/h3-error.ts";
import { DEFAULT_H3_LIMITS, type H3Limits } from "../../wire/h3/h3-limits.ts";
import { countAbuse } from "../codec-abuse.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import { PORT_CLOSED } from "../quic/quic-clients.ts";
import type { QuicConnection } from "../quic/quic-connection.ts";
import type { QuicOwner } from "../quic/quic-owner.ts";
import type { Backend } from "./backend.ts";
import { H3_ALPN } from "./backend-contexts.ts";
import { ConnectionAccount } from "./connection-account.ts";
import { H3SessionEvents } from "./h3-session-events.ts";
import type { KeptBody } from "./kept-body.ts";
import { LOOK_MS, PacketWatch } from "./packet-watch.ts";
import { closeCode, detailOf, dialFault, isTls } from "./quic-fault.ts";
import { type LivingSession, SessionLife } from "./session-life.ts";
import { SettingsWait } from "./settings-wait.ts";
import { unprocessed, upstreamFailed } from "./upstream-failed.ts";
import { H3_SESSION } from "./upstream-session.ts";
import { UpstreamStream } from "./upstream-stream.ts";

/** Streams on one session, whatever its peer allows: as many as on one of HTTP/2. */
const MAX_STREAMS = 256;

/** A backend that gives up all that it works on, a few times in a row, is in trouble and no attacker. */
const MAX_BACKEND_RESETS = 4 * MAX_STREAMS;

const LIMITS: H3Limits = {
  ...DEFAULT_H3_LIMITS,
  maxConcurrentStreams: MAX_STREAMS,
  maxPeerResets: MAX_BACKEND_RESETS,
};

/** Without an answer to packets for so long, a session gets no further streams. */
const SUSPECT_MS = 3000;

/** The same, after which it is given up: the path is dead, or the peer is. */
const DEAD_MS = 10_000;

export class UpstreamH3 implements QuicOwner, LivingSession {
  readonly kind = H3_SESSION;
  readonly awaited = "no QUIC handshake";
  readonly backend: Backend;
  /** Set by `open`. */
  connection!: ConnectionAccount;
  served = 0;
  heard = 0;
  closeCode: FaultCode = "upstream_closed";
  readonly #counters: Float64Array;
  readonly #life: SessionLife;
  readonly #watch: PacketWatch;
  readonly #waiting = new Set<SettingsWait>();
  /** Both are set by `open`. */
  #link!: QuicConnection;
  #h3!: H3Connection;
  /** The peer's limit of streams was reached, and the backend is to be told when there is room. */
  #wasFull = false;
  readonly #onRefused = (): void => this.#refused();

  constructor(backend: Backend) {
    this.backend = backend;
    this.#counters = backend.context.counters;
    this.#life = new SessionLife(this);
    this.#watch = new PacketWatch(backend.context.clock.nowMs);
  }

  /** Takes over a connection that it was dialled for; the backend hears `sessionOpened` or `dialFailed`, within the connect timeout. */
  open(link: QuicConnection): void {
    const { backend } = this;
    this.connection = new ConnectionAccount(backend);
    this.#link = link;
    this.#h3 = new H3Connection({
      role: "client",
      limits: LIMITS,
      sink: link,
      clock: backend.context.clock,
      owner: new H3SessionEvents(this),
      scheme: "https",
      scratch: backend.h3Scratch,
    });
    this.#life.begin(this.connection.openedMs + backend.settings.connectTimeoutMs);
  }

  get hasRoom(): boolean {
    if (this.#life.state !== "open") return false;
    const room = this.#h3.canOpenStream;
    this.#wasFull = !room;
    return room;
  }

  get streams(): number {
    return this.#h3.streamCount + this.#waiting.size;
  }

  get maxStreams(): number {
    return Math.min(MAX_STREAMS, this.#h3.streamCount + this.#link.bidirectionalLeft());
  }

  usable(): boolean {
    if (!this.#life.tooOld && !this.#h3.exhausted && !this.#link.engine.worn) return true;
    this.leave();
    return false;
  }

  begin(exchange: Exchange, body: KeptBody | null): RequestSink | null {
    if (exchange.request.upgrade !== "" && !this.#h3.peerConnectProtocol) return this.#beginTunnel(exchange);
    if (this.#life.restMs >= LOOK_MS) this.#look();
    this.#life.wake();
    const stream = new UpstreamStream(this, this.#h3, exchange);
    if (stream.open()) return stream;
    // The connection has ended, and this session is about to hear of it.
    this.leave();
    this.#goesElsewhere(exchange, body);
    return null;
  }

  streamActive(): void {}

  streamOver(): void {
    this.#life.streamOver();
  }

  leave(): void {
    this.#life.leave();
  }

  forgetWaiting(waiting: SettingsWait): void {
    this.#waiting.delete(waiting);
    this.streamOver();
  }

  // Events of the connection.

  onEstablished(): void {
    if (this.#life.state !== "opening") return;
    (this.#counters[GLOBAL_SLOTS.upstream_tls_handshakes_total] as number) += 1;
    if (this.#link.engine.resumed)
      (this.#counters[GLOBAL_SLOTS.upstream_tls_resumptions_total] as number) += 1;
    if (!H3_ALPN.includes(this.#link.applicationProtocol)) {
      const detail = "the server did not agree to HTTP/3 (ALPN)";
      this.#life.openingFailed(new Fault("upstream_tls_failed", detail));
      return;
    }
    this.#h3.start();
    if (this.#h3.canOpenStream) this.#life.opened();
    else this.#life.openingFailed(new Fault("connect_failed", "the backend's HTTP/3 takes no streams"));
  }

  onStreamData(id: number, bytes: Buffer, start: number, end: number, fin: boolean): void {
    this.heard += 1;
    this.#h3.streamData(id, bytes, start, end, fin);
  }

  onStreamReset(id: number, code: number): void {
    this.heard += 1;
    this.#h3.streamReset(id, code);
  }

  onStreamStopped(id: number, code: number): void {
    this.heard += 1;
    this.#h3.streamStopped(id, code);
  }

  onStreamWritable(id: number): void {
    this.#h3.streamWritable(id);
  }

  onStreamsAllowed(): void {
    this.#h3.streamsAllowed();
  }

  /** None was announced, so none has a meaning (RFC 9297 section 2.1). */
  onDatagram(): void {}

  beforeSend(): void {
    // The peer allows streams by packets of which QUIC tells nobody who has not tried to open one.
    if (this.#wasFull && this.hasRoom) this.backend.sessionHasRoom(this);
    this.#h3.flush();
  }

  onClosed(reason: QuicClose): void {
    if (this.#life.state === "opening") this.#dialFailed(reason);
    else this.#life.lost(closeCode(reason), detailOf(reason));
  }

  // Events of the codec that are about the whole session; see `H3SessionEvents`.

  /** It is known whether the peer takes extended CONNECT. */
  settingsReceived(): void {
    for (const waiting of this.#waiting) {
      this.#waiting.delete(waiting);
      waiting.settle();
      if (this.#h3.canOpenStream) this.begin(waiting.exchange, null);
      else this.#goesElsewhere(waiting.exchange, null);
    }
    if (this.streams === 0) this.streamOver();
  }

  goAwayReceived(): void {
    (this.#counters[this.kind.slots.goAwaysReceived] as number) += 1;
    this.leave();
  }

  /** The peer broke the protocol or overdrew a budget; its streams have ended. */
  protocolFailed(error: H3Error): void {
    this.#life.tell(error.toString());
    if (error.budget !== "") countAbuse(this.#counters, error.budget);
    this.#life.lost("upstream_malformed", error.toString());
  }

  /** The peer's SETTINGS decide; they are on their way with the first packets that it sends. */
  #beginTunnel(exchange: Exchange): RequestSink | null {
    if (!this.#h3.settled) {
      this.#life.wake();
      const waiting = new SettingsWait(exchange, this);
      this.#waiting.add(waiting);
      return waiting;
    }
    const fault = new Fault("websocket_refused", "the backend's HTTP/3 does not take extended CONNECT");
    upstreamFailed(this.backend.context, exchange, fault);
    return null;
  }

  /** Nothing of it has been sent. */
  #goesElsewhere(exchange: Exchange, body: KeptBody | null): void {
    const fault = new Fault("upstream_stream_refused", "the HTTP/3 session has ended");
    unprocessed(this.backend.context, exchange, "given-up", { fault, body });
  }

  #dialFailed(reason: QuicClose): void {
    const fault = dialFault(reason);
    if (isTls(reason)) (this.#counters[GLOBAL_SLOTS.upstream_tls_handshake_failures_total] as number) += 1;
    if (fault.code === "connect_timeout")
      (this.#counters[GLOBAL_SLOTS.backend_connect_timeout_total] as number) += 1;
    this.#life.openingFailed(fault);
  }

  // What `SessionLife` asks for.

  nextCheckMs(nowMs: number): number {
    return nowMs + LOOK_MS;
  }

  checkAlive(nowMs: number): void {
    const { engine } = this.#link;
    const watch = this.#watch;
    const before = watch.doubtful;
    if (this.#look()) {
      engine.ping();
      this.#link.wake();
    }
    const silentMs = watch.silentMs(nowMs);
    if (silentMs >= DEAD_MS) {
      this.#gone("packets are not acknowledged");
      return;
    }
    if (watch.doubtful) this.#askCloser(!before);
    if (silentMs >= SUSPECT_MS) this.leave();
    this.#life.watch();
  }

  /**
   * The peer may be gone: its machine knows, if it is there. A peer that has been started anew knows nothing of
   * the connection, and says so to a packet that is long enough.
   */
  #askCloser(first: boolean): void {
    this.backend.context.quic.askRefused(this.#link.path.remote, this.#onRefused);
    if (!first) return;
    this.#h3.sendReserved();
    this.#link.wake();
  }

  /** Nobody listens on the peer's port. If packets of it have come meanwhile, it was somebody on the way who said so. */
  #refused(): void {
    const { transport } = this.backend.context;
    const { state } = this.#life;
    if (state !== "open" && state !== "leaving") return;
    this.#look();
    if (this.#watch.doubtful) this.#gone(PORT_CLOSED);
    transport.flush();
  }

  #look(): boolean {
    return this.#watch.look(this.#link.engine.stats(), this.backend.context.clock.nowMs);
  }

  #gone(trouble: string): void {
    this.#life.tell(trouble);
    this.#life.lost("upstream_closed", trouble);
  }

  sayGoodbye(): void {
    this.#h3.close(H3Code.noError, "");
  }

  /** Does nothing to a connection that has been closed, and said why. */
  destroy(): void {
    this.#link.close(H3Code.noError, "");
  }

  endStreams(detail: string): void {
    this.#h3.closed(detail);
    for (const waiting of this.#waiting) {
      this.#waiting.delete(waiting);
      waiting.settle();
      this.#goesElsewhere(waiting.exchange, null);
    }
  }
}
