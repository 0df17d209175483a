/**
 * One HTTP/1.1 connection to a backend: the upstream adapter around the response decoder. It serves
 * one exchange at a time; between exchanges its backend keeps it. A protocol that a backend agrees to
 * (101) takes the connection over (`upstream-tunnel-h1.ts`).
 *
 *   idle --begin--> busy --(response whole)--> idle
 *                    |--(101)--> switched: another owner
 *   any --(error, close, cannot be reused)--> closed
 */
import { assert } from "../../base/assert.ts";
import { Fault, type FaultCode } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import type { Connection, ConnectionOwner, Transport } from "../../fastpath/transport.ts";
import { encodeLastChunk, lastChunkLength } from "../../wire/h1/encode-chunk.ts";
import { encodeRequestHead, requestHeadLength } from "../../wire/h1/encode-request.ts";
import { H1Event } from "../../wire/h1/h1-event.ts";
import { DEFAULT_H1_LIMITS } from "../../wire/h1/h1-limits.ts";
import { ResponseDecoder } from "../../wire/h1/response-decoder.ts";
import type { Fields } from "../../wire/http/fields.ts";
import { UNKNOWN_LENGTH } from "../../wire/http/message.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import { sendChunk } from "../send-chunk.ts";
import type { Backend } from "./backend.ts";
import type { BackendConnection } from "./backend-connection.ts";
import { passHead } from "./response-head.ts";
import { prepareUpgrade, upgradeRefusal } from "./upgrade-handshake.ts";
import { retryStale, upstreamFailed } from "./upstream-failed.ts";
import { UpstreamTunnelH1 } from "./upstream-tunnel-h1.ts";

/** An idle connection younger than this was just used: events would have told of its end. */
const PROBE_AFTER_MS = 2;

export class UpstreamH1 implements ConnectionOwner, RequestSink {
  readonly #connection: BackendConnection;
  readonly #socket: Connection;
  readonly #backend: Backend;
  readonly #transport: Transport;
  readonly #decoder: ResponseDecoder;
  readonly #timer: Timer;
  #state: "idle" | "busy" | "switched" | "closed" = "idle";
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
  /** Of the WebSocket handshake under way; empty when there is none. */
  #webSocketKey = "";

  constructor(connection: BackendConnection) {
    const { backend, socket } = connection;
    this.#connection = connection;
    this.#socket = socket;
    this.#backend = backend;
    this.#transport = backend.context.transport;
    this.#decoder = new ResponseDecoder(DEFAULT_H1_LIMITS, backend.readerMemory);
    this.#timer = new Timer(() => this.destroy());
  }

  /** Stays idle until its backend's idle timeout, or until it is too old. */
  rest(): void {
    const { context, settings } = this.#backend;
    this.#restedMs = context.clock.nowMs;
    const idleMs = this.#restedMs + settings.pool.idleTimeoutMs;
    context.wheel.arm(this.#timer, Math.min(idleMs, this.#connection.retiresMs));
  }

  /** Whether an idle connection may take an exchange (feature row A6.1: probe before reuse). */
  usable(): boolean {
    const { nowMs } = this.#backend.context.clock;
    if (nowMs >= this.#connection.retiresMs) return false;
    return nowMs - this.#restedMs < PROBE_AFTER_MS || this.#transport.alive(this.#socket);
  }

  /** Sends the head; the caller asks for the body. */
  begin(exchange: Exchange): RequestSink {
    const { request } = exchange;
    this.#backend.context.wheel.disarm(this.#timer);
    this.#state = "busy";
    this.#exchange = exchange;
    this.#chunked = request.bodyLength === UNKNOWN_LENGTH;
    this.#requestDone = request.bodyLength === 0;
    this.#bodySent = false;
    this.#answered = false;
    exchange.upstream = this;
    this.#connection.countExchange(1);
    this.#webSocketKey = request.upgrade === "" ? "" : prepareUpgrade(request);
    this.#decoder.begin(exchange.response, request.method);
    const transport = this.#transport;
    const offset = transport.reserve(requestHeadLength(request));
    transport.send(this.#socket, offset, encodeRequestHead(transport.out, offset, request));
    return this;
  }

  writeRequest(bytes: Buffer, start: number, end: number): boolean {
    const transport = this.#transport;
    const socket = this.#socket;
    this.#bodySent = true;
    (this.#backend.context.counters[GLOBAL_SLOTS.bytes_client_to_backend] as number) += end - start;
    if (this.#chunked) sendChunk(transport, socket, bytes, start, end);
    else transport.sendFrom(socket, bytes, start, end);
    return !transport.blocked(socket);
  }

  endRequest(trailers: Fields): void {
    this.#requestDone = true;
    if (!this.#chunked) return;
    this.#bodySent = true;
    const transport = this.#transport;
    const offset = transport.reserve(lastChunkLength(trailers));
    transport.send(this.#socket, offset, encodeLastChunk(transport.out, offset, trailers));
  }

  abortRequest(): void {
    this.#detach();
    this.destroy();
  }

  resumeResponse(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#transport.resume(this.#socket);
  }

  /** Closes the connection; an exchange on it must have been detached. */
  destroy(): void {
    if (this.#state === "closed") return;
    this.#close();
    this.#transport.destroy(this.#socket);
  }

  onConnect(): void {
    assert(false, "an open connection does not connect");
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
      this.#handle(bytes, position, end);
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
    this.#close();
    this.#broken(error === "" ? "upstream_closed" : "upstream_reset", error);
  }

  /** One event of the decoder; `bytes[position, end)` come behind it. */
  #handle(bytes: Buffer, position: number, end: number): void {
    const exchange = this.#exchange as Exchange;
    const decoder = this.#decoder;
    switch (decoder.event) {
      case H1Event.head:
        if (exchange.response.status === 101) this.#switch(exchange, bytes.subarray(position, end));
        else passHead(this.#backend.context, exchange);
        return;
      case H1Event.body: {
        const size = decoder.bodyEnd - decoder.bodyStart;
        (this.#backend.context.counters[GLOBAL_SLOTS.bytes_backend_to_client] as number) += size;
        if (exchange.downstream.writeResponse(bytes, decoder.bodyStart, decoder.bodyEnd)) return;
        if (this.#exchange === null || this.#paused) return;
        this.#paused = true;
        this.#transport.pause(this.#socket);
        return;
      }
      case H1Event.end:
        this.#complete(position === end);
        return;
      case H1Event.error:
        this.#broken("upstream_malformed", decoder.fault.detail);
        this.destroy();
        return;
      case H1Event.needMore:
        return;
    }
  }

  /** A 101: the connection changes hands if that is what was asked for. `rest`: what came behind the head. */
  #switch(exchange: Exchange, rest: Buffer): void {
    const refusal = upgradeRefusal(exchange, this.#webSocketKey);
    if (refusal !== null) {
      this.#broken(this.#webSocketKey === "" ? "upstream_malformed" : "websocket_refused", refusal);
      this.destroy();
      return;
    }
    this.#backend.context.wheel.remove(this.#timer);
    this.#state = "switched";
    this.#exchange = null;
    new UpstreamTunnelH1(this.#connection, exchange).open(rest);
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
    this.#connection.countExchange(-1);
  }

  #close(): void {
    this.#state = "closed";
    this.#backend.context.wheel.remove(this.#timer);
    this.#backend.forgetIdle(this);
    this.#connection.closed();
  }
}
