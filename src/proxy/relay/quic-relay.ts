/**
 * A client's QUIC connection joined with one to a backend: streams, their resets and stops, datagrams and the
 * close pass as they are, for applications that the gateway knows nothing of (feature row A10.7). A listener
 * makes one for each connection; `QuicRelayDialler` chooses the backend, which is offered the protocol
 * that the client has agreed on with us.
 *
 *   waiting --handshake--> dialling --backend's handshake--> joined --either closes--> over
 *       |                     |                                |                        |
 *       |                     |                             (worn)--> leaving --(idle)--|
 *       \--(client gone)------\--(no backend, client gone, drain)----------------------/
 *
 * A relay of which one connection is worn takes no more streams, and closes both when those that it has are
 * over, or after a time, for the client to begin anew.
 *
 * Until both are joined, nothing of the client's streams is read. What keeps a connection alive without
 * data (PING) concerns one connection and does not pass: a relay that relays nothing ends with the idle timeout.
 */
import { Fault, faultIndex } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import type { QuicClose } from "../../fastpath/quic-engine.ts";
import { type Peer, peerOf } from "../exchange/peer.ts";
import type { RelayRecord } from "../finish/relay-line.ts";
import type { RouteRuntime } from "../generation.ts";
import type { ListenerCurrent } from "../listener/listener-current.ts";
import type { QuicServed } from "../quic/listener-settings.ts";
import { PORT_CLOSED } from "../quic/quic-clients.ts";
import { TransportError } from "../quic/transport-error.ts";
import type { WorkerContext } from "../worker-context.ts";
import { closeFault, dialFault, failOther, passClose } from "./quic-relay-close.ts";
import type { QuicRelayCounters, QuicRelayShared } from "./quic-relay-counters.ts";
import { QuicRelayEnd, type QuicRelayEndOwner } from "./quic-relay-end.ts";
import { MAX_RELAY_ATTEMPTS, WORN_LINGER_MS, WORN_STREAMS_MS } from "./quic-relay-limits.ts";
import { QuicRelayWatch } from "./quic-relay-watch.ts";
import type { QuicRelayBackend, QuicRelayDialler, QuicRelayLink } from "./quic-relay-link.ts";

export interface QuicRelayOptions {
  readonly context: WorkerContext;
  readonly counters: QuicRelayCounters;
  readonly dialler: QuicRelayDialler;
  /** As it is when the connection comes. */
  readonly current: ListenerCurrent;
  readonly route: RouteRuntime | undefined;
  /** `max_relay_streams`. */
  readonly maxStreams: number;
  /** For the handshake of each attempt. */
  readonly connectTimeoutMs: number;
}

export class QuicRelay implements QuicServed, QuicRelayEndOwner, RelayRecord {
  readonly protocol = "QUIC";
  readonly peer: Peer;
  readonly serverName: string;
  readonly startMs: number;
  readonly startWallMs: number;
  readonly current: ListenerCurrent;
  readonly route: RouteRuntime | undefined;
  readonly #context: WorkerContext;
  readonly #dialler: QuicRelayDialler;
  readonly #shared: QuicRelayShared;
  readonly #connectTimeoutMs: number;
  readonly #timer: Timer;
  readonly #client: QuicRelayEnd;
  /** Of the present attempt. */
  #backendEnd: QuicRelayEnd | null = null;
  /** Of the backend that is joined. */
  #watch: QuicRelayWatch | null = null;
  #state: "waiting" | "dialling" | "joined" | "leaving" | "over" = "waiting";
  backend: QuicRelayBackend | null = null;
  attempts = 0;
  /** When the backend was dialled last, and when it was connected; 0: not yet. */
  pickMs = 0;
  connectedMs = 0;
  fault: Fault | null = null;

