/**
 * A connection to a backend that carries another protocol after a 101: bytes both ways, without framing,
 * each direction until its own end. Takes the connection over from `UpstreamH1`, and never gives it back.
 */
import { assert } from "../../base/assert.ts";
import { Fault } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import type { ConnectionOwner, Transport } from "../../fastpath/transport.ts";
import { Fields } from "../../wire/http/fields.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { BackendConnection } from "./backend-connection.ts";
import { passTunnel } from "./response-head.ts";
import { upstreamFailed } from "./upstream-failed.ts";

/** Once both directions have ended, a backend has this long to read what is queued for it. */
const FAREWELL_MS = 5000;

export class UpstreamTunnelH1 implements ConnectionOwner, RequestSink {
  readonly #connection: BackendConnection;
  readonly #transport: Transport;
  readonly #counters: Float64Array;
  readonly #timer: Timer;
  #exchange: Exchange | null;
  #requestEnded = false;
  #responseEnded = false;
  #paused = false;
  #closed = false;

  constructor(connection: BackendConnection, exchange: Exchange) {
    const { context } = connection.backend;
    this.#connection = connection;
    this.#transport = context.transport;
    this.#counters = context.counters;
    this.#timer = new Timer(() => this.#destroy());
    this.#exchange = exchange;
  }

  /** Takes over; `rest` is what came behind the head of the 101. */
  open(rest: Buffer): void {
    const exchange = this.#exchange as Exchange;
    exchange.upstream = this;
    this.#transport.handOver(this.#connection.socket, this);
    passTunnel(this.#connection.backend.context, exchange);
    if (rest.length > 0) this.onData(rest, 0, rest.length);
  }

  writeRequest(bytes: Buffer, start: number, end: number): boolean {
    const { socket } = this.#connection;
    (this.#counters[GLOBAL_SLOTS.bytes_client_to_backend] as number) += end - start;
    this.#transport.sendFrom(socket, bytes, start, end);
    return !this.#transport.blocked(socket);
  }

  endRequest(): void {
    this.#requestEnded = true;
    this.#transport.end(this.#connection.socket);
    if (this.#responseEnded) this.#completed();
  }

  /** RST: the backend must not take what has come for all there is. */
  abortRequest(): void {
    this.#detach();
    this.#close();
    this.#transport.reset(this.#connection.socket);
  }

  resumeResponse(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#transport.resume(this.#connection.socket);
  }

  onConnect(): void {
    assert(false, "an open connection does not connect");
  }

  onData(bytes: Buffer, start: number, end: number): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    (this.#counters[GLOBAL_SLOTS.bytes_backend_to_client] as number) += end - start;
    if (exchange.downstream.writeResponse(bytes, start, end)) return;
    if (this.#exchange === null || this.#paused) return;
    this.#paused = true;
    this.#transport.pause(this.#connection.socket);
  }

  onEnd(): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#responseEnded = true;
    if (this.#requestEnded) this.#completed();
    exchange.downstream.endResponse(new Fields());
  }

  onDrain(): void {
    if (!this.#requestEnded) this.#exchange?.downstream.resumeRequest();
  }

  onClose(error: string): void {
    const exchange = this.#exchange;
    this.#detach();
    this.#close();
    if (exchange === null) return;
    const fault = new Fault(error === "" ? "upstream_closed" : "upstream_reset", error);
    upstreamFailed(this.#connection.backend.context, exchange, fault);
  }

  /** Both directions have ended: the connection closes by itself once everything has gone out. */
  #completed(): void {
    const { wheel, clock } = this.#connection.backend.context;
    this.#detach();
    this.resumeResponse();
    wheel.arm(this.#timer, clock.nowMs + FAREWELL_MS);
  }

  #destroy(): void {
    this.#close();
    this.#transport.destroy(this.#connection.socket);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.backend.context.wheel.remove(this.#timer);
    this.#connection.closed();
  }

  #detach(): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#exchange = null;
    // By now the tunnel has put itself in between, and lets go of this side by itself.
    if (exchange.upstream === this) exchange.upstream = null;
    this.#connection.countExchange(-1);
  }
}
