/**
 * One request of a client over HTTP/2 or HTTP/3 and its response: the sink that the upstream answers into, and
 * what the connection's codec tells of the stream. Lent from a pool for as long as the stream lives.
 *
 *   free --take--> head --request--> open --response complete--> answered --all of it sent--> free
 *                                     \------------ fault, reset, close ----------------------/
 */
import { Fault } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import { Fields } from "../../wire/http/fields.ts";
import { UNKNOWN_LENGTH } from "../../wire/http/message.ts";
import type { CodecError, CodecStream, ServerCodec } from "../../wire/multiplexed/codec.ts";
import { requestTooLarge, responseTooLarge } from "../exchange/body-caps.ts";
import { dispatch } from "../exchange/dispatch.ts";
import { Exchange, Phase, type ResponseSink } from "../exchange/exchange.ts";
import type { Peer } from "../exchange/peer.ts";
import { advertise, startResponse } from "../exchange/start-response.ts";
import { finishExchange } from "../finish/finish-exchange.ts";
import { localReply } from "../finish/local-reply.ts";
import type { ServingListener } from "../listener/serving-listener.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import { openTunnel } from "../tunnel/open-tunnel.ts";
import type { Tunnel } from "../tunnel/tunnel.ts";
import type { WorkerContext } from "../worker-context.ts";
import { ExchangeClock } from "./exchange-clock.ts";
import { abandonExchange, cutExchange, endLate, refuseRequest } from "./exchange-end.ts";
import { HeldBody } from "./held-body.ts";
import { ReadingPace } from "./reading-pace.ts";

/** The connection that a stream belongs to. */
export interface StreamHost {
  readonly codec: ServerCodec;
  readonly listener: ServingListener;
  readonly peer: Peer;
  /** The request has come in early data. */
  readonly early: boolean;
  /** The stream carries another protocol from now on. */
  tunnelOpened(tunnel: Tunnel): void;
  /** The stream is over and forgotten by the codec; the object is free. */
  released(stream: DownstreamStream): void;
}

const NO_TRAILERS = new Fields();

/** What an extended CONNECT is answered with in place of 101 (RFC 8441 section 5). */
const TUNNEL_STATUS = 200;

export class DownstreamStream implements ResponseSink {
  readonly exchange = new Exchange();
  readonly #context: WorkerContext;
  readonly #timer: Timer;
  readonly #clock: ExchangeClock;
  readonly #held = new HeldBody();
  #host!: StreamHost;
  #stream!: CodecStream;
  #state: "free" | "head" | "open" | "answered" = "free";
  /** The client has ended its side of the stream. */
  #received = false;
  /** The upstream takes request body now. */
  #bodyOpen = false;
  /** Octets that the client's window is still to get back. */
  #unconsumedBytes = 0;
  /** The head of a response without content waits for the end, so that both are one frame. */
  #headPending = false;
  readonly #pace = new ReadingPace();

  constructor(context: WorkerContext) {
    this.#context = context;
    this.#timer = new Timer((nowMs) => this.#onDeadline(nowMs));
    this.#clock = new ExchangeClock(context.clock, context.wheel, this.#timer);
  }

