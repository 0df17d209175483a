/**
 * One HTTP/1.1 connection to a backend: the upstream adapter around the response decoder. It serves
 * one exchange at a time; between exchanges its backend keeps it.
 *
 *   dialing --connected--> idle <--release-- busy --(error, close, cannot be reused)--> closed
 */
import { Fault, type FaultCode } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import type { Connection, ConnectionOwner, ConnectTarget, Transport } from "../../fastpath/transport.ts";
import { encodeLastChunk, lastChunkLength } from "../../wire/h1/encode-chunk.ts";
import { encodeRequestHead, requestHeadLength } from "../../wire/h1/encode-request.ts";
import { H1Event } from "../../wire/h1/h1-event.ts";
import { DEFAULT_H1_LIMITS } from "../../wire/h1/h1-limits.ts";
import { ResponseDecoder } from "../../wire/h1/response-decoder.ts";
import { httpDate } from "../../wire/http/date.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import type { Fields } from "../../wire/http/fields.ts";
import { UNKNOWN_LENGTH } from "../../wire/http/message.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";
import { normaliseResponse } from "../exchange/normalise.ts";
import { type BackendSlots, GLOBAL_SLOTS } from "../plan.ts";
import { sendChunk } from "../send-chunk.ts";
import type { Backend } from "./backend.ts";
import { retryStale, upstreamFailed } from "./upstream-failed.ts";

/** An idle connection younger than this was just used: events would have told of its end. */
const PROBE_AFTER_MS = 2;

export class UpstreamH1 implements ConnectionOwner, RequestSink {
  /** Where its gauges are counted, up and down: a reload may give the backend others. */
  readonly slots: BackendSlots;
  readonly #backend: Backend;
  readonly #transport: Transport;
  readonly #decoder: ResponseDecoder;
  readonly #timer: Timer;
  #connection!: Connection;
  #state: "dialing" | "idle" | "busy" | "closed" = "dialing";
  #exchange: Exchange | null = null;
  #chunked = false;
  #requestDone = true;
  /** Body bytes of the request went out: it cannot be sent again. */
  #bodySent = false;
  /** Some byte of the response has come. */
  #answered = false;
  #served = 0;
  #restedMs = 0;
  #paused = false;
  openedMs = 0;

  constructor(backend: Backend) {
    this.slots = backend.slots;
    this.#backend = backend;
    this.#transport = backend.context.transport;
    this.#decoder = new ResponseDecoder(DEFAULT_H1_LIMITS, backend.views);
    this.#timer = new Timer(() => this.#timeOut());
  }

