/**
 * One HTTP/1.x connection of a client: the downstream adapter around the request decoder. Requests
 * are served one after the other; what a client pipelines waits (`intake.ts`).
 *
 *   idle --first byte--> head --head complete--> exchange --response complete--> idle
 *                          \                        |--cannot go on--> another owner lingers
 *                           '--cannot go on         '--101--> another owner carries the tunnel
 */
import { assert } from "../../base/assert.ts";
import { Fault } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import type { Connection, Transport } from "../../fastpath/transport.ts";
import { H1Event } from "../../wire/h1/h1-event.ts";
import type { Fields } from "../../wire/http/fields.ts";
import { requestTooLarge, responseTooLarge } from "../exchange/body-caps.ts";
import { dispatch } from "../exchange/dispatch.ts";
import { Phase, type Exchange, type ResponseSink } from "../exchange/exchange.ts";
import { type Peer, peerOf } from "../exchange/peer.ts";
import { startResponse } from "../exchange/start-response.ts";
import { finishExchange } from "../finish/finish-exchange.ts";
import type { ClientConnection } from "../listener/client-connection.ts";
import type { ListenerSocket } from "../listener/listener-socket.ts";
import { tellTlsFailure } from "../listener/tls-failure.ts";
import type { WorkerContext } from "../worker-context.ts";
import { ExchangeClock } from "./exchange-clock.ts";
import { ClientTunnelH1 } from "./client-tunnel-h1.ts";
import { abandonExchange, cutExchange, endLate, refuseRequest } from "./exchange-end.ts";
import { Intake, type IntakeOwner } from "./intake.ts";
import { KeepAlive } from "./keep-alive.ts";
import { LingeringConnection } from "./lingering-connection.ts";
import { ResponseWriterH1 } from "./response-writer-h1.ts";
import type { Session } from "./session-pool.ts";

const NO_BYTES = Buffer.alloc(0);

export class DownstreamH1 implements ClientConnection, IntakeOwner, ResponseSink {
  readonly #context: WorkerContext;
  readonly #transport: Transport;
  readonly #connection: Connection;
  readonly #listener: ListenerSocket;
  readonly #timer: Timer;
  readonly #clock: ExchangeClock;
  readonly #intake: Intake;
  readonly #writer: ResponseWriterH1;
  #state: "idle" | "head" | "exchange" | "closed" = "idle";
  /** Made for the first request. */
  #peer: Peer | null = null;
  /** From the first byte of a request to the end of its response. */
  #session: Session | null = null;
  readonly #keepAlive = new KeepAlive();
  /** The upstream takes request body now. */
  #bodyOpen = false;
  /** When the connection was last busy, for the drain. */
  #idleSinceMs: number;

  constructor(context: WorkerContext, connection: Connection, listener: ListenerSocket) {
    this.#context = context;
    this.#transport = context.transport;
    this.#connection = connection;
    this.#listener = listener;
    this.#idleSinceMs = context.clock.nowMs;
    this.#timer = new Timer((nowMs) => this.#onDeadline(nowMs));
    this.#clock = new ExchangeClock(context.clock, context.wheel, this.#timer);
    this.#intake = new Intake(context.transport, connection, this);
    this.#writer = new ResponseWriterH1(context.transport, connection);
    // The first request has to come within the header timeout: a connection that says nothing is no client.
    context.wheel.arm(this.#timer, this.#idleSinceMs + this.#http().headerTimeoutMs);
  }

  // Methods, not getters: V8 calls out to the runtime for a private getter.

  #http() {
    return this.#listener.current.runtime.plan.http;
  }

  #exchange(): Exchange {
    return (this.#session as Session).exchange;
  }

