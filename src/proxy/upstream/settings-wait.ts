/**
 * A request for a tunnel that came to an HTTP/3 session before its peer's SETTINGS, without which nobody
 * knows whether the backend takes extended CONNECT (RFC 9220 section 3). It stands in for the upstream
 * until then; the time that it may take is that of the response head, which the downstream looks after.
 */
import { assert } from "../../base/assert.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";

/** Who keeps those that wait. */
export interface SettingsAwaited {
  /** The client has left. */
  forgetWaiting(waiting: SettingsWait): void;
}

export class SettingsWait implements RequestSink {
  readonly exchange: Exchange;
  readonly #session: SettingsAwaited;

  constructor(exchange: Exchange, session: SettingsAwaited) {
    this.exchange = exchange;
    this.#session = session;
    exchange.upstream = this;
  }

  /** Whoever takes it out says so. */
  settle(): void {
    this.exchange.upstream = null;
  }

  abortRequest(): void {
    this.settle();
    this.#session.forgetWaiting(this);
  }

  writeRequest(): boolean {
    assert(false, "a tunnel carries nothing before it is open");
  }

  /** The request ends with its head. */
  endRequest(): void {}

  resumeResponse(): void {}
}