  dial(target: ConnectTarget, timeoutMs: number): void {
    const { context } = this.#backend;
    this.openedMs = context.clock.nowMs;
    context.wheel.arm(this.#timer, this.openedMs + timeoutMs);
    this.#connection = this.#transport.connect(target, this);
  }

  /** Stays idle until the deadline. */
  rest(deadlineMs: number): void {
    const { context } = this.#backend;
    this.#restedMs = context.clock.nowMs;
    context.wheel.arm(this.#timer, deadlineMs);
  }

  /** Whether an idle connection may take an exchange (feature row A6.1: probe before reuse). */
  usable(): boolean {
    const nowMs = this.#backend.context.clock.nowMs;
    if (nowMs - this.openedMs >= this.#backend.settings.pool.maxAgeMs) return false;
    return nowMs - this.#restedMs < PROBE_AFTER_MS || this.#transport.alive(this.#connection);
  }

  begin(exchange: Exchange): void {
    const { context } = this.#backend;
    const { request } = exchange;
    context.wheel.disarm(this.#timer);
    this.#state = "busy";
    this.#exchange = exchange;
    this.#chunked = request.bodyLength === UNKNOWN_LENGTH;
    this.#requestDone = request.bodyLength === 0;
    this.#bodySent = false;
    this.#answered = false;
    exchange.upstream = this;
    (context.counters[this.slots.inflight] as number) += 1;
    this.#decoder.begin(exchange.response, request.method);
    const offset = this.#transport.reserve(requestHeadLength(request));
    this.#transport.send(this.#connection, offset, encodeRequestHead(this.#transport.out, offset, request));
    if (!this.#requestDone) exchange.downstream.resumeRequest();
  }

  writeRequest(bytes: Buffer, start: number, end: number): boolean {
    const transport = this.#transport;
    this.#bodySent = true;
    (this.#backend.context.counters[GLOBAL_SLOTS.bytes_client_to_backend] as number) += end - start;
    if (this.#chunked) sendChunk(transport, this.#connection, bytes, start, end);
    else transport.sendFrom(this.#connection, bytes, start, end);
    return !transport.blocked(this.#connection);
  }

  endRequest(trailers: Fields): void {
    this.#requestDone = true;
    if (!this.#chunked) return;
    this.#bodySent = true;
    const offset = this.#transport.reserve(lastChunkLength(trailers));
    this.#transport.send(this.#connection, offset, encodeLastChunk(this.#transport.out, offset, trailers));
  }

  abortRequest(): void {
    this.#detach();
    this.destroy();
  }

  resumeResponse(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#transport.resume(this.#connection);
  }

  /** Closes the connection; an exchange on it must have been detached. */
  destroy(): void {
    if (this.#state === "closed") return;
    this.#close();
    this.#transport.destroy(this.#connection);
  }

  onConnect(): void {
    this.#state = "idle";
    this.#backend.context.wheel.disarm(this.#timer);
    this.#backend.connected(this);
  }

  onData(bytes: Buffer, start: number, end: number): void {
    if (this.#exchange === null) {
      // Bytes that nobody asked for: whatever they mean, the connection cannot be trusted any more.
      this.destroy();
      return;
    }
    this.#answered = true;
    let position = start;
    while (this.#exchange !== null) {
      position = this.#decoder.next(bytes, position, end);
      if (this.#decoder.event === H1Event.needMore) return;
      this.#handle(bytes, position === end);
    }
  }

  onEnd(): void {
    if (this.#exchange !== null && this.#decoder.finish() === H1Event.end) {
      this.#complete(false);
    } else {
      this.#broken("upstream_closed", "closed before the response was complete");
    }
    this.destroy();
  }

  onDrain(): void {
    if (!this.#requestDone) this.#exchange?.downstream.resumeRequest();
  }

  onClose(error: string): void {
    if (this.#state === "closed") return;
    const dialing = this.#state === "dialing";
    this.#close();
    if (dialing) this.#backend.dialFailed(dialFault(error));
    else this.#broken(error === "" ? "upstream_closed" : "upstream_reset", error);
  }

  /** One event of the decoder. `atEnd`: no byte is left after it. */
  #handle(bytes: Buffer, atEnd: boolean): void {
    const exchange = this.#exchange as Exchange;
    const decoder = this.#decoder;
    switch (decoder.event) {
      case H1Event.head:
        this.#onHead(exchange);
        return;
      case H1Event.body: {
        const size = decoder.bodyEnd - decoder.bodyStart;
        (this.#backend.context.counters[GLOBAL_SLOTS.bytes_backend_to_client] as number) += size;
        if (exchange.downstream.writeResponse(bytes, decoder.bodyStart, decoder.bodyEnd)) return;
        if (this.#exchange === null || this.#paused) return;
        this.#paused = true;
        this.#transport.pause(this.#connection);
        return;
      }
      case H1Event.end:
        this.#complete(atEnd);
        return;
      case H1Event.error:
        this.#broken("upstream_malformed", decoder.fault.detail);
        this.destroy();
        return;
      case H1Event.needMore:
        return;
    }
  }

  #onHead(exchange: Exchange): void {
    const { response } = exchange;
    if (response.status === 101) {
      this.#broken("upstream_malformed", "101 (Switching Protocols) that was not asked for");
      this.destroy();
      return;
    }
    normaliseResponse(response);
    if (response.status < 200) {
      exchange.downstream.informational();
      return;
    }
    const { clock } = this.#backend.context;
    exchange.responseHeadMs = clock.nowMs;
    // A recipient with a clock adds the Date that is missing (RFC 9110 section 6.6.1).
    if (response.fields.find(FieldId.date) === -1) response.fields.add(FieldId.date, httpDate(clock.wallMs));
    exchange.downstream.responseHead();
  }

  /** The response is whole. The connection is given back first: the next request of the client may want it. */
  #complete(atEnd: boolean): void {
    const exchange = this.#exchange as Exchange;
    const reusable = atEnd && this.#requestDone && exchange.response.keepAlive;
    if (!atEnd && exchange.response.keepAlive) this.#tellOfExtraBytes();
    this.#detach();
    this.#served += 1;
    if (reusable) {
      this.resumeResponse();
      this.#state = "idle";
      this.#backend.release(this);
    } else {
      this.destroy();
    }
    exchange.downstream.endResponse(this.#decoder.trailers);
  }

  /** Bytes behind a response may be anybody's: the connection is never used again (RFC 9112 section 9.3). */
  #tellOfExtraBytes(): void {
    this.#backend.context.log.warn(
      { backend: this.#backend.plan.address },
      "backend sent bytes behind its response: the connection is closed",
    );
  }

  /** The exchange cannot be finished on this connection. */
  #broken(code: FaultCode, detail: string): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    const stale = this.#served > 0 && !this.#answered && !this.#bodySent;
    this.#detach();
    const { context } = this.#backend;
    const fault = new Fault(code, detail);
    if (stale && retryStale(context, exchange, this.#backend, fault)) return;
    upstreamFailed(context, exchange, fault);
  }

  #detach(): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#exchange = null;
    exchange.upstream = null;
    (this.#backend.context.counters[this.slots.inflight] as number) -= 1;
  }

  #close(): void {
    this.#state = "closed";
    this.#backend.context.wheel.remove(this.#timer);
    this.#backend.closed(this);
  }

  /** The dial took too long, or the connection has rested or lived long enough. */
  #timeOut(): void {
    const dialing = this.#state === "dialing";
    this.destroy();
    if (!dialing) return;
    (this.#backend.context.counters[GLOBAL_SLOTS.backend_connect_timeout_total] as number) += 1;
    this.#backend.dialFailed(new Fault("connect_timeout", this.#backend.plan.address));
  }
}

function dialFault(error: string): Fault {
  if (error === "ECONNREFUSED" || error === "ENOENT") return new Fault("connect_refused", error);
  return new Fault(error === "ETIMEDOUT" ? "connect_timeout" : "connect_failed", error);
}
