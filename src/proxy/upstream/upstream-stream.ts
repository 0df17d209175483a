/**
 * One exchange on a session to a backend: a stream of HTTP/2 or HTTP/3, with what the exchange wants to know
 * of its end. Flow control is the exchange's backpressure: what the downstream does not take is not
 * acknowledged, so that the backend has at most a window of each stream in our memory.
 *
 *   open --(response whole)--> over, ended without an error when the request was not whole (RFC 9113
 *    |                         section 8.1, RFC 9114 section 4.1)
 *    |--(2xx to an extended CONNECT)--> tunnel --(both directions ended)--> over
 *   any --(reset by either side, session gone)--> over
 */
import { assert } from "../../base/assert.ts";
import { Fault, type FaultCode } from "../../base/fault.ts";
import type { Fields } from "../../wire/http/fields.ts";
import type { ResponseHead } from "../../wire/http/message.ts";
import type { ClientCodec, CodecError, CodecStream } from "../../wire/multiplexed/codec.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import { KeptBody } from "./kept-body.ts";
import { passHead, passTunnel } from "./response-head.ts";
import { dropWebSocketAccept, dropWebSocketKey } from "./upgrade-handshake.ts";
import { retryStale, unprocessed, upstreamFailed } from "./upstream-failed.ts";
import type { UpstreamSession } from "./upstream-session.ts";

/**
 * Request body that is kept until the backend answers, so that a session which closes in between costs no
 * request of usual size; 4 MiB for a session whose streams are all uploads.
 */
const MAX_KEPT_BYTES = 16_384;

/** Bodies in smaller pieces are streams of messages, or dribble: keeping pieces costs more than what is in them. */
const MAX_KEPT_PARTS = 16;

/** Nobody waits for the response any more. */
const GIVEN_UP = new Fault("client_closed");

export class UpstreamStream implements RequestSink {
  readonly #session: UpstreamSession;
  readonly #codec: ClientCodec;
  readonly #counters: Float64Array;
  #exchange: Exchange | null;
  #stream!: CodecStream;
  #requestDone: boolean;
  #responseDone = false;
  /** The stream carries another protocol. */
  #tunnel = false;
  /** What was taken of the request body; `null`: nothing. */
  #body: KeptBody | null = null;
  /** Something of a response has come. */
  #answered = false;
  /** Octets that the downstream was given and has not said to be done with. The codec forgets them with the stream. */
  #heldBytes = 0;
  /** What the session had heard when the stream began. */
  readonly #heardBefore: number;

  constructor(session: UpstreamSession, codec: ClientCodec, exchange: Exchange) {
    const { request } = exchange;
    this.#session = session;
    this.#codec = codec;
    this.#counters = session.backend.context.counters;
    this.#exchange = exchange;
    this.#requestDone = request.bodyLength === 0 && request.upgrade === "";
    this.#heardBefore = session.heard;
  }

