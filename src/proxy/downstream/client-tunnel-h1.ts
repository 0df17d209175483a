/**
 * A client's HTTP/1.1 connection that carries another protocol after a 101: bytes both ways, without
 * framing, each direction until its own end. Takes the connection over from `DownstreamH1`.
 */
import { assert } from "../../base/assert.ts";
import { Fault } from "../../base/fault.ts";
import type { Connection, Transport } from "../../fastpath/transport.ts";
import { Fields } from "../../wire/http/fields.ts";
import type { Exchange, ResponseSink } from "../exchange/exchange.ts";
import { finishExchange } from "../finish/finish-exchange.ts";
import type { ClientConnection } from "../listener/client-connection.ts";
import type { ListenerSocket } from "../listener/listener-socket.ts";
import { tellTlsFailure } from "../listener/tls-failure.ts";
import { openTunnel } from "../tunnel/open-tunnel.ts";
import type { WorkerContext } from "../worker-context.ts";
import { abandonExchange } from "./exchange-end.ts";
import type { Intake, IntakeOwner } from "./intake.ts";
import { LingeringConnection } from "./lingering-connection.ts";
import type { Session } from "./session-pool.ts";

/** What the adapter before has of the connection. */
export interface Inheritance {
  readonly session: Session;
  readonly intake: Intake;
  /** The client has sent FIN; what it sent before may still be held. */
  readonly peerEnded: boolean;
}

export class ClientTunnelH1 implements ClientConnection, IntakeOwner, ResponseSink {
  readonly #context: WorkerContext;
  readonly #transport: Transport;
  readonly #connection: Connection;
  readonly #listener: ListenerSocket;
  #state: "open" | "closed" = "open";
  #session: Session | null = null;
  #intake!: Intake;
  /** The backend takes bytes now. */
  #room = true;
  #peerEnded = false;
  #requestEnded = false;
  #responseEnded = false;

  constructor(context: WorkerContext, connection: Connection, listener: ListenerSocket) {
    this.#context = context;
    this.#transport = context.transport;
    this.#connection = connection;
    this.#listener = listener;
  }

  /** The client has been told 101: events, accounts and what the client has sent since come here from now on. */
  succeed(before: ClientConnection, { session, intake, peerEnded }: Inheritance): void {
    this.#session = session;
    this.#intake = intake;
    this.#peerEnded = peerEnded;
    session.exchange.downstream = this;
    openTunnel(this.#context, session.exchange);
    this.#listener.succeed(before, this);
    this.#transport.handOver(this.#connection, this);
    intake.serve(this);
    this.#proceed();
  }

  announceClose(graceMs: number): void {
    this.#session?.exchange.tunnel?.announceClose(graceMs);
  }

  abort(): boolean {
    const { exchange } = this.#session as Session;
    exchange.tunnel?.farewell();
    abandonExchange(this.#context, exchange, new Fault("drained", "the drain budget is over"));
    this.#transport.destroy(this.#connection);
    this.#close();
    return true;
  }

  // Events of the connection.

  onConnect(): void {
    assert(false, "an accepted connection does not connect");
  }

  onData(bytes: Buffer, start: number, end: number): void {
    this.#intake.receive(bytes, start, end);
  }

  onEnd(): void {
    this.#peerEnded = true;
    this.#checkEnded();
  }

  onDrain(): void {
    this.#session?.exchange.upstream?.resumeResponse();
  }

  onClose(error: string): void {
    if (this.#state === "closed") return;
    tellTlsFailure(this.#context, this.#connection, this.#listener, error);
    abandonExchange(this.#context, this.#exchange(), new Fault("client_closed", error));
    this.#close();
  }

  // What the client sends.

  wantsBytes(none: boolean): boolean {
    return !none && this.#state === "open" && this.#room;
  }

  takeBytes(bytes: Buffer, start: number, end: number): number {
    const exchange = this.#exchange();
    exchange.requestBytes += end - start;
    this.#room = exchange.upstream?.writeRequest(bytes, start, end) ?? true;
    return end;
  }

  resumeRequest(): void {
    this.#room = true;
    this.#proceed();
  }

  // What the backend sends.

  writeResponse(bytes: Buffer, start: number, end: number): boolean {
    this.#exchange().responseBytes += end - start;
    this.#transport.sendFrom(this.#connection, bytes, start, end);
    return !this.#transport.blocked(this.#connection);
  }

  endResponse(): void {
    this.#responseEnded = true;
    if (this.#requestEnded) this.#complete();
    else this.#transport.end(this.#connection);
  }

  failResponse(fault: Fault): void {
    const exchange = this.#exchange();
    exchange.fault = fault;
    finishExchange(this.#context, exchange);
    this.#transport.flush();
    this.#transport.reset(this.#connection);
    this.#close();
  }

  informational(): void {
    assert(false, "a tunnel is open: no response comes any more");
  }

  responseHead(): void {
    assert(false, "a tunnel is open: no response comes any more");
  }

  tunnelOpened(): void {
    assert(false, "a tunnel opens once");
  }

  #exchange(): Exchange {
    return (this.#session as Session).exchange;
  }

  #proceed(): void {
    this.#intake.proceed();
    if (this.#peerEnded) this.#checkEnded();
  }

  /** The client has sent FIN: once what it sent before has been taken, its direction is over. */
  #checkEnded(): void {
    if (this.#state === "closed" || this.#requestEnded || this.#intake.holding) return;
    this.#requestEnded = true;
    this.#exchange().upstream?.endRequest(new Fields());
    if (this.#responseEnded && this.#state === "open") this.#complete();
  }

  /** Both directions have ended: nothing of the client is awaited, but it may still have to read. */
  #complete(): void {
    finishExchange(this.#context, this.#exchange());
    new LingeringConnection(this.#context, this.#connection, this.#listener, true).succeed(this);
    this.#close();
  }

  #close(): void {
    this.#state = "closed";
    this.#session?.release();
    this.#session = null;
    this.#listener.closed(this);
  }
}
