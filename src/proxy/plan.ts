/**
 * The plan: what the control plane decided, as plain immutable data that crosses to the workers by
 * message. `control/config` compiles TOML to it; the data plane reads nothing else. One plan is one
 * generation: connections keep the plan that they started with.
 */
import type { TlsClientSettings, TlsServerSettings } from "../fastpath/tls.ts";
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
  /** `h1`: HTTP/1, and HTTP/2 by prior knowledge; `h1s`: both over TLS, by ALPN; `tls`: TLS ends here, the bytes are relayed. */
  readonly protocol: "h1" | "h1s" | "tls";
  readonly http: HttpPlan;
  /** For `h1s` and `tls`; else `null`. */
  readonly tls: ListenerTlsPlan | null;
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
  /** `auto`: what ALPN says, h2 or h1. */
  readonly protocol: "h1" | "h2" | "auto" | "tcp";
  /** `null`: no TLS. */
  readonly tls: TlsClientSettings | null;
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

/**
 * Counters of a worker as a whole, at fixed slots from 0. The name is the Prometheus family.
 */
export const GLOBAL_SLOTS = {
  connections_total: 0,
  bytes_client_to_backend: 1,
  bytes_backend_to_client: 2,
  accept_reject_total: 3,
  backend_connect_timeout_total: 4,
  pool_acquires_total: 5,
  pool_reuses_total: 6,
  pool_probe_failures_total: 7,
  pool_idle_gauge: 8,
  shutdown_aborted_connections_total: 9,
  access_log_lines_total: 10,
  access_log_dropped_total: 11,
  security_slowloris_reaped_total: 12,
  upstream_retries_total: 13,
  connections_per_ip_uncounted_total: 14,
  body_progress_stalls_total: 15,

  // TLS with clients, then with backends.
  tls_handshakes_total: 16,
  tls_resumptions_total: 17,
  tls_handshake_failures_total: 18,
  tls_handshake_timeouts_total: 19,
  tls_misdirected_requests_total: 20,
  tls_connection_failures_total: 62,
  upstream_tls_handshakes_total: 21,
  upstream_tls_resumptions_total: 22,
  upstream_tls_handshake_failures_total: 23,

  // HTTP/2. `downstream`: with clients; `upstream`: with backends.
  h2_downstream_connections: 24,
  h2_upstream_connections: 25,
  h2_downstream_streams: 26,
  h2_upstream_streams: 27,
  h2_downstream_connections_total: 28,
  h2_upstream_connections_total: 29,
  h2_goaway_received_total: 30,
  h2_goaway_sent_total: 31,
  h2_upstream_streams_refused_total: 32,
  h2_upstream_pings_unanswered_total: 33,

  // Abuse budgets of HTTP/2, with clients and backends alike. Feature row A18.8.
  security_rapid_reset_tripped_total: 34,
  security_continuation_flood_tripped_total: 35,
  security_hpack_bomb_tripped_total: 36,
  security_settings_flood_tripped_total: 37,
  security_ping_flood_tripped_total: 38,
  security_zero_window_stall_total: 39,
  security_empty_frames_tripped_total: 40,
  security_priority_flood_tripped_total: 41,
  security_window_update_dribble_tripped_total: 42,
  security_unread_control_frames_tripped_total: 43,
  security_header_list_tripped_total: 44,
  security_closed_streams_tripped_total: 61,

  // Tunnels: WebSocket, and other protocols that a route allows upgrades to.
  websocket_tunnels: 45,
  websocket_tunnels_total: 46,
  websocket_refused_total: 47,
  websocket_closed_idle_total: 48,
  websocket_closed_message_size_total: 49,
  websocket_closed_ping_rate_total: 50,
  websocket_closed_frame_timeout_total: 51,
  websocket_closed_protocol_error_total: 52,
  websocket_closed_drain_total: 53,
  upgrade_tunnels: 54,
  upgrade_tunnels_total: 55,

  // gRPC.
  grpc_requests_total: 56,
  grpc_web_requests_total: 57,
  grpc_deadline_clamped_total: 58,
  grpc_deadline_exceeded_total: 59,
  grpc_health_answered_total: 60,
} as const;
export const GLOBAL_SLOT_COUNT = 128;
