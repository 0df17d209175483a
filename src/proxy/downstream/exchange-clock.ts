/**
 * The deadlines of one exchange on one timer: what may take how long depends on the phase. Progress
 * only moves numbers; the timer looks at them when it fires. Feature rows A8.1, A20.12, A20.13.
 */
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import type { Timer, TimerWheel } from "../../base/timer-wheel.ts";
import { Phase, type Exchange } from "../exchange/exchange.ts";
import { callTimeoutMs, NO_CALL } from "../grpc/grpc-deadline.ts";
import type { HttpPlan, RuntimePlan } from "../plan.ts";

const NOT_MEASURED = -1;

export class ExchangeClock {
  readonly #clock: Clock;
  readonly #wheel: TimerWheel;
  readonly #timer: Timer;
  #http!: HttpPlan;
  #runtime!: RuntimePlan;
  #exchange!: Exchange;
  #totalMs = 0;
  /** From `callTimeoutMs`. */
  #callMs = NO_CALL;
  #progressMs = 0;
  /** Since when, and how much, the client has been sending a body that we were ready to take. */
  #windowMs = 0;
  #windowBytes = 0;
  /** Unsent response when the timer last looked; `NOT_MEASURED` when it has not looked since the response moved. */
  #queuedBytes = NOT_MEASURED;

  constructor(clock: Clock, wheel: TimerWheel, timer: Timer) {
    this.#clock = clock;
    this.#wheel = wheel;
    this.#timer = timer;
  }

  /** The head of a request is complete. */
  begin(exchange: Exchange): void {
    const { nowMs } = this.#clock;
    this.#exchange = exchange;
    this.#http = exchange.listener.plan.http;
    this.#runtime = exchange.generation.plan.runtime;
    this.#callMs = callTimeoutMs(exchange);
    this.#totalMs = nowMs + (this.#callMs === NO_CALL ? this.#http.totalTimeoutMs : Math.abs(this.#callMs));
    this.#progressMs = nowMs;
    this.#queuedBytes = NOT_MEASURED;
    this.#openWindow();
    // Without a body, `requestEnded` follows at once.
    if (exchange.request.bodyLength !== 0) this.#arm();
  }

  /** We are ready for the body (again), or the backend has asked for it: only from now on is its pace the client's. */
  resumed(): void {
    this.#progressMs = this.#clock.nowMs;
    this.#openWindow();
  }

