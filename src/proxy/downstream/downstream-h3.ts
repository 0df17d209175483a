/**
 * One HTTP/3 connection of a client (RFC 9114): the downstream adapter between a QUIC connection and the codec.
 * Its requests are in `requests.ts`; here is what they share: what QUIC tells, the connection's deadlines, and
 * how it ends. Made by the owner of the listener for each connection that it serves.
 *
 *   serving --(drain, enough requests, worn)--> announced --(a while later)--> leaving --no stream left--> lingering
 *      \------------------------------(idle)-----------------------------------^                              |
 *       \----------(mistake of the client, QUIC has ended)------------------------------> closed <-----------/
 *
 * Announced is GOAWAY with the highest stream identifier there is: the client opens no more, and what it had
 * opened by then is served (section 5.2). Leaving is GOAWAY with the first that is not: what still comes is
 * rejected with H3_REQUEST_REJECTED, and may be sent again. Lingering is the time in which the client gets
 * what QUIC has, and may close by itself.
 */
import { assert } from "../../base/assert.ts";
import { Fault, type LogLevel } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import type { QuicClose } from "../../fastpath/quic-engine.ts";
import { H3Code } from "../../wire/h3/error-code.ts";
import { STREAM_ID_STEP } from "../../wire/h3/frame/frame-type.ts";
import { H3Connection } from "../../wire/h3/h3-connection.ts";
import { MAX_STREAM_ID } from "../../wire/h3/h3-limits.ts";
import type { CodecError } from "../../wire/multiplexed/codec.ts";
import { countAbuse } from "../codec-abuse.ts";
import { peerOverQuic } from "../exchange/peer.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { ServingListener } from "../listener/serving-listener.ts";
import type { QuicServed } from "../quic/listener-settings.ts";
import type { QuicLink } from "../quic/quic-owner.ts";
import type { QuicPlan } from "../quic-plan.ts";
import type { Tunnel } from "../tunnel/tunnel.ts";
import type { WorkerContext } from "../worker-context.ts";
import { H3Deadlines } from "./h3-deadlines.ts";
import { h3LimitsOf } from "./h3-limits-of.ts";
import { Requests, type RequestsOwner } from "./requests.ts";

/** Between the two GOAWAYs, and between looks at what the client has not acknowledged: more than a round trip. Feature row A10.4. */
const GRACE_MS = 500;

/** A client that acknowledges nothing any more is given up after so long. */
const MAX_LINGER_MS = 3000;

/** Streams, back from the last one, whose octets are waited for in the end. More were hardly open at one time. */
const MAX_AWAITED_STREAMS = 128;

export interface DownstreamH3Options {
  readonly context: WorkerContext;
  readonly listener: ServingListener;
  /** Its streams can be read. */
  readonly link: QuicLink;
}

export class DownstreamH3 implements QuicServed, RequestsOwner {
  readonly #context: WorkerContext;
  readonly #listener: ServingListener;
  readonly #link: QuicLink;
  readonly #requests: Requests;
  readonly #codec: H3Connection;
  readonly #timer: Timer;
  readonly #deadlines: H3Deadlines;
  #state: "serving" | "announced" | "leaving" | "lingering" | "closed" = "serving";
  /** When the present state is to end; `Infinity`: something else ends it. */
  #stateEndMs = Infinity;
  /** Until when the client may take what it has been sent. */
  #lingerEndMs = Infinity;
  /** When a drain tells tunnels to leave; `Infinity`: the listener does not drain. */
  #tunnelsLeaveMs = Infinity;

