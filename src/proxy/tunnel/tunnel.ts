/**
 * A tunnel: what stands between the two sides of an exchange once the backend has agreed to another
 * protocol. It takes the place of each for the other (`open-tunnel.ts`), so that whatever versions of
 * HTTP carry it, both adapters go on talking to the exchange's two sinks.
 */
import type { RequestSink, ResponseSink } from "../exchange/exchange.ts";

export interface Tunnel extends RequestSink, ResponseSink {
  /** The listener drains: whoever can be told to leave is told after `graceMs`. */
  announceClose(graceMs: number): void;
  /** The connection is about to be cut: whoever can still be told why is told, at once. */
  farewell(): void;
}