  /** Nothing of the link has been read yet: from `QuicListenerOwner.onConnection`. */
  constructor(options: QuicRelayOptions, link: QuicRelayLink) {
    const { context, counters, maxStreams } = options;
    this.#context = context;
    this.#dialler = options.dialler;
    this.#connectTimeoutMs = options.connectTimeoutMs;
    this.#shared = { counters, maxStreams, streams: 0, leaving: false };
    this.current = options.current;
    this.route = options.route;
    this.peer = peerOf(link.remoteAddress);
    this.serverName = link.serverName;
    this.startMs = context.clock.nowMs;
    this.startWallMs = context.clock.wallMs;
    this.#timer = new Timer(() => this.#onDeadline());
    this.#client = this.#end("client");
    this.#client.link = link;
    link.pauseAll();
    counters.add("quic_modeb_connections", 1);
    counters.add("quic_modeb_connections_total", 1);
  }

  get requestBytes(): number {
    return this.#client.receivedBytes;
  }

  get responseBytes(): number {
    return this.#backendEnd?.receivedBytes ?? 0;
  }

  /** Octets of one direction that are held now, without what is unread; for tests. */
  heldBytes(from: "client" | "backend"): number {
    const end = from === "client" ? this.#client : this.#backendEnd;
    return end === null ? 0 : end.heldBytes + end.waitingBytes;
  }

  /** Nobody knows how to say goodbye in a protocol that we do not know: it has the drain budget. */
  announceClose(): void {}

