/**
 * A connection without TLS that has said nothing yet, or not enough to know what it speaks: HTTP/2 by
 * prior knowledge begins with a preface that is no HTTP/1 request (RFC 9113 sections 3.3 and 3.4). Any
 * other first byte decides at once, and everything that is not the preface is for HTTP/1.
 */
import { Timer } from "../../base/timer-wheel.ts";
import type { Connection } from "../../fastpath/transport.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { ListenerSocket } from "./listener-socket.ts";
import { type Opening, serveConnection, type Spoken } from "./serve-connection.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export class CleartextOpening implements Opening {
  readonly context: WorkerContext;
  readonly connection: Connection;
  readonly listener: ListenerSocket;
  readonly #timer: Timer;
  readonly #openedMs: number;
  /** Octets that have come; all of them are the preface's. */
  #matched = 0;
  #over = false;

  constructor(context: WorkerContext, connection: Connection, listener: ListenerSocket) {
    this.context = context;
    this.connection = connection;
    this.listener = listener;
    this.#openedMs = context.clock.nowMs;
    this.#timer = new Timer(() => this.#timeOut());
    // A connection that says nothing within the time for a first request is no client.
    const { headerTimeoutMs } = listener.current.runtime.plan.http;
    context.wheel.arm(this.#timer, this.#openedMs + headerTimeoutMs);
  }

  announceClose(graceMs: number): void {
    if (this.#matched === 0) this.#arm(this.#openedMs + graceMs);
  }

  abort(): boolean {
    this.context.transport.destroy(this.connection);
    this.#end();
    return false;
  }

  onConnect(): void {}

  onData(bytes: Buffer, start: number, end: number): void {
    let position = start;
    const before = this.#matched;
    let matched = before;
    while (position < end && matched < PREFACE.length && bytes[position] === PREFACE[matched]) {
      position += 1;
      matched += 1;
    }
    if (matched === PREFACE.length) this.#serve("h2", bytes, start, end);
    else if (position < end) this.#serve("h1", bytes, start, end);
    else this.#wait(matched);
  }

  onEnd(): void {
    this.#become("h1").onEnd();
  }

  onDrain(): void {}

  onClose(): void {
    this.#end();
  }

  /** Hands on what has come, in the same event. */
  #serve(spoken: Spoken, bytes: Buffer, start: number, end: number): void {
    const before = this.#matched;
    const adapter = this.#become(spoken);
    if (before > 0) adapter.onData(PREFACE, 0, before);
    adapter.onData(bytes, start, end);
  }

  /** A preface that has begun has to be whole in the time that a request head has. */
  #wait(matched: number): void {
    const first = this.#matched === 0;
    this.#matched = matched;
    if (first) this.#arm(this.context.clock.nowMs + this.listener.current.headDeadlineMs);
  }

  #arm(deadlineMs: number): void {
    this.context.wheel.arm(this.#timer, Math.min(this.#timer.deadlineMs, deadlineMs));
  }

  #become(spoken: Spoken): ClientConnection {
    const adapter = serveConnection(this, spoken);
    this.#end();
    return adapter;
  }

  #timeOut(): void {
    if (this.#matched === 0) {
      // An idle connection of HTTP/1 knows how to end.
      this.#become("h1").announceClose(0);
      return;
    }
    (this.context.counters[GLOBAL_SLOTS.security_slowloris_reaped_total] as number) += 1;
    this.context.transport.reset(this.connection);
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.context.wheel.remove(this.#timer);
    this.listener.closed(this);
  }
}
