/** Whether a client connection serves another request (RFC 9112 section 9.3; feature row A8.5). */
import type { Exchange } from "../exchange/exchange.ts";

export class KeepAlive {
  /** No further request: the listener drains. */
  closing = false;
  /** The peer sent FIN. */
  peerEnded = false;
  /** What the response under way has told the client. */
  promised = false;
  #served = 0;

  /** For the response that is about to begin. `more`: some of the next request is here already, so that a FIN behind it does not matter yet. */
  mayContinue(exchange: Exchange, more: boolean): boolean {
    const max = exchange.listener.plan.maxKeepaliveRequests;
    if (this.closing || (this.peerEnded && !more)) return false;
    if (!exchange.request.keepAlive || !exchange.requestEnded) return false;
    return max === 0 || this.#served + 1 < max;
  }

  /** The client has sent its whole request and announced that it is the last (RFC 9112 section 9.6), or sent FIN. */
  saidAll(exchange: Exchange): boolean {
    return exchange.requestEnded && (this.peerEnded || !exchange.request.keepAlive);
  }

  /** An exchange is complete; true: the next one may come. */
  completed(): boolean {
    this.#served += 1;
    return this.promised && !this.closing;
  }
}
