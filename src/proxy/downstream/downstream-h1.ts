/**
 * One HTTP/1.x connection of a client: the downstream adapter around the request decoder. Requests
 * are served one after the other; what a client pipelines waits in the socket.
 *
 *   idle --first byte--> head --head complete--> exchange --response complete--> idle
 *                          \                        \--cannot go on--> lingering --> closed
 */
import { assert } from "../../base/assert.ts";
import { Fault } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import type { Connection, ConnectionOwner, Transport } from "../../fastpath/transport.ts";
import { H1Event } from "../../wire/h1/h1-event.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import type { Fields } from "../../wire/http/fields.ts";
import { dispatch } from "../exchange/dispatch.ts";
import { Phase, type Exchange, type ResponseSink } from "../exchange/exchange.ts";
import { finishExchange } from "../finish/finish-exchange.ts";
import type { ListenerSocket } from "../listener/listener-socket.ts";
import { GLOBAL_SLOTS } from "../plan.ts";
import type { WorkerContext } from "../worker-context.ts";
import { ExchangeClock } from "./exchange-clock.ts";
import { LINGER_BYTES, LINGER_MS } from "./linger-limits.ts";
import { ResponseWriterH1 } from "./response-writer-h1.ts";
import type { Session, SessionPool } from "./session-pool.ts";

export class DownstreamH1 implements ConnectionOwner, ResponseSink {
  readonly #context: WorkerContext;
  readonly #transport: Transport;
  readonly #connection: Connection;
  readonly #listener: ListenerSocket;
  readonly #timer: Timer;
  #state: "idle" | "head" | "exchange" | "lingering" | "closed" = "idle";
  #session: Session | null = null;
  #sessions: SessionPool | null = null;
  readonly #clock: ExchangeClock;
  readonly #writer: ResponseWriterH1;
  /** Received but not looked at yet: body that the upstream is not ready for, or a pipelined request. */
  #kept: Buffer | null = null;
  #paused = false;
  /** The upstream takes request body now. */
  #bodyOpen = false;
  /** `#consume` runs: whoever is called from it must not call it again. */
  #consuming = false;
  /** The peer sent FIN. */
  #peerEnded = false;
  #gone = false;
  /** No further request: the listener drains. */
  #closing = false;
  #keepAlive = false;
  #served = 0;
  /** Bytes read and thrown away while lingering. */
  #lingered = 0;
  #lingerSinceMs = 0;
  #lingerQueued = 0;
  /** When the connection was last busy, for the drain. */
  #idleSinceMs: number;

  constructor(context: WorkerContext, connection: Connection, listener: ListenerSocket) {
    this.#context = context;
    this.#transport = context.transport;
    this.#connection = connection;
    this.#listener = listener;
    this.#idleSinceMs = context.nowMs();
    this.#timer = new Timer((nowMs) => this.#onDeadline(nowMs));
    this.#clock = new ExchangeClock(context.wheel, this.#timer);
    this.#writer = new ResponseWriterH1(context.transport, connection);
    // The first request has to come within the header timeout: a connection that says nothing is no client.
    context.wheel.arm(this.#timer, this.#idleSinceMs + this.#http.headerTimeoutMs);
  }

  get #http() {
    return this.#listener.current.runtime.plan.http;
  }

  get #exchange(): Exchange {
    return (this.#session as Session).exchange;
  }