  /** Closes both connections with NO_ERROR. */
  abort(): boolean {
    if (this.#state === "over") return false;
    this.#cut(new Fault("drained", "the drain budget is over"), TransportError.none, "shutting down");
    return true;
  }

  // Events of the client's connection.

  onEstablished(): void {
    this.#client.onEstablished();
  }

  onStreamData(id: number, bytes: Buffer, start: number, end: number, fin: boolean): void {
    this.#client.onStreamData(id, bytes, start, end, fin);
  }

  onStreamReset(id: number, code: number): void {
    this.#client.onStreamReset(id, code);
  }

  onStreamStopped(id: number, code: number): void {
    this.#client.onStreamStopped(id, code);
  }

  onStreamWritable(id: number): void {
    this.#client.onStreamWritable(id);
  }

  onStreamsAllowed(): void {
    this.#client.onStreamsAllowed();
  }

  onDatagram(bytes: Buffer, start: number, end: number): void {
    this.#client.onDatagram(bytes, start, end);
  }

  onWorn(): void {
    this.#client.onWorn();
  }

  onClosed(reason: QuicClose): void {
    this.#client.onClosed(reason);
  }

  // Of either end.

  endEstablished(end: QuicRelayEnd): void {
    if (end === this.#client) {
      if (this.#state === "waiting") this.#dial();
    } else if (end === this.#backendEnd) {
      this.#join(end);
    }
  }

  /** Before both are joined nothing is read, and nothing wears. */
  endWorn(end: QuicRelayEnd): void {
    if (this.#state !== "joined") return;
    const { clock, log, wheel } = this.#context;
    const { route, backend } = this;
    this.#state = "leaving";
    this.#shared.leaving = true;
    this.#shared.counters.add("quic_modeb_connections_worn_total", 1);
    const worn = end === this.#client ? "client" : "backend";
    log.info(
      {
        service: route?.service.plan.name,
        backend: backend?.plan.address,
        worn,
        streams: this.#shared.streams,
      },
      "relayed connection is worn",
    );
    wheel.arm(this.#timer, clock.nowMs + WORN_STREAMS_MS);
    if (this.#shared.streams === 0) this.streamsOver();
  }

  streamsOver(): void {
    const { clock, wheel } = this.#context;
    if (this.#state === "leaving") wheel.arm(this.#timer, clock.nowMs + WORN_LINGER_MS);
  }

  endClosed(end: QuicRelayEnd, reason: QuicClose): void {
    if (this.#state === "over") return;
    if (end === this.#client) this.#clientClosed(reason);
    else if (end === this.#backendEnd) this.#backendClosed(end, reason);
  }

  #clientClosed(reason: QuicClose): void {
    const backend = this.#backendEnd;
    if (this.#isJoined && backend !== null) {
      passClose(reason, backend.link);
      this.#finish(closeFault(reason, "client"));
      return;
    }
    backend?.link.abandon();
    this.#finish(closeFault(reason, "client") ?? new Fault("client_closed", "before there was a backend"));
  }

  #backendClosed(end: QuicRelayEnd, reason: QuicClose): void {
    if (this.#state === "dialling") {
      this.#dialFailed(dialFault(reason));
      return;
    }
    passClose(reason, this.#client.link);
    this.#finish(closeFault(reason, end === this.#client ? "client" : "backend"));
  }

  // The backend.

  #dial(): void {
    const { clock, wheel } = this.#context;
    this.#state = "dialling";
    this.attempts += 1;
    this.pickMs = clock.nowMs;
    const end = this.#end("backend");
    const { backend, link } = this.#dialler.dial(this.#client.link.applicationProtocol, end);
    this.backend = backend;
    if (link instanceof Fault) {
      this.#dialFailed(link);
      return;
    }
    end.link = link;
    this.#backendEnd = end;
    wheel.arm(this.#timer, clock.nowMs + this.#connectTimeoutMs);
  }

  #onDeadline(): void {
    const end = this.#backendEnd;
    if (this.#state === "leaving") this.#cut(null, TransportError.none, "worn, begin anew");
    if (this.#state !== "dialling" || end === null) return;
    end.link.abandon();
    this.#dialFailed(new Fault("connect_timeout", "no handshake in time"));
  }

  #dialFailed(fault: Fault): void {
    const more = this.attempts < Math.min(MAX_RELAY_ATTEMPTS, this.route?.service.backends.length ?? 0);
    const again = more && fault.row.retry === "if-unsent";
    this.#backendEnd = null;
    this.#report(fault);
    if (!again) {
      this.#cut(fault, TransportError.connectionRefused, "no backend");
      return;
    }
    this.#release();
    this.#dial();
  }

  #report(fault: Fault): void {
    const { backend, route } = this;
    if (backend === null) return;
    const { counters, log } = this.#context;
    (counters[backend.slots.faults + faultIndex(fault.code)] as number) += 1;
    log[fault.row.level](
      {
        service: route?.service.plan.name,
        backend: backend.plan.address,
        code: fault.code,
        detail: fault.detail,
        attempt: this.attempts,
      },
      "backend connection failed",
    );
  }

  #join(end: QuicRelayEnd): void {
    const { clock, wheel } = this.#context;
    this.#state = "joined";
    this.connectedMs = clock.nowMs;
    wheel.disarm(this.#timer);
    const gone = (): void => this.#backendGone(end);
    this.#watch = new QuicRelayWatch({ context: this.#context, shared: this.#shared, link: end.link, gone });
    end.join(this.#client);
    this.#client.join(end);
    this.#client.link.resumeAll();
  }

  #backendGone(end: QuicRelayEnd): void {
    const fault = new Fault("upstream_closed", PORT_CLOSED);
    this.#report(fault);
    failOther(this.#client.link);
    end.link.abandon();
    this.#finish(fault);
  }

  #end(side: "client" | "backend"): QuicRelayEnd {
    const server = side === "client";
    const counter = server ? "bytes_client_to_backend" : "bytes_backend_to_client";
    return new QuicRelayEnd({ owner: this, shared: this.#shared, server, counter });
  }

  // The end.

  get #isJoined(): boolean {
    return this.#state === "joined" || this.#state === "leaving";
  }

  #cut(fault: Fault | null, code: number, reason: string): void {
    this.#client.link.closeTransport(code, reason);
    if (this.#isJoined) this.#backendEnd?.link.closeTransport(code, reason);
    else this.#backendEnd?.link.abandon();
    this.#finish(fault);
  }

  #release(): void {
    if (this.backend !== null) this.#dialler.released(this.backend);
  }

  #finish(fault: Fault | null): void {
    const { accessLog, counters, clock, wheel } = this.#context;
    const { metrics } = this.current.runtime.plan;
    const shared = this.#shared;
    this.#state = "over";
    this.fault = fault;
    wheel.remove(this.#timer);
    this.#watch?.end();
    this.#client.clear();
    this.#backendEnd?.clear();
    this.#release();
    shared.counters.add("quic_modeb_streams_active", -shared.streams);
    shared.counters.add("quic_modeb_connections", -1);
    shared.streams = 0;
    if (fault !== null) (counters[metrics.faults + faultIndex(fault.code)] as number) += 1;
    accessLog.appendRelay(this, clock.nowMs, this.#context.chance());
  }
}
