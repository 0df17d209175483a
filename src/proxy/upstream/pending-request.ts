/**
 * A request that waits for a connection. It stands in for the upstream meanwhile: the downstream
 * keeps the body back, and a client that leaves takes its place in the queue with it.
 */
import { assert } from "../../base/assert.ts";
import { Fault } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";
import type { Backend } from "./backend.ts";
import { upstreamFailed } from "./upstream-failed.ts";

export class PendingRequest implements RequestSink {
  readonly exchange: Exchange;
  /** Neighbours in the queue, which alone uses them. */
  before: PendingRequest | null = null;
  behind: PendingRequest | null = null;
  readonly #backend: Backend;
  readonly #timer: Timer;

  constructor(exchange: Exchange, backend: Backend) {
    this.exchange = exchange;
    this.#backend = backend;
    this.#timer = new Timer(() => this.#timeOut());
    exchange.upstream = this;
    const { context } = backend;
    context.wheel.arm(this.#timer, context.clock.nowMs + backend.settings.connectTimeoutMs);
  }

  /** Whoever takes it out of the queue says so. */
  settle(): void {
    this.#backend.context.wheel.remove(this.#timer);
    this.exchange.upstream = null;
  }

  abortRequest(): void {
    this.#backend.forgetPending(this);
    this.settle();
  }

  writeRequest(): boolean {
    assert(false, "the body is kept back while the request waits");
    return false;
  }

  endRequest(): void {
    assert(false, "the body is kept back while the request waits");
  }

  resumeResponse(): void {}

  #timeOut(): void {
    const code = this.#backend.atLimit ? "pool_exhausted" : "connect_timeout";
    this.#backend.forgetPending(this);
    this.settle();
    upstreamFailed(this.#backend.context, this.exchange, new Fault(code, "waited for a connection"));
  }
}