  /** A request begins on this stream. */
  take(host: StreamHost, stream: CodecStream): void {
    this.#host = host;
    this.#stream = stream;
    this.#state = "head";
    this.#received = false;
    this.#bodyOpen = false;
    this.#headPending = false;
    this.exchange.start(this.#context.clock);
  }

  /** No request is served any more; the timer may be gone with the object. */
  retire(): void {
    this.#context.wheel.remove(this.#timer);
  }

  // What the client sends.

  /** The head of the request is complete. `ended`: nothing follows it. */
  onRequest(ended: boolean): void {
    const { exchange } = this;
    this.#begin();
    this.#received = ended;
    const fault = requestTooLarge(exchange);
    if (fault !== null) return refuseRequest(exchange, fault);
    // Without content, what is still to come is at most the end of the stream.
    if (exchange.request.bodyLength === 0) this.#requestComplete();
    dispatch(this.#context, exchange, this.#host.listener.view);
  }

  onBadRequest(fault: Fault): void {
    if (fault.code === "headers_too_large")
      (this.#context.counters[GLOBAL_SLOTS.security_header_list_tripped_total] as number) += 1;
    this.#begin();
    refuseRequest(this.exchange, fault);
  }

  onData(bytes: Buffer, start: number, end: number): void {
    const { exchange } = this;
    const size = end - start;
    this.#unconsumedBytes += size;
    // Nobody wants the rest of a request that has its answer.
    if (this.#state !== "open") return this.#consume();
    exchange.requestBytes += size;
    if (exchange.phase !== Phase.tunnel) {
      const fault = requestTooLarge(exchange);
      if (fault !== null) return refuseRequest(exchange, fault);
    }
    this.#clock.received();
    if (this.#bodyOpen) this.#forward(bytes, start, end);
    else this.#held.add(bytes, start, end);
  }

  onEnd(trailers: Fields): void {
    this.#received = true;
    if (this.#state !== "open" || (this.exchange.requestEnded && !this.#stream.isTunnel)) return;
    if (this.#bodyOpen) this.#endRequest(trailers);
    else this.#held.end(trailers);
  }

  onDrained(): void {
    const { exchange } = this;
    if (exchange.phase === Phase.response) this.#clock.progress();
    exchange.upstream?.resumeResponse();
  }

  /** The response has been sent whole, and the request has been received, or is of no interest any more. */
  onClosed(): void {
    finishExchange(this.#context, this.exchange);
    this.#release();
  }

  onError(error: CodecError): void {
    if (this.#state === "head") this.#begin();
    const code = error.origin === "local" ? "bad_request" : "client_closed";
    abandonExchange(this.#context, this.exchange, new Fault(code, error.toString()));
    this.#release();
  }

  /** Ends it from our side, unless it is over: the upstream is let go, the client is told as far as it still can be. */
  cut(fault: Fault): void {
    const { exchange } = this;
    if (this.#state === "free") return;
    if (this.#state === "head") this.#begin();
    if (this.#state !== "open") return this.#reset(fault);
    if (exchange.tunnel === null) return cutExchange(exchange, fault);
    exchange.releaseUpstream(fault);
    this.failResponse(fault);
  }

  // What the upstream sends.

  informational(): void {
    const { request, response } = this.exchange;
    this.#host.codec.sendHead(this.#stream, response, false);
    if (response.status === 100) request.expectContinue = false;
    this.#clock.resumed();
  }

  responseHead(): void {
    const { exchange } = this;
    const fault = startResponse(exchange);
    if (fault !== null) return cutExchange(exchange, fault);
    this.#clock.responseBegun();
    this.#pace.begin(this.#context.clock.nowMs);
    this.#sendHead();
  }

  writeResponse(bytes: Buffer, start: number, end: number): boolean {
    const { exchange } = this;
    exchange.responseBytes += end - start;
    if (exchange.phase !== Phase.tunnel) {
      const fault = responseTooLarge(exchange);
      if (fault !== null) {
        cutExchange(exchange, fault);
        return true;
      }
      this.#clock.progress();
    }
    if (this.#headPending) this.#sendPendingHead(false);
    return this.#host.codec.sendData(this.#stream, bytes, start, end);
  }

  endResponse(trailers: Fields): void {
    this.#state = "answered";
    this.#endStream(trailers);
  }

  failResponse(fault: Fault): void {
    const { exchange } = this;
    exchange.fault = fault;
    if (this.#headPending) {
      // Nothing has been said yet after all.
      this.#headPending = false;
      exchange.responseStarted = false;
    }
    if (exchange.responseStarted || fault.status === 0) this.#reset(fault);
    else this.#answer(fault);
  }

  resumeRequest(): void {
    this.#bodyOpen = true;
    this.#clock.resumed();
    this.#passHeld();
  }

  tunnelOpened(): void {
    const { exchange } = this;
    const { response } = exchange;
    response.status = TUNNEL_STATUS;
    response.hasBody = true;
    response.bodyLength = UNKNOWN_LENGTH;
    this.#host.codec.sendHead(this.#stream, response, false);
    this.#host.tunnelOpened(openTunnel(this.#context, exchange));
    this.#bodyOpen = true;
    this.#passHeld();
  }

  // The request, towards the upstream.

  #begin(): void {
    const { exchange } = this;
    this.#state = "open";
    exchange.begin(this, this.#host.listener.current, this.#host.peer);
    exchange.early = this.#host.early;
    this.#clock.begin(exchange);
  }

  #forward(bytes: Buffer, start: number, end: number): void {
    this.#bodyOpen = this.exchange.upstream?.writeRequest(bytes, start, end) ?? true;
    // One that is full has taken this, but what follows had better wait at the client's.
    if (this.#bodyOpen) this.#consume();
  }

  /** What is held goes on, and so does the end behind it. */
  #passHeld(): void {
    const held = this.#held;
    const { bytes, length, ended, trailers } = held;
    held.clear();
    if (length > 0) this.#forward(bytes, 0, length);
    else this.#consume();
    if (ended && this.#state === "open") this.#endRequest(trailers ?? NO_TRAILERS);
  }

  #endRequest(trailers: Fields): void {
    if (!this.exchange.requestEnded) this.#requestComplete();
    this.exchange.upstream?.endRequest(trailers);
  }

  #requestComplete(): void {
    this.exchange.endRequest();
    this.#clock.requestEnded();
  }

  #consume(): void {
    const bytes = this.#unconsumedBytes;
    if (bytes === 0) return;
    this.#unconsumedBytes = 0;
    this.#host.codec.consumed(this.#stream, bytes);
  }

  // The response, towards the client.

  #sendHead(): void {
    const { response } = this.exchange;
    this.#headPending = !response.hasBody || response.bodyLength === 0;
    if (!this.#headPending) this.#host.codec.sendHead(this.#stream, response, false);
  }

  /** The last that is sent; the stream may be over, and this object free, when it returns. */
  #endStream(trailers: Fields): void {
    const { codec } = this.#host;
    const { exchange } = this;
    const stream = this.#stream;
    const ended = !exchange.response.hasBody || trailers.count === 0;
    // The other direction of a tunnel goes on; a client that is still sending a request is told to stop.
    if (exchange.phase === Phase.tunnel && exchange.upstream !== null) this.#state = "open";
    else this.#dropRest();
    if (this.#headPending) this.#sendPendingHead(ended);
    codec.sendEnd(stream, ended ? null : trailers);
  }

  #sendPendingHead(ended: boolean): void {
    this.#headPending = false;
    this.#host.codec.sendHead(this.#stream, this.exchange.response, ended);
  }

  #dropRest(): void {
    this.#held.clear();
    this.#consume();
    if (!this.#received) this.#host.codec.ignoreRest(this.#stream);
  }

  /** The whole answer to a fault. */
  #answer(fault: Fault): void {
    const { exchange } = this;
    const body = localReply(fault, exchange.request, exchange.response, this.#context.clock.wallMs);
    advertise(exchange);
    exchange.responseStarted = true;
    exchange.phase = Phase.response;
    this.#clock.responseBegun();
    this.#pace.begin(this.#context.clock.nowMs);
    this.#state = "answered";
    this.#sendHead();
    if (!this.#headPending) {
      exchange.responseBytes = body.length;
      this.#host.codec.sendData(this.#stream, body, 0, body.length);
    }
    this.#endStream(NO_TRAILERS);
  }

  /** The client must not take what came so far for the whole. */
  #reset(fault: Fault): void {
    const { exchange } = this;
    exchange.fault ??= fault;
    if (fault.code === "client_stalled")
      (this.#context.counters[GLOBAL_SLOTS.security_zero_window_stall_total] as number) += 1;
    finishExchange(this.#context, exchange);
    this.#host.codec.cancel(this.#stream, fault);
    this.#release();
  }

  #release(): void {
    this.#state = "free";
    this.#context.wheel.disarm(this.#timer);
    this.#held.clear();
    this.#consume();
    this.exchange.reset();
    this.#stream.user = null;
    this.#host.released(this);
  }

  #onDeadline(nowMs: number): void {
    const { exchange } = this;
    const stream = this.#stream;
    // A client whose window is used up by other uploads cannot send: it waits for their backends.
    const { windowOpenMs } = this.#host.codec;
    if (this.#bodyOpen) this.#clock.heldBackUntil(Math.min(nowMs, windowOpenMs));
    const late = this.#clock.check(nowMs, this.#bodyOpen && windowOpenMs <= nowMs, stream.queuedBytes);
    if (this.#state === "answered") {
      // Whoever has its whole answer waiting and does not take it is not waiting for a backend.
      if (late !== null || this.#crawls(nowMs)) this.#reset(new Fault("client_stalled"));
    } else if (late !== null) {
      endLate(this.#context, exchange, late);
    } else if (exchange.phase === Phase.response && this.#crawls(nowMs)) {
      endLate(this.#context, exchange, new Fault("client_stalled", "reads below body_progress_min_bps"));
    }
  }

  #crawls(nowMs: number): boolean {
    const { listener, generation } = this.exchange;
    const { bodyProgressMinBps } = generation.plan.runtime;
    return this.#pace.tooSlow(this.#stream, nowMs, listener.plan.http.bodyTimeoutMs, bodyProgressMinBps);
  }
}