  /** Sends the head; the caller asks for the body. False: the codec opens no stream, and nothing has been sent. */
  open(): boolean {
    const exchange = this.#exchange as Exchange;
    const { request } = exchange;
    exchange.upstream = this;
    this.#session.connection.countExchange(1);
    (this.#counters[this.#session.kind.slots.streams] as number) += 1;
    if (request.upgrade !== "") dropWebSocketKey(request);
    const stream = this.#codec.openStream(request, this.#requestDone, this);
    if (stream === null) {
      this.#detach();
      return false;
    }
    this.#stream = stream;
    return true;
  }

  // What the downstream sends.

  writeRequest(bytes: Buffer, start: number, end: number): boolean {
    if (!this.#answered) this.#keep(bytes, start, end);
    (this.#counters[GLOBAL_SLOTS.bytes_client_to_backend] as number) += end - start;
    return this.#codec.sendData(this.#stream, bytes, start, end);
  }

  endRequest(trailers: Fields): void {
    this.#requestDone = true;
    if (!this.#answered) (this.#body ??= new KeptBody()).end(trailers);
    if (this.#responseDone) this.#detach();
    this.#codec.sendEnd(this.#stream, trailers.count === 0 ? null : trailers);
  }

  abortRequest(): void {
    this.#detach();
    this.#codec.cancel(this.#stream, GIVEN_UP);
    this.#session.streamOver();
  }

  resumeResponse(): void {
    const bytes = this.#heldBytes;
    if (bytes === 0) return;
    this.#heldBytes = 0;
    this.#codec.consumed(this.#stream, bytes);
  }

  // What the session receives.

  /** To decode the response into. */
  get head(): ResponseHead {
    assert(this.#exchange !== null, "a response comes for an exchange");
    return this.#exchange.response;
  }

  informational(): void {
    this.#answer();
    if (this.#exchange !== null) passHead(this.#session.backend.context, this.#exchange);
  }

  response(): void {
    const exchange = this.#exchange;
    this.#answer();
    if (exchange === null) return;
    const { request, response } = exchange;
    const { context } = this.#session.backend;
    if (request.upgrade === "" || response.status >= 300) {
      passHead(context, exchange);
      return;
    }
    this.#tunnel = true;
    dropWebSocketAccept(response);
    passTunnel(context, exchange);
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (this.#pass(bytes, start, end)) this.#codec.consumed(this.#stream, end - start);
    else this.#heldBytes += end - start;
  }

  /** The response is whole, or the tunnel's direction from the backend has ended. */
  end(trailers: Fields): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#responseDone = true;
    if (this.#tunnel && !this.#requestDone) {
      exchange.downstream.endResponse(trailers);
      return;
    }
    this.#session.served += 1;
    this.#detach();
    exchange.downstream.endResponse(trailers);
    // Nobody waits for the rest of the request.
    if (this.#requestDone && this.#stream.queuedBytes === 0) return;
    this.#codec.enough(this.#stream);
    this.#session.streamOver();
  }

  drained(): void {
    if (!this.#requestDone) this.#exchange?.downstream.resumeRequest();
  }

  /** The stream is over before its time. */
  failed(error: CodecError): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#detach();
    const { backend } = this.#session;
    const { context } = backend;
    if (error.unprocessed && !this.#answered) {
      (this.#counters[this.#session.kind.slots.streamsRefused] as number) += 1;
      const fault = new Fault("upstream_stream_refused", error.toString());
      const why = error.refused ? "refused" : "given-up";
      unprocessed(context, exchange, why, { fault, body: this.#body });
      return;
    }
    const fault = new Fault(this.#codeOf(error), error.toString());
    if (this.#isStale(error) && retryStale(context, exchange, backend, fault)) return;
    upstreamFailed(context, exchange, fault);
  }

  #pass(bytes: Buffer, start: number, end: number): boolean {
    const exchange = this.#exchange;
    if (exchange === null) return true;
    (this.#counters[GLOBAL_SLOTS.bytes_backend_to_client] as number) += end - start;
    return exchange.downstream.writeResponse(bytes, start, end);
  }

  /** The backend has begun to process the request: it will not be sent again. */
  #answer(): void {
    this.#answered = true;
    this.#body = null;
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    const body = (this.#body ??= new KeptBody());
    if (body.lost) return;
    if (body.bytes + end - start > MAX_KEPT_BYTES || body.parts === MAX_KEPT_PARTS) body.lose();
    else body.add(bytes, start, end);
  }

  #codeOf(error: CodecError): FaultCode {
    switch (error.origin) {
      case "peer":
        return "upstream_reset";
      case "local":
        return "upstream_malformed";
      case "closed":
        return this.#session.closeCode;
    }
  }

  /** A session that had rested may have been dead already: nothing was heard on it since. */
  #isStale(error: CodecError): boolean {
    const { served, heard } = this.#session;
    return (
      error.origin === "closed" &&
      served > 0 &&
      heard === this.#heardBefore &&
      !this.#answered &&
      this.#body === null
    );
  }

  #detach(): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#exchange = null;
    // A tunnel has put itself in between, and lets go of this side by itself.
    if (exchange.upstream === this) exchange.upstream = null;
    this.#session.connection.countExchange(-1);
    (this.#counters[this.#session.kind.slots.streams] as number) -= 1;
  }
}
