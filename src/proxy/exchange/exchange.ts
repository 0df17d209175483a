/**
 * The seam: one request and its response, neutral to HTTP versions. Every downstream adapter,
 * middleware and upstream adapter is written against this file and none knows another.
 *
 *   client -> downstream --head--> dispatch --pick--> upstream -> backend
 *                        --RequestSink----------->
 *          <------------------------ResponseSink--
 *
 * Bodies are pushed: `write` hands on bytes that are valid only during the call, and returns false
 * when the receiver is full; the sender then pauses its own source until it is resumed. So a slow
 * reader on one side stops the other, and nothing buffers a whole body.
 */
import type { Clock } from "../../base/clock.ts";
import type { Fault } from "../../base/fault.ts";
import type { Fields } from "../../wire/http/fields.ts";
import type { Peer } from "./peer.ts";
import { RequestHead, ResponseHead } from "../../wire/http/message.ts";
import type { Generation, ListenerRuntime, RouteRuntime } from "../generation.ts";
import type { ListenerCurrent } from "../listener/listener-current.ts";
import type { HostProfile, HostProfiles } from "./host-profile.ts";
import type { Backend } from "../upstream/backend.ts";
import type { Tunnel } from "../tunnel/tunnel.ts";

/** What the upstream side of an exchange takes. One per exchange, given by `Exchange.upstream`. */
export interface RequestSink {
  /** A part of the request body; false: pause until `ResponseSink.resumeRequest`. */
  writeRequest(bytes: Buffer, start: number, end: number): boolean;
  /** The request is complete. */
  endRequest(trailers: Fields): void;
  /** The client side gave up; the upstream is left in a state that cannot be mistaken for a complete request. */
  abortRequest(fault: Fault): void;
  /** The client can take more of the response. */
  resumeResponse(): void;
}

/** What the downstream side of an exchange takes. One per exchange, given by `Exchange.downstream`. */
export interface ResponseSink {
  /** A 1xx response other than 101; `exchange.response` holds it. Any number, before the head. */
  informational(): void;
  /** The final head; `exchange.response` holds it. */
  responseHead(): void;
  /** A part of the response body; false: pause until `RequestSink.resumeResponse`. */
  writeResponse(bytes: Buffer, start: number, end: number): boolean;
  /** The response is complete. */
  endResponse(trailers: Fields): void;
  /** No (more) response will come. Before the head: a local reply of the fault's status; after it: the message is cut. */
  failResponse(fault: Fault): void;
  /** The upstream is ready for the request body, or for more of it. */
  resumeRequest(): void;
  /**
   * The backend has agreed to the protocol in `request.upgrade`; `exchange.response` holds the head, its
   * status 101 whatever version the backend speaks. From now on `writeRequest` and `writeResponse` carry
   * the bytes of the tunnel, without framing and without a cap; `endRequest` and `endResponse` end its
   * directions, each by itself. Called instead of `responseHead`.
   */
  tunnelOpened(): void;
}

/** Where an exchange stands; each phase has its own timeout. */
export const Phase = {
  /** The request body is still coming, or a connection to the backend is sought. */
  request: 0,
  /** The request was sent whole; the response head is awaited. */
  awaitingHead: 1,
  /** The response body is on its way. */
  response: 2,
  /** The connection, or the stream, carries another protocol. */
  tunnel: 3,
  done: 4,
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/**
 * The state of one exchange. Reused for the next request of its connection by `reset`, so that a
 * busy connection allocates nothing; an idle one lets go of it.
 */
export class Exchange {
  readonly request = new RequestHead();
  readonly response = new ResponseHead();

  // Set when the exchange begins.
  generation!: Generation;
  listener!: ListenerRuntime;
  hosts!: HostProfiles;
  downstream!: ResponseSink;
  /** Of the socket. */
  peer!: Peer;
  /** The client's address as far as trusted proxies tell; the peer's otherwise. */
  clientIp = "";
  /** The client spoke TLS to us, or a trusted proxy says so. */
  secure = false;
  /** The request has come in early data of a handshake (RFC 8470). */
  early = false;

  // Set by dispatch.
  /** Of the host that the request names. */
  host: HostProfile | null = null;
  upstream: RequestSink | null = null;
  route: RouteRuntime | null = null;
  backend: Backend | null = null;
  /** Index of X-Request-ID and of `traceparent` among the request's fields; -1: not set yet. */
  requestIdField = -1;
  traceField = -1;
  /** Sec-WebSocket-Key of a client on HTTP/1.1, which its 101 has to answer. */
  webSocketKey = "";

  /** Stands between the two sides once they speak another protocol. */
  tunnel: Tunnel | null = null;
  phase: Phase = Phase.request;
  /** The whole request has been received. */
  requestEnded = false;
  /** The response head has been handed to the downstream. */
  responseStarted = false;
  /** Connections tried, the first one included. */
  attempts = 0;
  /** Those of them that were idle connections which had died. */
  staleAttempts = 0;
  /** Why it ended, when it did not end well. */
  fault: Fault | null = null;

  // For the access log and the metrics.
  /** Monotonic and wall-clock milliseconds at the first byte of the request. */
  startMs = 0;
  startWallMs = 0;
  /** Monotonic, when it was over. */
  endMs = 0;
  /** When the last backend was picked, and when its response head came; 0: not yet. */
  pickMs = 0;
  responseHeadMs = 0;
  /** Body bytes, without framing. */
  requestBytes = 0;
  responseBytes = 0;

  /** The first byte of a request has come. */
  start(clock: Clock): void {
    this.startMs = clock.nowMs;
    this.startWallMs = clock.wallMs;
  }

  /** The request head has come, or what there is of one. */
  begin(downstream: ResponseSink, listener: ListenerCurrent, peer: Peer): void {
    this.downstream = downstream;
    this.generation = listener.generation;
    this.listener = listener.runtime;
    this.hosts = listener.hosts;
    this.peer = peer;
    this.clientIp = peer.ip;
    this.secure = peer.secure;
  }

  /** The request has been received whole. */
  endRequest(): void {
    this.requestEnded = true;
    if (this.phase === Phase.request) this.phase = Phase.awaitingHead;
  }

  /** Lets the upstream go: no answer is wanted from it any more. */
  releaseUpstream(fault: Fault): void {
    const { upstream } = this;
    this.upstream = null;
    upstream?.abortRequest(fault);
  }

  /** For log lines; empty before the id is known. */
  get requestId(): string {
    return this.requestIdField === -1 ? "" : this.request.fields.value(this.requestIdField);
  }

  /** Makes the object ready for the next request. */
  reset(): void {
    this.request.clear();
    this.response.clear();
    this.upstream = null;
    this.host = null;
    this.route = null;
    this.backend = null;
    this.requestIdField = -1;
    this.traceField = -1;
    this.webSocketKey = "";
    this.tunnel = null;
    this.secure = false;
    this.early = false;
    this.phase = Phase.request;
    this.requestEnded = false;
    this.responseStarted = false;
    this.attempts = 0;
    this.staleAttempts = 0;
    this.fault = null;
    this.pickMs = 0;
    this.responseHeadMs = 0;
    this.requestBytes = 0;
    this.responseBytes = 0;
  }
}