  /** The listener drains: no further request after the one under way; an idle connection closes after `graceMs` of rest. */
  announceClose(graceMs: number): void {
    this.#keepAlive.closing = true;
    if (this.#state === "idle") this.#context.wheel.arm(this.#timer, this.#idleSinceMs + graceMs);
  }

  /** Cuts the connection now; returns whether an exchange was under way. */
  abort(): boolean {
    const busy = this.#state === "exchange" || this.#state === "head";
    this.#keepAlive.closing = true;
    // Whoever has got nothing yet is told why; what has begun can only be cut.
    if (this.#state === "exchange")
      cutExchange(this.#exchange(), new Fault("drained", "the drain budget is over"));
    this.#transport.flush();
    this.#destroy();
    return busy;
  }

  // Events of the connection.

  onConnect(): void {
    assert(false, "an accepted connection does not connect");
  }

  onData(bytes: Buffer, start: number, end: number): void {
    this.#intake.receive(bytes, start, end);
  }

  onEnd(): void {
    this.#keepAlive.peerEnded = true;
    this.#checkEnded();
  }

  onDrain(): void {
    if (this.#state === "exchange") {
      if (this.#exchange().phase === Phase.response) this.#clock.progress();
      this.#exchange().upstream?.resumeResponse();
    } else if (this.#state === "idle") {
      this.#proceed();
    }
  }

  onClose(error: string): void {
    tellTlsFailure(this.#context, this.#connection, this.#listener, error);
    if (this.#state === "exchange")
      abandonExchange(this.#context, this.#exchange(), new Fault("client_closed", error));
    this.#close();
  }

  // What the upstream sends.

  informational(): void {
    const exchange = this.#exchange();
    this.#writer.informational(exchange);
    if (exchange.response.status === 100) exchange.request.expectContinue = false;
    this.#clock.resumed();
  }

  tunnelOpened(): void {
    const session = this.#session as Session;
    this.#writer.switching(session.exchange);
    this.#session = null;
    const tunnel = new ClientTunnelH1(this.#context, this.#connection, this.#listener);
    tunnel.succeed(this, { session, intake: this.#intake, peerEnded: this.#keepAlive.peerEnded });
    this.#close();
  }

  responseHead(): void {
    const exchange = this.#exchange();
    const fault = startResponse(exchange);
    if (fault !== null) return cutExchange(exchange, fault);
    this.#clock.responseBegun();
    const mayContinue = this.#keepAlive.mayContinue(exchange, this.#intake.holding);
    this.#keepAlive.promised = this.#writer.head(exchange, mayContinue);
  }

  writeResponse(bytes: Buffer, start: number, end: number): boolean {
    const exchange = this.#exchange();
    exchange.responseBytes += end - start;
    const fault = responseTooLarge(exchange);
    if (fault !== null) {
      cutExchange(exchange, fault);
      return true;
    }
    this.#clock.progress();
    return this.#writer.body(bytes, start, end);
  }

  endResponse(trailers: Fields): void {
    this.#writer.end(this.#exchange(), trailers);
    this.#completed();
  }

  failResponse(fault: Fault): void {
    const exchange = this.#exchange();
    exchange.fault = fault;
    if (exchange.responseStarted) {
      // The client must not take what came so far for the whole: no last chunk, and RST instead of FIN.
      finishExchange(this.#context, exchange);
      this.#transport.flush();
      this.#transport.reset(this.#connection);
      this.#close();
      return;
    }
    // What has no status is not answered: whoever sent it does not understand HTTP.
    const answered = fault.status !== 0;
    this.#keepAlive.promised = answered && this.#keepAlive.mayContinue(exchange, this.#intake.holding);
    if (answered) this.#writer.local(exchange, fault, this.#keepAlive.promised, this.#context.clock.wallMs);
    this.#completed();
  }

  resumeRequest(): void {
    this.#bodyOpen = true;
    this.#clock.resumed();
    this.#proceed();
  }

  // From bytes to exchanges.

  wantsBytes(none: boolean): boolean {
    switch (this.#state) {
      case "idle":
        // A client that pipelines and does not read must not make us gather its responses.
        return !none && !this.#transport.blocked(this.#connection);
      case "head":
        return true;
      case "exchange":
        return this.#bodyOpen && !this.#exchange().requestEnded;
      case "closed":
        return false;
    }
  }

  takeBytes(bytes: Buffer, start: number, end: number): number {
    const { decoder, exchange } = this.#openSession();
    const position = decoder.next(bytes, start, end);
    switch (decoder.event) {
      case H1Event.needMore:
        return -1;
      case H1Event.head:
        this.#begin(exchange);
        return position;
      case H1Event.body:
        this.#forwardBody(exchange, bytes, decoder.bodyStart, decoder.bodyEnd);
        return position;
      case H1Event.end:
        this.#requestComplete(exchange);
        exchange.upstream?.endRequest(decoder.trailers);
        return position;
      case H1Event.error:
        this.#refuse(decoder.fault);
        return position;
    }
  }

  #openSession(): Session {
    if (this.#session !== null) return this.#session;
    const { clock, wheel } = this.#context;
    const { sessions, headDeadlineMs } = this.#listener.current;
    const session = sessions.take();
    this.#session = session;
    this.#state = "head";
    session.exchange.start(clock);
    wheel.arm(this.#timer, clock.nowMs + headDeadlineMs);
    return session;
  }

  #endSession(): void {
    this.#session?.release();
    this.#session = null;
  }

  #prepare(exchange: Exchange): void {
    const { remoteAddress, tls } = this.#connection;
    this.#peer ??= peerOf(remoteAddress, tls, this.#listener.current.runtime.plan.tls);
    exchange.begin(this, this.#listener.current, this.#peer);
    this.#state = "exchange";
    this.#bodyOpen = false;
    this.#keepAlive.promised = false;
  }

  #begin(exchange: Exchange): void {
    this.#prepare(exchange);
    this.#clock.begin(exchange);
    const fault = requestTooLarge(exchange);
    if (fault !== null) return refuseRequest(exchange, fault);
    if (exchange.request.bodyLength === 0) {
      // The decoder is at the end already; it only has to be asked.
      (this.#session as Session).decoder.next(NO_BYTES, 0, 0);
      this.#requestComplete(exchange);
    }
    dispatch(this.#context, exchange, this.#listener.view);
  }

  #forwardBody(exchange: Exchange, bytes: Buffer, start: number, end: number): void {
    exchange.requestBytes += end - start;
    const fault = requestTooLarge(exchange);
    if (fault !== null) return refuseRequest(exchange, fault);
    this.#clock.received();
    this.#bodyOpen = exchange.upstream?.writeRequest(bytes, start, end) ?? true;
  }

  #requestComplete(exchange: Exchange): void {
    exchange.endRequest();
    this.#clock.requestEnded();
  }

  /** Looks at what is held, as it may be usable now. */
  #proceed(): void {
    this.#intake.proceed();
    if (this.#keepAlive.peerEnded) this.#checkEnded();
  }

  /**
   * The client has sent FIN: what it sent before is still served. If it ended in the middle of a
   * message, that must never look like a whole one upstream (feature row A9.10).
   */
  #checkEnded(): void {
    if (this.#intake.holding) return;
    if (this.#state === "idle" || this.#betweenRequests()) this.#startLinger();
    else if (this.#state === "head" || (this.#state === "exchange" && !this.#exchange().requestEnded))
      this.#refuse(new Fault("bad_request", "the connection ended within a request"));
  }

  /** Only empty lines have come, which do not begin a request (RFC 9112 section 2.2). */
  #betweenRequests(): boolean {
    return this.#state === "head" && (this.#session as Session).decoder.idle;
  }

  // The end of an exchange.

  /** What has come of a request cannot be served. */
  #refuse(fault: Fault): void {
    const { exchange } = this.#openSession();
    if (this.#state === "head") this.#prepare(exchange);
    refuseRequest(exchange, fault);
  }

  #completed(): void {
    finishExchange(this.#context, this.#exchange());
    const saidAll = this.#keepAlive.saidAll(this.#exchange()) && !this.#intake.holding;
    this.#endSession();
    if (!this.#keepAlive.completed()) return this.#startLinger(saidAll);
    this.#state = "idle";
    this.#idleSinceMs = this.#context.clock.nowMs;
    this.#context.wheel.arm(this.#timer, this.#idleSinceMs + this.#http().keepaliveTimeoutMs);
    this.#proceed();
  }

  #startLinger(saidAll = false): void {
    new LingeringConnection(this.#context, this.#connection, this.#listener, saidAll).succeed(this);
    this.#intake.discard();
    this.#close();
  }

  #onDeadline(nowMs: number): void {
    switch (this.#state) {
      case "idle":
        this.#startLinger();
        break;
      case "head":
        if (this.#betweenRequests()) this.#startLinger();
        else this.#refuse(new Fault("header_timeout", "the request head did not come in time"));
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
    const queued = this.#transport.queuedBytes(this.#connection);
    const fault = this.#clock.check(nowMs, this.#bodyOpen, queued);
    if (fault !== null) endLate(this.#context, this.#exchange(), fault);
  }

  #destroy(): void {
    this.#transport.destroy(this.#connection);
    this.#close();
  }

  #close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#endSession();
    this.#context.wheel.remove(this.#timer);
    this.#listener.closed(this);
  }
}