  /** The listener drains: no further request after the one under way; an idle connection closes after `graceMs` of rest. */
  announceClose(graceMs: number): void {
    this.#closing = true;
    if (this.#state === "idle") this.#context.wheel.arm(this.#timer, this.#idleSinceMs + graceMs);
  }

  /** Cuts the connection now; returns whether an exchange was under way. */
  abort(): boolean {
    const busy = this.#state === "exchange" || this.#state === "head";
    if (this.#state === "exchange") this.#endExchange(new Fault("drained", "the drain budget is over"));
    this.#destroy();
    return busy;
  }

  // --- events of the connection

  onConnect(): void {
    assert(false, "an accepted connection does not connect");
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (this.#state === "lingering") {
      this.#lingered += end - start;
      if (this.#lingered > LINGER_BYTES) this.#destroy();
      return;
    }
    if (this.#kept === null) this.#consume(bytes, start, end);
    else this.#keep(Buffer.concat([this.#kept, bytes.subarray(start, end)]));
  }

  onEnd(): void {
    this.#peerEnded = true;
    switch (this.#state) {
      case "idle":
        this.#linger();
        return;
      case "lingering":
        return;
      case "head":
        this.#refuse(new Fault("bad_request", "the connection ended within a request head"));
        return;
      case "exchange":
        if (!this.#exchange.requestEnded && this.#kept === null) {
          this.#refuse(new Fault("bad_request", "the connection ended within a request body"));
        }
        return;
      case "closed":
        return;
    }
  }

  onDrain(): void {
    if (this.#state === "exchange") this.#exchange.upstream?.resumeResponse();
  }

  onClose(error: string): void {
    if (this.#state === "exchange") this.#endExchange(new Fault("client_closed", error));
    this.#close();
  }

  // --- what the upstream sends

  informational(): void {
    this.#writer.informational(this.#exchange);
    this.#clock.progress(this.#context.nowMs());
  }

  responseHead(): void {
    const exchange = this.#exchange;
    const { response } = exchange;
    const { altSvc, http } = exchange.listener.plan;
    if (http.maxResponseBodyBytes > 0 && response.bodyLength > http.maxResponseBodyBytes) {
      this.#cutResponse(new Fault("response_too_large", `${response.bodyLength} bytes announced`));
      return;
    }
    if (altSvc !== "") response.fields.set(FieldId.altSvc, altSvc);
    exchange.responseStarted = true;
    exchange.phase = Phase.response;
    this.#clock.progress(this.#context.nowMs());
    this.#keepAlive = this.#writer.head(exchange, this.#mayContinue(exchange));
  }

  writeResponse(bytes: Buffer, start: number, end: number): boolean {
    const exchange = this.#exchange;
    const cap = exchange.listener.plan.http.maxResponseBodyBytes;
    exchange.responseBytes += end - start;
    if (cap > 0 && exchange.responseBytes > cap) {
      this.#cutResponse(new Fault("response_too_large", `over ${cap} bytes`));
      return true;
    }
    this.#clock.progress(this.#context.nowMs());
    return this.#writer.body(bytes, start, end);
  }

  endResponse(trailers: Fields): void {
    this.#writer.end(this.#exchange, trailers);
    this.#completed(this.#exchange.response.status);
  }

  failResponse(fault: Fault): void {
    const exchange = this.#exchange;
    exchange.fault = fault;
    if (exchange.responseStarted) {
      // The client must not take what came so far for the whole: no last chunk, and RST instead of FIN.
      finishExchange(this.#context, exchange, exchange.response.status);
      this.#transport.flush();
      this.#transport.reset(this.#connection);
      this.#close();
      return;
    }
    this.#keepAlive = this.#mayContinue(exchange);
    this.#writer.local(exchange, fault, this.#keepAlive, this.#context.wallMs());
    this.#completed(fault.status);
  }

  resumeRequest(): void {
    this.#bodyOpen = true;
    this.#clock.resumed(this.#context.nowMs());
    if (!this.#consuming) this.#consumeKept();
  }

  // --- from bytes to exchanges

  #consume(bytes: Buffer, start: number, end: number): void {
    this.#consuming = true;
    let position = start;
    for (;;) {
      if (!this.#wantsBytes()) {
        this.#keep(bytes.subarray(position, end));
        break;
      }
      if (this.#state === "idle" && position === end) break;
      const { decoder } = this.#openSession();
      position = decoder.next(bytes, position, end);
      if (decoder.event === H1Event.needMore) break;
      this.#handle(decoder.event, bytes);
    }
    this.#consuming = false;
    if (this.#kept === null && this.#paused && this.#wantsBytes()) this.#resume();
  }

  #wantsBytes(): boolean {
    switch (this.#state) {
      case "idle":
      case "head":
        return true;
      case "exchange":
        return this.#bodyOpen && !this.#exchange.requestEnded;
      case "lingering":
      case "closed":
        return false;
    }
  }

  /** Holds bytes back, and the peer with them. */
  #keep(bytes: Buffer): void {
    if (this.#state === "lingering" || this.#state === "closed") {
      this.#kept = null;
      return;
    }
    this.#kept = bytes.length === 0 ? null : bytes;
    if (bytes.length > 0 && !this.#paused) {
      this.#paused = true;
      this.#transport.pause(this.#connection);
    }
  }

  #consumeKept(): void {
    const kept = this.#kept;
    this.#kept = null;
    if (kept !== null) this.#consume(kept, 0, kept.length);
    else this.#consume(EMPTY, 0, 0);
    if (this.#peerEnded && this.#kept === null && this.#state === "exchange" && !this.#exchange.requestEnded) {
      this.#refuse(new Fault("bad_request", "the connection ended within a request body"));
    }
  }

  #resume(): void {
    this.#paused = false;
    this.#transport.resume(this.#connection);
  }

  #openSession(): Session {
    if (this.#session !== null) return this.#session;
    const { sessions } = this.#listener.current;
    const session = sessions.take();
    this.#session = session;
    this.#sessions = sessions;
    this.#state = "head";
    session.decoder.begin(session.exchange.request);
    this.#context.wheel.arm(this.#timer, this.#context.nowMs() + this.#listener.current.headDeadlineMs);
    return session;
  }

  #handle(event: H1Event, bytes: Buffer): void {
    const { exchange, decoder } = this.#session as Session;
    switch (event) {
      case H1Event.head:
        this.#begin(exchange);
        return;
      case H1Event.body:
        this.#forwardBody(exchange, bytes, decoder.bodyStart, decoder.bodyEnd);
        return;
      case H1Event.end:
        this.#requestComplete(exchange);
        exchange.upstream?.endRequest(decoder.trailers);
        return;
      case H1Event.error:
        this.#refuse(decoder.fault);
        return;
      case H1Event.needMore:
        return;
    }
  }

  #prepare(exchange: Exchange): void {
    const { generation, runtime } = this.#listener.current;
    exchange.generation = generation;
    exchange.listener = runtime;
    exchange.downstream = this;
    exchange.peerIp = this.#connection.remoteAddress;
    exchange.clientIp = exchange.peerIp;
    exchange.startMs = this.#context.nowMs();
    exchange.startWallMs = this.#context.wallMs();
  }

  #begin(exchange: Exchange): void {
    this.#prepare(exchange);
    this.#state = "exchange";
    this.#bodyOpen = false;
    this.#keepAlive = false;
    this.#clock.begin(exchange);
    const { request } = exchange;
    const cap = exchange.listener.plan.http.maxRequestBodyBytes;
    if (cap > 0 && request.bodyLength > cap) {
      this.#refuse(new Fault("body_too_large", `${request.bodyLength} bytes announced`));
      return;
    }
    if (request.bodyLength === 0) {
      // The decoder is at the end already; it only has to be asked.
      (this.#session as Session).decoder.next(EMPTY, 0, 0);
      this.#requestComplete(exchange);
    }
    dispatch(this.#context, exchange, this.#listener.view);
  }

  #forwardBody(exchange: Exchange, bytes: Buffer, start: number, end: number): void {
    exchange.requestBytes += end - start;
    const cap = exchange.listener.plan.http.maxRequestBodyBytes;
    if (cap > 0 && exchange.requestBytes > cap) {
      this.#refuse(new Fault("body_too_large", `over ${cap} bytes`));
      return;
    }
    this.#clock.received(this.#context.nowMs());
    if (exchange.upstream !== null && !exchange.upstream.writeRequest(bytes, start, end)) this.#bodyOpen = false;
  }

  #requestComplete(exchange: Exchange): void {
    exchange.requestEnded = true;
    if (exchange.phase === Phase.request) exchange.phase = Phase.awaitingHead;
    this.#clock.requestEnded(this.#context.nowMs());
  }

  // --- the end of an exchange

  #mayContinue(exchange: Exchange): boolean {
    const max = exchange.listener.plan.maxKeepaliveRequests;
    return (
      exchange.request.keepAlive &&
      exchange.requestEnded &&
      !this.#closing &&
      !this.#peerEnded &&
      (max === 0 || this.#served + 1 < max)
    );
  }

  /** The request cannot be served as it came; what the upstream has got of it is taken back. */
  #refuse(fault: Fault): void {
    const { exchange } = this.#openSession();
    if (this.#state === "head") {
      this.#prepare(exchange);
      this.#state = "exchange";
    }
    if (fault.code === "header_timeout" || fault.code === "request_body_timeout") {
      (this.#context.counters[GLOBAL_SLOTS.security_slowloris_reaped_total] as number) += 1;
    }
    exchange.requestEnded = false;
    this.#cutResponse(fault);
  }

  /** Ends the exchange from our side: the upstream is let go, the client gets the fault. */
  #cutResponse(fault: Fault): void {
    const exchange = this.#exchange;
    const { upstream } = exchange;
    exchange.upstream = null;
    upstream?.abortRequest(fault);
    this.failResponse(fault);
  }

  #completed(status: number): void {
    const exchange = this.#exchange;
    this.#served += 1;
    finishExchange(this.#context, exchange, status);
    this.#giveSession();
    if (!this.#keepAlive) {
      this.#linger();
      return;
    }
    this.#state = "idle";
    this.#idleSinceMs = this.#context.nowMs();
    if (this.#closing) {
      this.#linger();
      return;
    }
    this.#context.wheel.arm(this.#timer, this.#idleSinceMs + this.#http.keepaliveTimeoutMs);
    if (!this.#consuming) this.#consumeKept();
  }

  /** The client side is gone, or is cut: the upstream is told, the exchange is recorded. */
  #endExchange(fault: Fault): void {
    const exchange = this.#exchange;
    const { upstream } = exchange;
    exchange.upstream = null;
    exchange.fault ??= fault;
    upstream?.abortRequest(fault);
    finishExchange(this.#context, exchange, exchange.responseStarted ? exchange.response.status : fault.status);
    this.#state = "closed";
  }

  /** Everything was said: FIN, then wait a moment so that unread bytes do not turn it into RST (RFC 9112 section 9.6). */
  #linger(): void {
    this.#state = "lingering";
    this.#kept = null;
    this.#transport.end(this.#connection);
    if (this.#paused) this.#resume();
    this.#lingerSinceMs = this.#context.nowMs();
    this.#lingerQueued = this.#transport.queuedBytes(this.#connection);
    this.#context.wheel.arm(this.#timer, this.#lingerSinceMs + LINGER_MS);
  }

  /** A client that still reads keeps its connection; the linger proper begins when it has got everything. */
  #lingerDeadline(nowMs: number): void {
    const queued = this.#transport.queuedBytes(this.#connection);
    if (queued !== this.#lingerQueued) {
      this.#lingerQueued = queued;
      this.#lingerSinceMs = nowMs;
    }
    if (nowMs - this.#lingerSinceMs >= (queued === 0 ? LINGER_MS : this.#http.bodyTimeoutMs)) this.#destroy();
    else this.#context.wheel.arm(this.#timer, nowMs + LINGER_MS);
  }

  #onDeadline(nowMs: number): void {
    switch (this.#state) {
      case "idle":
        this.#linger();
        break;
      case "lingering":
        this.#lingerDeadline(nowMs);
        return;
      case "head":
        this.#refuse(new Fault("header_timeout", "the request head did not come in time"));
        break;
      case "exchange":
        this.#exchangeDeadline(nowMs);
        break;
      case "closed":
        return;
    }
    this.#transport.flush();
  }

  #exchangeDeadline(nowMs: number): void {
    const fault = this.#clock.check(nowMs, this.#bodyOpen, this.#transport.queuedBytes(this.#connection));
    if (fault === null) return;
    if (fault.row.source === "downstream") this.#refuse(fault);
    else this.#cutResponse(fault);
  }

  #destroy(): void {
    this.#transport.destroy(this.#connection);
    this.#close();
  }

  #giveSession(): void {
    if (this.#session === null) return;
    this.#sessions?.give(this.#session);
    this.#session = null;
  }

  #close(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#state = "closed";
    this.#kept = null;
    this.#giveSession();
    this.#context.wheel.remove(this.#timer);
    this.#listener.closed(this);
  }
}

const EMPTY = Buffer.alloc(0);
