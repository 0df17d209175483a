/**
 * One HTTP/2 connection of a client (RFC 9113): the downstream adapter around the codec. Its requests are in
 * `requests.ts`; here is what they share: bytes in, the connection's deadlines, and how it ends.
 *
 *   serving --(drain, enough requests)--> announced --(a round trip later)--> leaving --no stream left--> closed
 *      \---------------------------(idle)--------------------------------------^                            ^
 *       \----------------(mistake of the client, no sign of life)------------------------------------------/
 *
 * Announced is GOAWAY with the highest stream identifier there is: the client opens no more, and what it had
 * opened by then is served (section 6.8). Leaving is GOAWAY with the last stream that was. At the end another
 * owner lingers.
 */
import { Fault, type LogLevel } from "../../base/fault.ts";
import { SEND_HIGH_WATER_BYTES } from "../../base/limits.ts";
import { Timer } from "../../base/timer-wheel.ts";
import type { Connection } from "../../fastpath/transport.ts";
import { H2Code } from "../../wire/h2/error-code.ts";
import { H2Connection } from "../../wire/h2/h2-connection.ts";
import { MAX_STREAM_ID } from "../../wire/h2/h2-limits.ts";
import type { CodecError } from "../../wire/multiplexed/codec.ts";
import { countAbuse } from "../codec-abuse.ts";
import { ConnectionSink } from "../connection-sink.ts";
import { peerOf } from "../exchange/peer.ts";
import type { ClientConnection } from "../listener/client-connection.ts";
import type { ListenerSocket } from "../listener/listener-socket.ts";
import { tellTlsFailure } from "../listener/tls-failure.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { Tunnel } from "../tunnel/tunnel.ts";
import type { WorkerContext } from "../worker-context.ts";
import { H2Deadlines } from "./h2-deadlines.ts";
import { h2LimitsOf } from "./h2-limits-of.ts";
import { LingeringConnection } from "./lingering-connection.ts";
import { Requests, type RequestsOwner } from "./requests.ts";

/** Between the two GOAWAYs, when the client does not answer the PING between them: more than a round trip. */
const ANNOUNCED_MS = 1000;

/**
 * Heads and control frames that a client may let lie before we stop to read what else it asks for. Bodies do
 * not count: the codec keeps them back, each within its stream's bound.
 */
const MAX_UNREAD_BYTES = 4 * SEND_HIGH_WATER_BYTES;

export class DownstreamH2 implements ClientConnection, RequestsOwner {
  readonly #context: WorkerContext;
  readonly #connection: Connection;
  readonly #listener: ListenerSocket;
  readonly #requests: Requests;
  readonly #codec: H2Connection;
  readonly #timer: Timer;
  readonly #deadlines: H2Deadlines;
  #state: "serving" | "announced" | "leaving" | "closed" = "serving";
  /** When the end is to be announced, or has been announced long enough. */
  #leaveMs = Infinity;
  /** When a drain tells tunnels to leave; `Infinity`: the listener does not drain. */
  #tunnelsLeaveMs = Infinity;
  #peerEnded = false;
  #paused = false;

