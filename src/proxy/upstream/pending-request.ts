/**
 * A request that waits for a connection. It stands in for the upstream meanwhile: the downstream
 * keeps the body back, and a client that leaves takes its place in the queue with it.
 *
 * A request that comes back, as its backend has not processed it, may have been asked for its body
 * already. What arrives then is kept: at most what the client had on its way, a receive buffer over
 * HTTP/1 or the window of a stream over HTTP/2, as the first `false` makes it pause.
 */
import { Fault } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import type { Fields } from "../../wire/http/fields.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";
import type { Backend } from "./backend.ts";
import { KeptBody } from "./kept-body.ts";
import { upstreamFailed } from "./upstream-failed.ts";

export class PendingRequest implements RequestSink {
  readonly exchange: Exchange;
  /** Neighbours in the queue, which alone uses them. */
  before: PendingRequest | null = null;
  behind: PendingRequest | null = null;
  readonly #backend: Backend;
  readonly #timer: Timer;
  /** What has come of its body; `null`: nothing. */
  body: KeptBody | null;

  constructor(exchange: Exchange, backend: Backend, body: KeptBody | null) {
    this.exchange = exchange;
    this.body = body;
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

  /** There is no connection for it. */
  fail(fault: Fault): void {
    this.settle();
    upstreamFailed(this.#backend.context, this.exchange, fault, this.body);
  }

  abortRequest(): void {
    this.#backend.forgetPending(this);
    this.settle();
  }

  writeRequest(bytes: Buffer, start: number, end: number): boolean {
    this.body ??= new KeptBody();
    this.body.add(bytes, start, end);
    return false;
  }

  endRequest(trailers: Fields): void {
    this.body ??= new KeptBody();
    this.body.end(trailers);
  }

  resumeResponse(): void {}

  #timeOut(): void {
    const code = this.#backend.atLimit ? "pool_exhausted" : "connect_timeout";
    this.#backend.forgetPending(this);
    this.fail(new Fault(code, "waited for a connection"));
  }
}
