/**
 * What went wrong with a connection or an exchange, as a value. One table maps a code to what the
 * client sees, how loudly it is logged and what the metric label says, so that every adapter
 * answers the same fault the same way.
 */

/** Who caused it: the client's side, the backend's side, or the gateway itself. */
export type FaultSource = "downstream" | "upstream" | "internal";

/** May the request be sent again: never, if it is idempotent, or only if no byte of it was sent. */
export type FaultRetry = "never" | "safe" | "if-unsent";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Why a stream is reset, with the error codes of HTTP/2 (RFC 9113 section 7) and HTTP/3 (RFC 9114 section 8.1). */
export const RESET_CODES = {
  none: { h2: 0x0, h3: 0x100 },
  invalid: { h2: 0x1, h3: 0x10e },
  internal: { h2: 0x2, h3: 0x102 },
  refused: { h2: 0x7, h3: 0x10b },
  cancelled: { h2: 0x8, h3: 0x10c },
  overload: { h2: 0xb, h3: 0x107 },
} as const;

export type ResetKind = keyof typeof RESET_CODES;

interface FaultRow {
  /** HTTP status of the local reply; 0: no reply is possible, the connection just ends. */
  readonly status: number;
  readonly source: FaultSource;
  readonly retry: FaultRetry;
  /** How a stream is reset for it, when a status can be sent no more, or is of no use. */
  readonly reset: ResetKind;
  readonly level: LogLevel;
  /** Plain words for the client; never names a backend. */
  readonly text: string;
}

/**
 * The one table of faults. The key is the code; it is also the metric label and the `reason` of the
 * access log. Statuses: feature row A8.12.
 */