  constructor(context: WorkerContext, connection: Connection, listener: ListenerSocket) {
    this.#context = context;
    this.#connection = connection;
    this.#listener = listener;
    this.#timer = new Timer((nowMs) => this.#onDeadline(nowMs));
    this.#deadlines = new H2Deadlines(context.clock.nowMs);
    const { current } = listener;
    this.#requests = new Requests(context.counters, {
      listener,
      peer: peerOf(connection.remoteAddress, connection.tls, current.runtime.plan.tls),
      owner: this,
      gauge: GLOBAL_SLOTS.h2_downstream_streams,
    });
    this.#codec = new H2Connection({
      role: "server",
      owner: this.#requests,
      limits: h2LimitsOf(current),
      sink: new ConnectionSink(context.transport, connection),
      clock: context.clock,
      scratch: listener.scratch,
    });
    this.#requests.codec = this.#codec;
    this.#count("h2_downstream_connections", 1);
    this.#count("h2_downstream_connections_total", 1);
    this.#codec.start();
    this.#armBy(this.#deadlines.next(this.#codec, listener.current));
  }

  announceClose(graceMs: number): void {
    this.#tunnelsLeaveMs = this.#context.clock.nowMs + graceMs;
    for (const stream of this.#requests.streams) stream.exchange.tunnel?.announceClose(graceMs);
    if (this.#state !== "serving") return;
    this.#leaveMs = this.#context.clock.nowMs + Math.max(0, graceMs - ANNOUNCED_MS);
    this.#armBy(this.#leaveMs);
  }

  abort(): boolean {
    const { streams } = this.#requests;
    const busy = streams.size > 0;
    const fault = new Fault("drained", "the drain budget is over");
    for (const stream of streams) stream.exchange.tunnel?.farewell();
    // Whoever has got nothing yet is told why; what has begun can only be cut.
    for (const stream of streams) stream.cut(fault);
    this.#goAway(H2Code.noError, this.#codec.lastStreamId, "shutting down");
    this.#context.transport.flush();
    this.#destroy();
    return busy;
  }

  // Events of the connection.

  onConnect(): void {}

  onData(bytes: Buffer, start: number, end: number): void {
    const codec = this.#codec;
    this.#deadlines.heardMs = this.#context.clock.nowMs;
    codec.receive(bytes, start, end);
    if (codec.partialSinceMs !== Infinity)
      this.#armBy(codec.partialSinceMs + this.#listener.current.headDeadlineMs);
    this.#pauseIfUnread();
  }

  /**
   * Unlike one of HTTP/1, a client of HTTP/2 that is still interested has to send: windows, acknowledgements.
   * One that sends no more has left; what it has been sent already is still delivered.
   */
  onEnd(): void {
    this.#peerEnded = true;
    this.#codec.close("the client closed the connection");
    this.#startLinger();
  }

  onDrain(): void {
    this.#resume();
    this.#codec.onSinkDrained();
  }

  onClose(error: string): void {
    tellTlsFailure(this.#context, this.#connection, this.#listener, error);
    this.#codec.close(error === "" ? "the connection was closed" : error);
    this.#close();
  }

  // What concerns the connection as a whole.

  streamOpened(): void {
    this.#deadlines.used = true;
    this.#armBy(this.#deadlines.heardMs + this.#listener.current.runtime.plan.h2.keepAliveIntervalMs);
  }

  /** One that a drain finds on its way is told like those that it found open. */
  tunnelOpened(tunnel: Tunnel): void {
    if (this.#tunnelsLeaveMs !== Infinity)
      tunnel.announceClose(Math.max(0, this.#tunnelsLeaveMs - this.#context.clock.nowMs));
  }

  served(count: number): void {
    const { maxKeepaliveRequests } = this.#listener.current.runtime.plan;
    if (maxKeepaliveRequests !== 0 && count >= maxKeepaliveRequests) this.#announce();
  }

  idle(): void {
    const { nowMs } = this.#context.clock;
    this.#deadlines.idleSinceMs = nowMs;
    if (this.#state === "leaving") this.#startLinger();
    else this.#armBy(nowMs + this.#listener.current.runtime.plan.http.keepaliveTimeoutMs);
  }

  pong(): void {
    if (this.#state === "announced") this.#leave();
  }

  /** The codec has sent GOAWAY, and ended every stream. */
  failed(error: CodecError): void {
    this.#count("h2_goaway_sent_total", 1);
    if (error.budget !== "") countAbuse(this.#context.counters, error.budget);
    this.#tell(error.toString(), error.budget === "" ? "debug" : "info");
    this.#startLinger();
  }

  // How it ends.

  #announce(): void {
    if (this.#state !== "serving") return;
    this.#state = "announced";
    this.#goAway(H2Code.noError, MAX_STREAM_ID);
    this.#codec.ping();
    this.#leaveMs = this.#context.clock.nowMs + ANNOUNCED_MS;
    this.#armBy(this.#leaveMs);
  }

  #leave(): void {
    this.#state = "leaving";
    this.#leaveMs = Infinity;
    this.#goAway(H2Code.noError, this.#codec.lastStreamId);
    if (this.#requests.streams.size === 0) this.#startLinger();
  }

  /** The client is given up: no stream goes on. */
  #fail(code: H2Code, text: string): void {
    this.#tell(text, "debug");
    this.#goAway(code, this.#codec.lastStreamId, text);
    this.#codec.close(text);
    this.#startLinger();
  }

  #goAway(code: H2Code, lastId: number, text = ""): void {
    if (!this.#codec.open) return;
    this.#count("h2_goaway_sent_total", 1);
    this.#codec.goAway(code, lastId, text);
  }

  #startLinger(): void {
    if (this.#state === "closed") return;
    this.#resume();
    new LingeringConnection(this.#context, this.#connection, this.#listener, this.#peerEnded).succeed(this);
    this.#close();
  }

  #destroy(): void {
    this.#context.transport.destroy(this.#connection);
    this.#codec.close("the connection was cut");
    this.#close();
  }

  #close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#context.wheel.remove(this.#timer);
    this.#count("h2_downstream_connections", -1);
    this.#listener.closed(this);
  }

  // Deadlines.

  #onDeadline(nowMs: number): void {
    switch (this.#state) {
      case "serving":
        if (nowMs >= this.#leaveMs) this.#announce();
        break;
      case "announced":
        if (nowMs >= this.#leaveMs) this.#leave();
        break;
      case "leaving":
        break;
      case "closed":
        return;
    }
    this.#checkClient(nowMs);
    this.#armBy(Math.min(this.#leaveMs, this.#deadlines.next(this.#codec, this.#listener.current)));
  }

  #checkClient(nowMs: number): void {
    if (this.#state === "closed") return;
    switch (this.#deadlines.due(nowMs, this.#codec, this.#listener.current)) {
      case "late_frame":
        this.#count("security_slowloris_reaped_total", 1);
        this.#fail(H2Code.enhanceYourCalm, "a frame or a header block did not end in time");
        break;
      case "late_settings":
        this.#fail(H2Code.settingsTimeout, "SETTINGS were not acknowledged in time");
        break;
      case "dead":
        this.#fail(H2Code.noError, "no sign of life since a PING");
        break;
      case "idle":
        this.#leave();
        break;
      case "ping":
        this.#codec.ping();
        break;
      case "nothing":
        break;
    }
  }

  /** The timer may come up too early, never too late. */
  #armBy(deadlineMs: number): void {
    if (deadlineMs < this.#timer.deadlineMs && this.#state !== "closed")
      this.#context.wheel.arm(this.#timer, deadlineMs);
  }

  // The connection's own backpressure.

  #pauseIfUnread(): void {
    const { transport } = this.#context;
    if (this.#paused || this.#state === "closed" || !transport.blocked(this.#connection)) return;
    if (transport.queuedBytes(this.#connection) < MAX_UNREAD_BYTES) return;
    this.#paused = true;
    transport.pause(this.#connection);
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#context.transport.resume(this.#connection);
  }

  #count(slot: keyof typeof GLOBAL_SLOTS, by: number): void {
    (this.#context.counters[GLOBAL_SLOTS[slot]] as number) += by;
  }

  #tell(reason: string, level: LogLevel): void {
    const listener = this.#listener.current.runtime.plan.name;
    this.#context.log[level](
      { listener, client_ip: this.#connection.remoteAddress, reason },
      "an HTTP/2 connection with a client was ended",
    );
  }
}
