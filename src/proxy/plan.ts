/**
 * The plan: what the control plane decided, as plain immutable data that crosses to the workers by
 * message. `control/config` compiles TOML to it; the data plane reads nothing else. One plan is one
 * generation: connections keep the plan that they started with.
 */
import type { QuicTransportSettings } from "../fastpath/quic-engine.ts";
import type { TlsClientSettings, TlsServerSettings } from "../fastpath/tls.ts";
import type { QuicPlan } from "./quic-plan.ts";
import type { RuleNode } from "./router/rule.ts";

export interface Plan {
  /** 1 for the plan of the start, then one more for each reload. */
  readonly generation: number;
  readonly listeners: readonly ListenerPlan[];
  readonly routes: readonly RoutePlan[];
  readonly services: readonly ServicePlan[];
  readonly runtime: RuntimePlan;
  readonly security: SecurityPlan;
  readonly pool: PoolPlan;
  readonly accessLog: AccessLogPlan;
  /** Numeric addresses of every backend host name, as known when the plan was made. */
  readonly resolved: Readonly<Record<string, readonly string[]>>;
}

export interface ListenerPlan {
  /** Unique; the metrics label. */
  readonly name: string;
  /** `host:port` as configured; identifies the sockets across generations. */
  readonly address: string;
  readonly host: string;
  readonly port: number;
  /**
   * `h1`: HTTP/1, and HTTP/2 by prior knowledge; `h1s`: both over TLS, by ALPN; `tls`: TLS ends here, the bytes
   * are relayed; `quic`: HTTP/3, or raw QUIC that is relayed.
   */
  readonly protocol: "h1" | "h1s" | "tls" | "quic";
  readonly http: HttpPlan;
  /** For `h1s` and `tls`; else `null`. */
  readonly tls: ListenerTlsPlan | null;
  /** For `quic`; else `null`. */
  readonly quic: QuicPlan | null;
  readonly h2: H2Plan;
  readonly websocket: WebSocketPlan;
  readonly grpc: GrpcPlan;
  /** Requests on one connection before it is closed; 0: no limit. Feature row A8.5. */
  readonly maxKeepaliveRequests: number;
  /** Without a byte in either direction on a relayed connection. */
  readonly relayIdleTimeoutMs: number;
  /** Value of the Alt-Svc field of every response; empty: none. Feature row A2.16. */
  readonly altSvc: string;
  readonly drainTimeoutMs: number;
  readonly drainJitterMs: number;
  readonly metrics: ListenerSlots;
}

/** Timeouts and caps of HTTP on one listener. Feature rows A8.1, A8.2, A8.4. */
export interface HttpPlan {
  /** From the first byte of a request (or the accept) to the end of its head. */
  readonly headerTimeoutMs: number;
  /** Without progress of a body, in either direction. */
  readonly bodyTimeoutMs: number;
  /** From the head of the request to the head of the response: upload and wait together. */
  readonly totalTimeoutMs: number;
  /** From the end of the request to the head of the response. */
  readonly headTimeoutMs: number;
  /** Between two requests on a connection. */
  readonly keepaliveTimeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  /** 0: no cap. */
  readonly maxRequestBodyBytes: number;
  /** 0: no cap. */
  readonly maxResponseBodyBytes: number;
}

export interface ListenerTlsPlan {
  readonly settings: TlsServerSettings;
  /** Fields by which backends learn of the client's certificate. Feature row B23. */
  readonly forwardCertificate: "off" | "client_cert" | "xfcc" | "both";
}

/** HTTP/2 on one listener. Feature row A20.10. */
export interface H2Plan {
  readonly maxPendingAcceptResetStreams: number;
  readonly maxLocalErrorResetStreams: number;
  readonly maxConcurrentStreams: number;
  readonly maxHeaderListBytes: number;
  readonly maxSendBufferBytes: number;
  readonly keepAliveIntervalMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
}

/** Feature row A12.4. */
export interface WebSocketPlan {
  readonly enabled: boolean;
  readonly h2ExtendedConnect: boolean;
  readonly h3ExtendedConnect: boolean;
  readonly idleTimeoutMs: number;
  readonly maxMessageBytes: number;
  readonly pingsPerWindow: number;
  readonly pingWindowMs: number;
  readonly frameTimeoutMs: number;
}

/** Feature rows A11.2, A11.3, B20. */
export interface GrpcPlan {
  readonly enabled: boolean;
  readonly maxDeadlineMs: number;
  readonly healthSynthesized: boolean;
  /** gRPC-Web is translated to gRPC. */
  readonly web: boolean;
}

export interface RoutePlan {
  /** Unique; the metrics label and the access log's `route`. */
  readonly name: string;
  readonly rule: RuleNode;
  /** The rule as written, for people. */
  readonly ruleText: string;
  /** Protocols besides `websocket` that may be upgraded to, lower case; `h2c` never is. */
  readonly upgrades: readonly string[];
  /** Higher wins; ties go to the name in code-unit order. */
  readonly priority: number;
  /** Indexes into `Plan.listeners`. */
  readonly listeners: readonly number[];
  /** Index into `Plan.services`. */
  readonly service: number;
  /** One entry per entry of `listeners`. */
  readonly metrics: readonly RouteSlots[];
}

