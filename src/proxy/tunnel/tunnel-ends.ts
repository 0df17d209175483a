/**
 * The two ends of a tunnel and which of their directions are over. Every way in which a tunnel can end
 * goes through here, so that each end is told once, in the order that leaves nothing behind: the
 * client's side last, as the exchange is over with it.
 *
 *   client --requestEnded--> tunnel --requestSent--> backend
 *          <--responseSent--        <--responseEnded--
 */
import type { Fault } from "../../base/fault.ts";
import { Fields } from "../../wire/http/fields.ts";
import type { Exchange, RequestSink, ResponseSink } from "../exchange/exchange.ts";

/** A tunnel has no trailers. */
const NO_TRAILERS = new Fields();

export class TunnelEnds {
  readonly exchange: Exchange;
  /** `null` once it is over, or was let go. */
  upstream: RequestSink | null;
  readonly downstream: ResponseSink;
  requestEnded = false;
  requestSent = false;
  responseEnded = false;
  responseSent = false;
  readonly #onOver: () => void;

  /** `onOver` is called once, when there is nothing more to do for the tunnel. */
  constructor(exchange: Exchange, upstream: RequestSink, onOver: () => void) {
    this.exchange = exchange;
    this.upstream = upstream;
    this.downstream = exchange.downstream;
    this.#onOver = onOver;
  }

  /** The client has ended its direction. `fault`: for a backend that is not through when the client's side is over by that. */
  clientEnded(fault: Fault): void {
    this.requestEnded = true;
    if (!this.responseSent) return;
    this.#onOver();
    this.letBackendGo(fault);
  }

  backendEnded(): void {
    this.responseEnded = true;
    if (this.requestSent) this.upstream = null;
  }

  /** Ends the direction to the backend; what it still sends is passed on. */
  endToBackend(): void {
    if (this.requestSent) return;
    this.requestSent = true;
    const { upstream } = this;
    if (this.responseEnded) this.upstream = null;
    upstream?.endRequest(NO_TRAILERS);
  }

  /** Ends the direction to the client. `fault` as for `clientEnded`. */
  endToClient(fault: Fault): void {
    if (this.responseSent) return;
    this.responseSent = true;
    if (this.requestEnded) {
      this.#onOver();
      this.letBackendGo(fault);
    }
    this.downstream.endResponse(NO_TRAILERS);
  }

  letBackendGo(fault: Fault): void {
    const { upstream } = this;
    this.upstream = null;
    this.exchange.upstream = null;
    upstream?.abortRequest(fault);
  }

  /** The client's side is gone, or is being cut by its adapter. */
  clientGone(fault: Fault): void {
    this.#onOver();
    this.letBackendGo(fault);
  }

  /** The backend's side is gone: the client gets as much of an end as can be told apart from an orderly one. */
  backendGone(fault: Fault): void {
    this.upstream = null;
    this.exchange.upstream = null;
    this.#onOver();
    this.downstream.failResponse(fault);
  }

  /** Ends both sides at once. */
  cut(fault: Fault): void {
    this.#onOver();
    this.letBackendGo(fault);
    this.downstream.failResponse(fault);
  }
}
