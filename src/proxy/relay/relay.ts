/**
 * A client's connection whose bytes go to a backend as they are, for listeners that end TLS and know no
 * more of what is spoken (feature row A2.4). The backend is one of the listener's own service.
 *
 *   dialling --connected--> joined --both directions ended--> over
 *       \--(no backend, client gone)--\--(error, silence)-----/
 */
import { Fault, faultIndex } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import type { Connection } from "../../fastpath/transport.ts";
import { type Peer, peerOf } from "../exchange/peer.ts";
import type { RouteRuntime } from "../generation.ts";
import type { ClientConnection } from "../listener/client-connection.ts";
import type { ListenerCurrent } from "../listener/listener-current.ts";
import type { ListenerSocket } from "../listener/listener-socket.ts";
import { tellTlsFailure } from "../listener/tls-failure.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { Backend } from "../upstream/backend.ts";
import type { BackendConnection } from "../upstream/backend-connection.ts";
import type { DialOwner } from "../upstream/dial.ts";
import type { WorkerContext } from "../worker-context.ts";
import { RelayEnd, type RelayEndOwner } from "./relay-end.ts";

/** Backends tried for one connection; more only adds to the client's wait while all are down. */
const MAX_ATTEMPTS = 3;

export class Relay implements ClientConnection, RelayEndOwner, DialOwner {
  /** For the line of the access log. */
  readonly protocol = "TLS";
  readonly peer: Peer;
  readonly serverName: string;
  readonly startMs: number;
  readonly startWallMs: number;
  readonly route: RouteRuntime | undefined;
  readonly #context: WorkerContext;
  readonly #listener: ListenerSocket;
  /** As it was when the connection came. */
  readonly current: ListenerCurrent;
  readonly #timer: Timer;
  readonly #client: RelayEnd;
  #backendEnd: RelayEnd | null = null;
  #backendConnection: BackendConnection | null = null;
  #state: "dialling" | "joined" | "over" = "dialling";
  backend: Backend | null = null;
  attempts = 0;
  /** When the backend was dialled last, and when it was connected; 0: not yet. */
  pickMs = 0;
  connectedMs = 0;
  fault: Fault | null = null;
  #activeMs: number;

  constructor(context: WorkerContext, connection: Connection, listener: ListenerSocket) {
    const { clock, wheel } = context;
    this.#context = context;
    this.#listener = listener;
    this.current = listener.current;
    this.peer = peerOf(connection.remoteAddress);
    this.serverName = connection.tls?.serverName ?? "";
    this.startMs = clock.nowMs;
    this.startWallMs = clock.wallMs;
    this.#activeMs = clock.nowMs;
    this.route = this.current.runtime.routes.find((route) => route?.plan.rule.kind === "all");
    this.#client = new RelayEnd(context, connection, this, GLOBAL_SLOTS.bytes_client_to_backend);
    this.#timer = new Timer((nowMs) => this.#onDeadline(nowMs));
    wheel.arm(this.#timer, this.#idleEndMs);
  }

  get #idleEndMs(): number {
    return this.#activeMs + this.current.runtime.plan.relayIdleTimeoutMs;
  }

  get requestBytes(): number {
    return this.#client.receivedBytes;
  }

  get responseBytes(): number {
    return this.#backendEnd?.receivedBytes ?? 0;
  }

  /** Nobody knows how to say goodbye in a protocol that we do not know: it has the drain budget. */
  announceClose(): void {}

  abort(): boolean {
    this.#cut(new Fault("drained", "the drain budget is over"));
    return true;
  }

  // Events of the client's connection.

  onConnect(): void {}

  onData(bytes: Buffer, start: number, end: number): void {
    this.#client.onData(bytes, start, end);
  }

  onEnd(): void {
    this.#client.onEnd();
  }

  onDrain(): void {
    this.#client.onDrain();
  }

  onClose(error: string): void {
    tellTlsFailure(this.#context, this.#client.connection, this.#listener, error);
    this.#client.onClose(error);
  }

  // Of either end.

  passed(): void {
    this.#activeMs = this.#context.clock.nowMs;
  }

  /** In order once both directions have ended; else the other end must not take what it got for the whole. */
  endClosed(end: RelayEnd, error: string): void {
    if (this.#state === "over") return;
    const client = this.#client;
    const backend = this.#backendEnd;
    if (error === "" && client.ended && backend?.ended === true) {
      if (client.closed && backend.closed) this.#finish();
      return;
    }
    this.#cut(new Fault(end === client ? "client_closed" : "upstream_reset", error));
  }

  // The backend.

  /** Picks a backend, and opens a connection to it. What the client says first waits for it. */
  dial(): void {
    this.#client.pause();
    const backend = this.route?.service.balancer.pick() ?? null;
    this.backend = backend;
    this.attempts += 1;
    this.pickMs = this.#context.clock.nowMs;
    const fault = backend === null ? new Fault("no_backend") : backend.connect(this);
    if (fault !== null) this.dialFailed(fault);
  }

  dialled(connection: BackendConnection): void {
    const { clock, transport } = this.#context;
    if (this.#state === "over") {
      transport.destroy(connection.socket);
      connection.closed();
      return;
    }
    this.#state = "joined";
    this.#backendConnection = connection;
    this.connectedMs = clock.nowMs;
    connection.countExchange(1);
    const end = new RelayEnd(this.#context, connection.socket, this, GLOBAL_SLOTS.bytes_backend_to_client);
    this.#backendEnd = end;
    transport.handOver(connection.socket, end);
    this.#client.join(end);
    end.join(this.#client);
  }

  dialFailed(fault: Fault): void {
    if (this.#state === "over") return;
    this.#reportBackend(fault);
    const more = this.attempts < Math.min(MAX_ATTEMPTS, this.route?.service.backends.length ?? 0);
    if (more && fault.row.retry === "if-unsent") this.dial();
    else this.#cut(fault);
  }

  #reportBackend(fault: Fault): void {
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

  // The end.

  #onDeadline(nowMs: number): void {
    if (nowMs < this.#idleEndMs) this.#context.wheel.arm(this.#timer, this.#idleEndMs);
    else this.#cut(new Fault("tunnel_idle", "no byte in either direction"));
  }

  /** Both ends are reset, so that neither takes the end for an orderly one. */
  #cut(fault: Fault): void {
    if (this.#state === "over") return;
    const { transport } = this.#context;
    const backend = this.#backendEnd;
    this.fault = fault;
    if (!this.#client.closed) transport.reset(this.#client.connection);
    if (backend !== null && !backend.closed) transport.reset(backend.connection);
    this.#finish();
  }

  #finish(): void {
    const { accessLog, counters, clock, wheel } = this.#context;
    const { metrics } = this.current.runtime.plan;
    this.#state = "over";
    wheel.remove(this.#timer);
    this.#backendConnection?.countExchange(-1);
    this.#backendConnection?.closed();
    if (this.fault !== null) (counters[metrics.faults + faultIndex(this.fault.code)] as number) += 1;
    accessLog.appendRelay(this, clock.nowMs, this.#context.chance());
    this.#listener.closed(this);
  }
}
