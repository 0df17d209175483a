/**
 * Opens one connection to a backend: TCP or a Unix socket, then TLS where the backend has it, within the
 * connect timeout. Made by the backend, which hears of the end, and which then hands the connection to
 * whoever speaks on it.
 */
import { assert } from "../../base/assert.ts";
import { Fault } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import { TLS_ERROR_PREFIX, type TlsInfo } from "../../fastpath/tls.ts";
import type { ConnectionOwner } from "../../fastpath/transport.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { Backend } from "./backend.ts";
import type { BackendConnection } from "./backend-connection.ts";

/** Who wanted the connection. One of the two is called, once, and never from within `dial`. */
export interface DialOwner {
  /** The connection is open; the caller hands it over before it returns to the event loop. `deadlineMs`: until then it should be of use. */
  dialled(connection: BackendConnection, deadlineMs: number): void;
  /** There is no connection; it has been counted as closed. */
  dialFailed(fault: Fault): void;
}

/** A numeric address and a port; or the path of a Unix socket and -1. */
export interface DialAddress {
  readonly host: string;
  readonly port: number;
}

export function dial(connection: BackendConnection, address: DialAddress, owner: DialOwner): void {
  const { host, port } = address;
  const { backend } = connection;
  const attempt = new Dial(connection, owner);
  connection.socket = backend.context.transport.connect({ host, port, tls: backend.tls }, attempt);
}

class Dial implements ConnectionOwner {
  readonly #connection: BackendConnection;
  readonly #owner: DialOwner;
  readonly #timer: Timer;
  readonly #deadlineMs: number;
  #over = false;

  constructor(connection: BackendConnection, owner: DialOwner) {
    const { context, settings } = connection.backend;
    this.#connection = connection;
    this.#owner = owner;
    this.#timer = new Timer(() => this.#timeOut());
    this.#deadlineMs = connection.openedMs + settings.connectTimeoutMs;
    context.wheel.arm(this.#timer, this.#deadlineMs);
  }

  onConnect(): void {
    this.#end();
    const { socket, backend } = this.#connection;
    if (socket.tls !== null) countHandshake(backend, socket.tls);
    this.#owner.dialled(this.#connection, this.#deadlineMs);
  }

  onData(): void {
    assert(false, "bytes before the connection is open");
  }

  onEnd(): void {
    assert(false, "FIN before the connection is open");
  }

  onDrain(): void {}

  onClose(error: string): void {
    if (this.#over) return;
    if (error.startsWith(TLS_ERROR_PREFIX))
      count(this.#connection.backend, "upstream_tls_handshake_failures_total");
    this.#fail(dialFault(error));
  }

  #timeOut(): void {
    const { backend, socket } = this.#connection;
    backend.context.transport.destroy(socket);
    count(backend, "backend_connect_timeout_total");
    this.#fail(new Fault("connect_timeout", backend.plan.address));
  }

  #fail(fault: Fault): void {
    this.#end();
    this.#connection.closed();
    this.#owner.dialFailed(fault);
  }

  #end(): void {
    this.#over = true;
    this.#connection.backend.context.wheel.remove(this.#timer);
  }
}

function countHandshake(backend: Backend, tls: TlsInfo): void {
  count(backend, "upstream_tls_handshakes_total");
  if (tls.resumed) count(backend, "upstream_tls_resumptions_total");
}

function count(backend: Backend, slot: keyof typeof GLOBAL_SLOTS): void {
  (backend.context.counters[GLOBAL_SLOTS[slot]] as number) += 1;
}

function dialFault(error: string): Fault {
  if (error === "ECONNREFUSED" || error === "ENOENT") return new Fault("connect_refused", error);
  if (error.startsWith(TLS_ERROR_PREFIX)) return new Fault("upstream_tls_failed", error);
  return new Fault(error === "ETIMEDOUT" ? "connect_timeout" : "connect_failed", error);
}