  constructor({ context, listener, link }: DownstreamH3Options) {
    const { current } = listener;
    this.#context = context;
    this.#listener = listener;
    this.#link = link;
    this.#timer = new Timer((nowMs) => this.#onDeadline(nowMs));
    this.#deadlines = new H3Deadlines(context.clock.nowMs);
    this.#requests = new Requests(context.counters, {
      listener,
      peer: peerOverQuic(link.remoteAddress, link.serverName),
      owner: this,
      gauge: GLOBAL_SLOTS.h3_downstream_streams,
    });
    this.#requests.early = !link.established;
    this.#codec = new H3Connection({
      role: "server",
      owner: this.#requests,
      limits: h3LimitsOf(current, this.#plan),
      sink: link,
      clock: context.clock,
      scratch: listener.streams.h3Scratch,
    });
    this.#requests.codec = this.#codec;
    this.#count("h3_downstream_connections", 1);
    this.#count("h3_downstream_connections_total", 1);
    this.#codec.start();
    this.#armBy(this.#nextDeadlineMs());
  }

  announceClose(graceMs: number): void {
    const { nowMs } = this.#context.clock;
    this.#tunnelsLeaveMs = nowMs + graceMs;
    for (const stream of this.#requests.streams) stream.exchange.tunnel?.announceClose(graceMs);
    if (this.#state !== "serving") return;
    this.#stateEndMs = nowMs + Math.max(0, graceMs - GRACE_MS);
    this.#armBy(this.#stateEndMs);
  }

  abort(): boolean {
    const { streams } = this.#requests;
    const busy = streams.size > 0;
    const fault = new Fault("drained", "the drain budget is over");
    for (const stream of streams) {
      const { exchange } = stream;
      // A reset would overtake the farewell: the end of the connection is that of the tunnel, too.
      exchange.tunnel?.farewell();
      if (exchange.tunnel !== null) exchange.fault ??= fault;
      // Whoever has got nothing yet is told why; what has begun can only be cut.
      else stream.cut(fault);
    }
    this.#goAway(this.#codec.lastStreamId + STREAM_ID_STEP);
    this.#codec.close(H3Code.noError, "shutting down");
    return busy;
  }

  // What QUIC tells.

  onEstablished(): void {
    this.#requests.early = false;
  }

  onStreamData(id: number, bytes: Buffer, start: number, end: number, fin: boolean): void {
    const codec = this.#codec;
    codec.streamData(id, bytes, start, end, fin);
    const { partialSinceMs } = codec;
    if (partialSinceMs !== Infinity) this.#armBy(partialSinceMs + this.#listener.current.headDeadlineMs);
  }

  onStreamReset(id: number, code: number): void {
    this.#codec.streamReset(id, code);
  }

  onStreamStopped(id: number, code: number): void {
    this.#codec.streamStopped(id, code);
  }

  onStreamWritable(id: number): void {
    this.#codec.streamWritable(id);
  }

  onStreamsAllowed(): void {
    this.#codec.streamsAllowed();
  }

  /** We announce no datagrams, so they are nobody's (RFC 9297 section 2.1). */
  onDatagram(): void {}

  /** A new connection does for the client what this one will not for long. */
  onWorn(): void {
    if (this.#state === "serving") this.#announce();
  }

  beforeSend(): void {
    this.#codec.flush();
  }

  onClosed(reason: QuicClose): void {
    this.#codec.closed(closeText(reason));
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#context.wheel.remove(this.#timer);
    this.#count("h3_downstream_connections", -1);
  }

  // What concerns the connection as a whole.

  streamOpened(): void {
    this.#deadlines.used = true;
  }

  /** One that a drain finds on its way is told like those that it found open. */
  tunnelOpened(tunnel: Tunnel): void {
    if (this.#tunnelsLeaveMs !== Infinity)
      tunnel.announceClose(Math.max(0, this.#tunnelsLeaveMs - this.#context.clock.nowMs));
  }

  served(count: number): void {
    const { maxRequests, rawProxy } = this.#plan;
    if (this.#state !== "serving") return;
    const enough = maxRequests !== 0 && count >= maxRequests;
    if (enough) this.#count("h3_connections_recycled_total", 1);
    // A reload may have made the listener one that serves no requests.
    if (enough || rawProxy !== null) this.#announce();
  }

  idle(): void {
    this.#deadlines.idleSinceMs = this.#context.clock.nowMs;
    if (this.#state === "leaving") this.#linger();
    else this.#armBy(this.#nextDeadlineMs());
  }

  /** The codec has closed the connection, and ended every stream. */
  failed(error: CodecError): void {
    if (error.budget !== "") countAbuse(this.#context.counters, error.budget);
    this.#tell(error.toString(), error.budget === "" ? "debug" : "info");
  }

  // How it ends.

  #announce(): void {
    this.#state = "announced";
    this.#goAway(MAX_STREAM_ID);
    this.#endStateIn(GRACE_MS);
  }

  #leave(): void {
    this.#state = "leaving";
    this.#stateEndMs = Infinity;
    this.#goAway(this.#codec.lastStreamId + STREAM_ID_STEP);
    if (this.#requests.streams.size === 0) this.#linger();
  }

  #linger(): void {
    this.#state = "lingering";
    this.#lingerEndMs = this.#context.clock.nowMs + MAX_LINGER_MS;
    this.#endStateIn(GRACE_MS);
  }

  #closeWhenDelivered(nowMs: number): void {
    if (nowMs < this.#lingerEndMs && !this.#delivered()) this.#endStateIn(GRACE_MS);
    else this.#codec.close(H3Code.noError, "");
  }

  /** CONNECTION_CLOSE ends QUIC's sending: what is lost on the way is not sent again. */
  #delivered(): boolean {
    const { lastStreamId } = this.#codec;
    const first = Math.max(0, lastStreamId - (MAX_AWAITED_STREAMS - 1) * STREAM_ID_STEP);
    for (let id = lastStreamId; id >= first; id -= STREAM_ID_STEP) if (!this.#link.finished(id)) return false;
    return true;
  }

  #goAway(id: number): void {
    if (!this.#codec.open) return;
    this.#count("h3_goaway_sent_total", 1);
    this.#codec.goAway(id);
  }

  #endStateIn(ms: number): void {
    this.#stateEndMs = this.#context.clock.nowMs + ms;
    this.#armBy(this.#stateEndMs);
  }

  // Deadlines.

  #onDeadline(nowMs: number): void {
    this.#endSlowHeads(nowMs);
    if (nowMs >= this.#stateEndMs) this.#endState(nowMs);
    else if (this.#state === "serving" && this.#isIdle(nowMs)) this.#leave();
    if (this.#codec.open) this.#armBy(Math.min(this.#stateEndMs, this.#nextDeadlineMs()));
  }

  #endState(nowMs: number): void {
    switch (this.#state) {
      case "serving":
        this.#announce();
        break;
      case "announced":
        this.#leave();
        break;
      case "lingering":
        this.#closeWhenDelivered(nowMs);
        break;
      case "leaving":
      case "closed":
        break;
    }
  }

  #endSlowHeads(nowMs: number): void {
    const beforeMs = this.#deadlines.lateBeforeMs(nowMs, this.#listener.current);
    if (this.#codec.partialSinceMs >= beforeMs) return;
    this.#count("security_slowloris_reaped_total", this.#codec.endSlowHeads(beforeMs));
  }

  #isIdle(nowMs: number): boolean {
    return this.#deadlines.idle(nowMs, this.#requests.streams.size, this.#listener.current);
  }

  #nextDeadlineMs(): number {
    if (this.#state === "leaving" || this.#state === "lingering")
      return this.#codec.partialSinceMs + this.#listener.current.headDeadlineMs;
    return this.#deadlines.next(this.#codec, this.#requests.streams.size, this.#listener.current);
  }

  /** The timer may come up too early, never too late. */
  #armBy(deadlineMs: number): void {
    if (deadlineMs < this.#timer.deadlineMs && this.#state !== "closed")
      this.#context.wheel.arm(this.#timer, deadlineMs);
  }

  get #plan(): QuicPlan {
    const { quic } = this.#listener.current.runtime.plan;
    assert(quic !== null, "a listener for QUIC has a plan for it");
    return quic;
  }

  #count(slot: keyof typeof GLOBAL_SLOTS, by: number): void {
    (this.#context.counters[GLOBAL_SLOTS[slot]] as number) += by;
  }

  #tell(reason: string, level: LogLevel): void {
    const listener = this.#listener.current.runtime.plan.name;
    this.#context.log[level](
      { listener, client_ip: this.#requests.peer.ip, reason },
      "an HTTP/3 connection with a client was ended",
    );
  }
}

/** For the faults of requests that the end has cut. */
function closeText({ by, application, code, reason }: QuicClose): string {
  if (by === "timeout") return "the connection timed out";
  if (by === "reset") return "the connection was reset";
  const kind = application ? "HTTP/3" : "QUIC";
  return `the connection was closed by ${by === "peer" ? "the client" : "us"}: ${kind} code 0x${code.toString(16)}${reason === "" ? "" : ` ${reason}`}`;
}