export const FAULTS = {
  // The client's message is malformed (RFC 9112), or asks for what we refuse.
  bad_request: { status: 400, source: "downstream", retry: "never", reset: "invalid", level: "debug", text: "bad request" },
  not_http: { status: 0, source: "downstream", retry: "never", reset: "invalid", level: "debug", text: "not HTTP" },
  bad_authority: { status: 400, source: "downstream", retry: "never", reset: "invalid", level: "debug", text: "invalid host" },
  request_smuggling: { status: 400, source: "downstream", retry: "never", reset: "invalid", level: "info", text: "ambiguous message framing" },
  unsupported_version: { status: 505, source: "downstream", retry: "never", reset: "invalid", level: "debug", text: "HTTP version not supported" },
  unsupported_transfer_coding: { status: 501, source: "downstream", retry: "never", reset: "invalid", level: "debug", text: "transfer coding not implemented" },
  unsupported_method: { status: 501, source: "downstream", retry: "never", reset: "invalid", level: "debug", text: "method not implemented" },
  expectation_failed: { status: 417, source: "downstream", retry: "never", reset: "cancelled", level: "debug", text: "expectation failed" },
  grpc_needs_h2: { status: 415, source: "downstream", retry: "never", reset: "cancelled", level: "debug", text: "gRPC needs HTTP/2" },
  target_too_long: { status: 414, source: "downstream", retry: "never", reset: "overload", level: "debug", text: "request target too long" },
  headers_too_large: { status: 431, source: "downstream", retry: "never", reset: "overload", level: "debug", text: "request header fields too large" },
  body_too_large: { status: 413, source: "downstream", retry: "never", reset: "cancelled", level: "info", text: "request body too large" },
  header_timeout: { status: 408, source: "downstream", retry: "never", reset: "cancelled", level: "debug", text: "request header timeout" },
  request_body_timeout: { status: 408, source: "downstream", retry: "never", reset: "cancelled", level: "info", text: "request body timeout" },
  client_closed: { status: 499, source: "downstream", retry: "never", reset: "cancelled", level: "debug", text: "client closed the connection" },
  client_stalled: { status: 0, source: "downstream", retry: "never", reset: "cancelled", level: "info", text: "client stopped reading" },
  // Upgrades and tunnels. Once a tunnel is open, no reply is possible any more.
  websocket_version: { status: 426, source: "downstream", retry: "never", reset: "cancelled", level: "debug", text: "WebSocket version not supported" },
  upgrade_refused: { status: 501, source: "downstream", retry: "never", reset: "cancelled", level: "debug", text: "protocol not implemented" },
  tunnel_protocol_error: { status: 0, source: "downstream", retry: "never", reset: "cancelled", level: "info", text: "tunnel protocol error" },
  tunnel_ping_flood: { status: 0, source: "downstream", retry: "never", reset: "cancelled", level: "info", text: "too many pings" },
  tunnel_message_too_large: { status: 0, source: "internal", retry: "never", reset: "cancelled", level: "info", text: "message too large" },
  tunnel_frame_timeout: { status: 0, source: "internal", retry: "never", reset: "cancelled", level: "info", text: "frame timeout" },
  tunnel_idle: { status: 0, source: "internal", retry: "never", reset: "cancelled", level: "debug", text: "tunnel idle" },
  // gRPC.
  grpc_bad_timeout: { status: 400, source: "downstream", retry: "never", reset: "cancelled", level: "debug", text: "invalid grpc-timeout" },
  grpc_deadline_exceeded: { status: 504, source: "internal", retry: "never", reset: "cancelled", level: "info", text: "deadline exceeded" },
  // Policy of the gateway.
  misdirected_request: { status: 421, source: "downstream", retry: "never", reset: "cancelled", level: "debug", text: "misdirected request" },
  too_early: { status: 425, source: "downstream", retry: "never", reset: "cancelled", level: "debug", text: "too early" },
  no_route: { status: 404, source: "internal", retry: "never", reset: "internal", level: "debug", text: "No route matched" },
  over_capacity: { status: 503, source: "internal", retry: "never", reset: "refused", level: "warn", text: "listener over capacity" },
  total_timeout: { status: 504, source: "internal", retry: "never", reset: "cancelled", level: "info", text: "request timeout" },
  drained: { status: 503, source: "internal", retry: "never", reset: "cancelled", level: "info", text: "shutting down" },
  // The backend, or the way to it.
  no_backend: { status: 502, source: "upstream", retry: "never", reset: "internal", level: "warn", text: "no backend available" },
  pool_exhausted: { status: 503, source: "upstream", retry: "never", reset: "internal", level: "warn", text: "backend at its connection limit" },
  name_unresolved: { status: 502, source: "upstream", retry: "if-unsent", reset: "internal", level: "warn", text: "bad gateway" },
  connect_refused: { status: 502, source: "upstream", retry: "if-unsent", reset: "internal", level: "warn", text: "bad gateway" },
  connect_failed: { status: 502, source: "upstream", retry: "if-unsent", reset: "internal", level: "warn", text: "bad gateway" },
  connect_timeout: { status: 504, source: "upstream", retry: "if-unsent", reset: "internal", level: "warn", text: "gateway timeout" },
  upstream_tls_failed: { status: 502, source: "upstream", retry: "if-unsent", reset: "internal", level: "warn", text: "bad gateway" },
  upstream_stream_refused: { status: 502, source: "upstream", retry: "if-unsent", reset: "internal", level: "warn", text: "bad gateway" },
  websocket_refused: { status: 502, source: "upstream", retry: "never", reset: "cancelled", level: "info", text: "bad gateway" },
  upstream_closed: { status: 502, source: "upstream", retry: "safe", reset: "internal", level: "warn", text: "bad gateway" },
  upstream_reset: { status: 502, source: "upstream", retry: "safe", reset: "internal", level: "warn", text: "bad gateway" },
  upstream_malformed: { status: 502, source: "upstream", retry: "never", reset: "internal", level: "warn", text: "bad gateway" },
  upstream_head_timeout: { status: 504, source: "upstream", retry: "never", reset: "internal", level: "warn", text: "gateway timeout" },
  upstream_body_timeout: { status: 504, source: "upstream", retry: "never", reset: "internal", level: "warn", text: "gateway timeout" },
  response_too_large: { status: 502, source: "upstream", retry: "never", reset: "internal", level: "warn", text: "bad gateway" },
  internal: { status: 500, source: "internal", retry: "never", reset: "internal", level: "error", text: "internal error" },
} as const satisfies Record<string, FaultRow>;

export type FaultCode = keyof typeof FAULTS;

/** All codes, in the order in which counters have their slots. */
export const FAULT_CODES = Object.keys(FAULTS) as readonly FaultCode[];

const FAULT_INDEX = new Map<FaultCode, number>(FAULT_CODES.map((code, index) => [code, index]));

/** The position of a code in `FAULT_CODES`. */
export function faultIndex(code: FaultCode): number {
  return FAULT_INDEX.get(code) ?? 0;
}

/** A fault that happened: its code, and in words what was seen. Cheap: no stack is taken. */
export class Fault {
  readonly code: FaultCode;
  /** What was seen, for the log; never sent to a client. */
  readonly detail: string;

  constructor(code: FaultCode, detail = "") {
    this.code = code;
    this.detail = detail;
  }

  get row(): FaultRow {
    return FAULTS[this.code];
  }

  get status(): number {
    return FAULTS[this.code].status;
  }

  /** Error code of HTTP/2 that a stream is reset with. */
  get h2Code(): (typeof RESET_CODES)[ResetKind]["h2"] {
    return RESET_CODES[this.row.reset].h2;
  }

  /** The same of HTTP/3. */
  get h3Code(): (typeof RESET_CODES)[ResetKind]["h3"] {
    return RESET_CODES[this.row.reset].h3;
  }

  toString(): string {
    return this.detail === "" ? this.code : `${this.code}: ${this.detail}`;
  }
}
