/**
 * The tunnel of a protocol that the gateway does not know (a route allows it by name): bytes both ways,
 * each direction ends by itself, and only silence in both ends it.
 */
import { assert } from "../../base/assert.ts";
import { Fault } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { WorkerContext } from "../worker-context.ts";
import { TunnelEnds } from "./tunnel-ends.ts";
import type { Tunnel } from "./tunnel.ts";

export class RawTunnel implements Tunnel {
  readonly #context: WorkerContext;
  readonly #ends: TunnelEnds;
  readonly #timer: Timer;
  readonly #idleTimeoutMs: number;
  #activeMs: number;

  constructor(context: WorkerContext, exchange: Exchange, upstream: RequestSink) {
    const { counters, clock } = context;
    this.#context = context;
    this.#ends = new TunnelEnds(exchange, upstream, () => this.#over());
    this.#idleTimeoutMs = exchange.listener.plan.websocket.idleTimeoutMs;
    this.#activeMs = clock.nowMs;
    this.#timer = new Timer((nowMs) => this.#onDeadline(nowMs));
    context.wheel.arm(this.#timer, this.#activeMs + this.#idleTimeoutMs);
    (counters[GLOBAL_SLOTS.upgrade_tunnels] as number) += 1;
    (counters[GLOBAL_SLOTS.upgrade_tunnels_total] as number) += 1;
  }

  announceClose(): void {
    // Nobody knows how to say goodbye in this protocol: it has the drain budget.
  }

  farewell(): void {}

  writeRequest(bytes: Buffer, start: number, end: number): boolean {
    this.#activeMs = this.#context.clock.nowMs;
    return this.#ends.upstream?.writeRequest(bytes, start, end) ?? true;
  }

  endRequest(): void {
    this.#activeMs = this.#context.clock.nowMs;
    this.#ends.endToBackend();
    this.#ends.clientEnded(new Fault("client_closed"));
  }

  abortRequest(fault: Fault): void {
    this.#ends.clientGone(fault);
  }

  resumeResponse(): void {
    this.#activeMs = this.#context.clock.nowMs;
    this.#ends.upstream?.resumeResponse();
  }

  writeResponse(bytes: Buffer, start: number, end: number): boolean {
    this.#activeMs = this.#context.clock.nowMs;
    return this.#ends.downstream.writeResponse(bytes, start, end);
  }

  endResponse(): void {
    this.#activeMs = this.#context.clock.nowMs;
    this.#ends.backendEnded();
    this.#ends.endToClient(new Fault("upstream_closed"));
  }

  failResponse(fault: Fault): void {
    this.#ends.backendGone(fault);
  }

  resumeRequest(): void {
    this.#activeMs = this.#context.clock.nowMs;
    this.#ends.downstream.resumeRequest();
  }

  informational(): void {
    assert(false, "a tunnel is open: no response comes any more");
  }

  responseHead(): void {
    assert(false, "a tunnel is open: no response comes any more");
  }

  tunnelOpened(): void {
    assert(false, "a tunnel opens once");
  }

  #onDeadline(nowMs: number): void {
    const deadlineMs = this.#activeMs + this.#idleTimeoutMs;
    if (nowMs < deadlineMs) this.#context.wheel.arm(this.#timer, deadlineMs);
    else this.#ends.cut(new Fault("tunnel_idle", "no byte in either direction"));
  }

  #over(): void {
    const { counters, wheel } = this.#context;
    wheel.remove(this.#timer);
    (counters[GLOBAL_SLOTS.upgrade_tunnels] as number) -= 1;
  }
}