export type Strategy = "round_robin" | "weighted_round_robin";

export interface ServicePlan {
  readonly name: string;
  readonly strategy: Strategy;
  readonly backends: readonly BackendPlan[];
}

export interface BackendPlan {
  /** `protocol://address`: identifies pools and state across generations and services. */
  readonly key: string;
  /** As configured; the metrics label and the access log's `backend`. */
  readonly address: string;
  /** Host name or numeric address; path of the socket when `port` is -1. */
  readonly host: string;
  readonly port: number;
  /** `auto`: what ALPN says, h2 or h1; `quic`: raw streams, of a listener's raw proxy. */
  readonly protocol: "h1" | "h2" | "auto" | "tcp" | "h3" | "quic";
  /** `null`: no TLS. */
  readonly tls: TlsClientSettings | null;
  /** For `h3` and `quic`; else `null`. */
  readonly quic: QuicTransportSettings | null;
  /** At least 1. */
  readonly weight: number;
  readonly metrics: BackendSlots;
}

/** Keys of `[runtime]` that the data plane needs; units and ranges are in the schema. */
export interface RuntimePlan {
  readonly maxInflightConnections: number;
  readonly perIpConnectionCap: number;
  readonly connectTimeoutMs: number;
  /** From the accept to the end of the TLS handshake. Feature row A2.15. */
  readonly handshakeTimeoutMs: number;
  /** Of connections with clients, each way; 0: the kernel sizes them. */
  readonly tcpBufferBytes: number;
  readonly headerUnderscorePolicy: "reject" | "drop" | "allow";
  readonly headerDeadlineMs: number;
  readonly bodyProgressMinBps: number;
  readonly sweepIntervalMs: number;
}

export interface SecurityPlan {
  /** Any transfer coding but exactly `chunked` is refused. Feature row A20.2. */
  readonly strictTe: boolean;
  /** CIDR blocks whose X-Forwarded-* we believe. Feature row B4. */
  readonly trustedProxies: readonly string[];
  /** What happens to X-Forwarded-* of peers that are not trusted. */
  readonly untrustedForwarded: "replace" | "append";
}

/** Bounds of the connection pools of one worker. Feature rows A5.17, A6.1. */
export interface PoolPlan {
  /** Open connections to one backend, busy and idle. */
  readonly maxPerBackend: number;
  /** Idle connections kept to one backend. */
  readonly maxIdlePerBackend: number;
  /** Idle connections kept in all. */
  readonly maxIdleTotal: number;
  readonly idleTimeoutMs: number;
  readonly maxAgeMs: number;
  /** Requests that wait for a connection to one backend. */
  readonly maxPendingPerBackend: number;
  /** QUIC connections of HTTP/3 to one backend, and of one worker in all. Feature row A6.3. */
  readonly quicMaxPerBackend: number;
  readonly quicMaxTotal: number;
}

export interface AccessLogPlan {
  readonly enabled: boolean;
  /** `stdout`, `stderr`, or the path of a file that is opened for appending. */
  readonly path: string;
  readonly format: "json" | "common";
  /** Share of requests with status below 400 that are logged, 0 to 1; errors always are. */
  readonly sample: number;
}

/*
 * Slots: offsets into the worker's stripe of counters in shared memory. The control plane allots
 * them per series, so that a worker only ever adds to a number, and sums the stripes when scraped.
 */

export interface ListenerSlots {
  readonly acceptInflight: number;
  readonly acceptShed: number;
  /** Six slots, in the order of `ACCEPT_ERROR_KINDS`. */
  readonly acceptErrors: number;
  readonly connectionsInflight: number;
  /** One slot for each row of `FAULTS`, in its order: requests that a fault ended. */
  readonly faults: number;
  /** As `RouteSlots`, for requests that matched no route (or had no readable head). */
  readonly noRoute: RouteSlots;
}

export interface RouteSlots {
  /** Six slots (`none`, `1xx` to `5xx`) for each HTTP version in `HttpVersion` order. */
  readonly requests: number;
  /** One histogram for each HTTP version: a slot per bucket of `DURATION_BUCKETS_S`, one for +Inf, then sum. */
  readonly duration: number;
}

export interface BackendSlots {
  /** Six slots, by status class. */
  readonly requests: number;
  /** One histogram: time from the pick to the response head. */
  readonly duration: number;
  readonly inflight: number;
  readonly connections: number;
  /** One slot for each row of `FAULTS`, in its order. */
  readonly faults: number;
}

export const ACCEPT_ERROR_KINDS = ["emfile", "enfile", "eintr", "econnaborted", "eagain", "other"] as const;

/** Upper bounds of the latency histograms, in seconds. */
export const DURATION_BUCKETS_S = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
] as const;

/** Slots that one histogram takes: buckets, +Inf, sum. The count is the sum of the buckets. */
export const HISTOGRAM_SLOTS = DURATION_BUCKETS_S.length + 2;

/** Status classes in slot order: no status (a client that stalled), then 1xx to 5xx. */
export const STATUS_CLASSES = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"] as const;