  /** Until then the client could not send what we were ready to take: its pace begins anew. */
  heldBackUntil(ms: number): void {
    if (this.#exchange.phase !== Phase.request || ms <= this.#windowMs) return;
    this.#progressMs = Math.max(this.#progressMs, ms);
    this.#openWindow();
  }

  /** Request body has come. */
  received(): void {
    this.#progressMs = this.#clock.nowMs;
  }

  requestEnded(): void {
    this.#progressMs = this.#clock.nowMs;
    this.#arm();
  }

  /** The head of the response has come. */
  responseBegun(): void {
    this.progress();
    this.#arm();
  }

  /** Some of the response has moved. That puts the deadline off, which the timer finds when it looks. */
  progress(): void {
    this.#progressMs = this.#clock.nowMs;
    this.#queuedBytes = NOT_MEASURED;
  }

  /** Why the exchange has to end now; `null`: it may go on. `bodyOpen`: the upstream takes the body; `queuedBytes`: unsent response. */
  check(nowMs: number, bodyOpen: boolean, queuedBytes: number): Fault | null {
    const { request, requestBytes } = this.#exchange;
    // A client that waits for 100 (Continue) is not slow: the backend is.
    const taking = bodyOpen && !(request.expectContinue && requestBytes === 0);
    // Before the response, what is queued is the rest of the one before.
    if (this.#exchange.phase === Phase.response) this.#measure(nowMs, queuedBytes);
    const fault = this.#late(nowMs, taking, queuedBytes > 0);
    if (fault === null) this.#wheel.arm(this.#timer, this.#next(nowMs));
    return fault;
  }

  /** Whether the client reads: a first look has nothing to compare with, and gives it the benefit of the doubt. */
  #measure(nowMs: number, queuedBytes: number): void {
    const before = this.#queuedBytes;
    this.#queuedBytes = queuedBytes;
    if (before === NOT_MEASURED ? queuedBytes > 0 : queuedBytes < before) this.#progressMs = nowMs;
  }

  #late(nowMs: number, taking: boolean, unsent: boolean): Fault | null {
    const idle = nowMs - this.#progressMs;
    switch (this.#exchange.phase) {
      case Phase.request:
        return this.#lateRequest(nowMs, taking, idle);
      case Phase.awaitingHead:
        if (nowMs >= this.#totalMs) return this.#overTime("total_timeout");
        return idle >= this.#headTimeoutMs() ? new Fault("upstream_head_timeout") : null;
      case Phase.response:
        if (this.#callMs > 0 && nowMs >= this.#totalMs) return this.#overTime("total_timeout");
        if (idle < this.#http.bodyTimeoutMs) return null;
        return new Fault(unsent ? "client_stalled" : "upstream_body_timeout");
      case Phase.tunnel:
      case Phase.done:
        return null;
    }
  }

  #lateRequest(nowMs: number, taking: boolean, idle: number): Fault | null {
    if (nowMs >= this.#totalMs) return this.#overTime(taking ? "request_body_timeout" : "total_timeout");
    if (idle >= this.#http.bodyTimeoutMs) {
      return new Fault(taking ? "request_body_timeout" : "upstream_body_timeout", "body_timeout_ms");
    }
    return taking ? this.#tooSlow(nowMs) : null;
  }

  /** The time for all of it is over: the listener's, or that of the call. */
  #overTime(code: "request_body_timeout" | "total_timeout"): Fault {
    return this.#callMs === NO_CALL
      ? new Fault(code, "total_timeout_ms")
      : new Fault("grpc_deadline_exceeded", "grpc-timeout, or grpc.max_deadline_seconds");
  }

  /**
   * Slow POST: once the grace is over since the client was asked for the body, its average pace must
   * reach the configured minimum.
   */
  #tooSlow(nowMs: number): Fault | null {
    const elapsedMs = nowMs - this.#windowMs;
    if (elapsedMs < this.#graceMs()) return null;
    const pace = ((this.#exchange.requestBytes - this.#windowBytes) * 1000) / elapsedMs;
    if (pace >= this.#runtime.bodyProgressMinBps) return null;
    return new Fault("request_body_timeout", `${Math.floor(pace)} bytes a second: body_progress_min_bps`);
  }

  /** A client may pause as long as the other timeouts let it, before its pace is judged. */
  #graceMs(): number {
    return Math.max(this.#http.bodyTimeoutMs, this.#runtime.headerDeadlineMs);
  }

  /** A backend that is to switch protocols has nothing to compute: feature row A12.1. */
  #headTimeoutMs(): number {
    if (this.#callMs !== NO_CALL) return Infinity;
    const { headTimeoutMs, headerTimeoutMs } = this.#http;
    return this.#exchange.request.upgrade === "" ? headTimeoutMs : Math.min(headTimeoutMs, headerTimeoutMs);
  }

  #openWindow(): void {
    this.#windowMs = this.#clock.nowMs;
    this.#windowBytes = this.#exchange.requestBytes;
  }

  #arm(): void {
    this.#wheel.arm(this.#timer, this.#next(this.#progressMs));
  }

  #next(nowMs: number): number {
    switch (this.#exchange.phase) {
      case Phase.request: {
        const idle = this.#progressMs + this.#http.bodyTimeoutMs;
        const grace = this.#windowMs + this.#graceMs();
        return Math.min(this.#totalMs, idle, Math.max(grace, nowMs + this.#runtime.sweepIntervalMs));
      }
      case Phase.awaitingHead:
        return Math.min(this.#totalMs, this.#progressMs + this.#headTimeoutMs());
      case Phase.response: {
        const idle = this.#progressMs + this.#http.bodyTimeoutMs;
        return this.#callMs > 0 ? Math.min(this.#totalMs, idle) : idle;
      }
      case Phase.tunnel:
      case Phase.done:
        return Infinity;
    }
  }
}
