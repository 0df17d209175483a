/** `[listeners.http]`, `[listeners.h2_security]`, `[listeners.alt_svc]`. Feature rows A8.1, A8.2, A8.4, A20.10, A2.16. */
import { duration, integer, optionalTable, table } from "../define.ts";
import { MAX_BYTES, MAX_TIMER_MS, MAX_U32 } from "./bounds.ts";

export const httpSchema = table({
  doc: "Timeouts and caps of HTTP. For `h1`, `h1s` and `quic`.",
  renamed: {
    idle_timeout_ms: 'did you mean "keepalive_timeout_ms"?',
    max_body_bytes: 'did you mean "max_request_body_bytes"?',
  },
  fields: {
    header_timeout_ms: duration({
      unit: "ms",
      min: 1,
      max: MAX_TIMER_MS,
      default: 10_000,
      doc: "Time for a request line with all its fields, from the first byte (or from the accept, for the first request). Then 408, and the connection ends. `[runtime.watchdog].header_deadline_ms` counts too, if it is shorter.",
      example: "5000",
    }),
    body_timeout_ms: duration({
      unit: "ms",
      min: 1,
      max: MAX_TIMER_MS,
      default: 30_000,
      doc: "Time in which a body, of the request or of the response, must make some progress. Then 408 to a client that stopped sending, 504 for a backend that did.",
      example: "15000",
    }),
    total_timeout_ms: duration({
      unit: "ms",
      min: 1,
      max: MAX_TIMER_MS,
      default: 60_000,
      doc: "Time from the head of a request to the head of its response: upload and wait together. Then 408 while the body is still coming, else 504. A response that has begun is bounded by `body_timeout_ms` alone.",
      example: '"5m"',
    }),
    head_timeout_ms: duration({
      unit: "ms",
      min: 1,
      max: MAX_TIMER_MS,
      default: 60_000,
      doc: "Time from the end of a request to the head of the backend's response. Then 504.",
      example: '"20s"',
    }),
    keepalive_timeout_ms: duration({
      unit: "ms",
      min: 1,
      max: MAX_TIMER_MS,
      default: 75_000,
      doc: "Time that an idle connection waits for its next request before it is closed.",
      example: "30000",
    }),
    max_header_bytes: integer({
      min: 1024,
      max: 1_048_576,
      default: 65_536,
      unit: "bytes",
      doc: "Size of the head of a message: request or status line and all fields. Then 431, and 502 for a backend's response.",
      example: "32768",
    }),
    max_headers: integer({
      min: 8,
      max: 1024,
      default: 256,
      doc: "Number of fields of a message. Then 431, and 502 for a backend's response.",
      example: "128",
    }),
    max_request_body_bytes: integer({
      min: 1,
      max: MAX_BYTES,
      default: 67_108_864,
      zeroMeans: "no cap",
      unit: "bytes",
      doc: "Size of the body of a request. Then 413. Bodies are streamed and never held whole.",
      note: "0 removes the cap: one request may then send as much as fits into `total_timeout_ms`.",
      example: "1048576",
    }),
    max_response_body_bytes: integer({
      min: 1,
      max: MAX_BYTES,
      default: 67_108_864,
      zeroMeans: "no cap",
      unit: "bytes",
      doc: "Size of the body of a response. A longer one is cut off and its connection closed, so that the client sees that it is incomplete.",
      note: "0 removes the cap.",
      example: "0",
    }),
  },
});

export const altSvcSchema = optionalTable({
  doc: "Advertises HTTP/3 in the `Alt-Svc` field of every response (RFC 7838); replaces a backend's own. For `h1` and `h1s`. An `h1s` listener whose host and port a `quic` listener with HTTP/3 has, too, advertises it without being told, with a `max_age` of 3600; this says otherwise.",
  fields: {
    h3_port: integer({
      required: true,
      min: 1,
      max: 65_535,
      doc: "UDP port where HTTP/3 is served.",
      example: "8443",
    }),
    max_age: duration({
      unit: "s",
      min: 0,
      max: MAX_U32,
      default: 3600,
      doc: "How long a client may remember it.",
      example: "86400",
    }),
  },
});

export const h2SecuritySchema = table({
  doc: "Limits of HTTP/2 connections against floods and stalls (RFC 9113, section 10.5). For `h1s`, and for `h1`, which serves HTTP/2 by prior knowledge.",
  fields: {
    max_pending_accept_reset_streams: integer({
      min: 1,
      max: MAX_U32,
      default: 100,
      doc: "Streams that a client may open and reset before they are served; then GOAWAY ENHANCE_YOUR_CALM. The defence against Rapid Reset.",
      example: "50",
    }),
    max_local_error_reset_streams: integer({
      min: 1,
      max: MAX_U32,
      default: 100,
      doc: "Streams that we had to reset because of a client's errors; then GOAWAY ENHANCE_YOUR_CALM.",
      example: "50",
    }),
    max_concurrent_streams: integer({
      min: 1,
      max: MAX_U32,
      default: 256,
      doc: "Streams that a client may have open at once (SETTINGS_MAX_CONCURRENT_STREAMS).",
      example: "128",
    }),
    max_header_list_size: integer({
      min: 1024,
      max: 16_777_216,
      default: 65_536,
      unit: "bytes",
      doc: "Size of a decoded field section, 32 bytes of overhead per field included (SETTINGS_MAX_HEADER_LIST_SIZE).",
      example: "32768",
    }),
    max_send_buf_size: integer({
      min: 1024,
      max: MAX_U32,
      default: 65_536,
      unit: "bytes",
      doc: "Bytes queued to a client per stream before the backend is held back.",
      example: "131072",
    }),
    keep_alive_interval_ms: duration({
      unit: "ms",
      min: 1,
      max: MAX_TIMER_MS,
      default: 30_000,
      doc: "Time between PINGs that check whether the client is there.",
      example: "15000",
    }),
    keep_alive_timeout_ms: duration({
      unit: "ms",
      min: 1,
      max: MAX_TIMER_MS,
      default: 30_000,
      doc: "Time in which a PING must be answered; then the connection ends.",
      example: "10000",
    }),
    initial_stream_window_size: integer({
      min: 1,
      max: 2_147_483_647,
      default: 65_535,
      unit: "bytes",
      doc: "Flow-control window of a stream (SETTINGS_INITIAL_WINDOW_SIZE).",
      example: "262144",
    }),
    initial_connection_window_size: integer({
      min: 65_535,
      max: 2_147_483_647,
      default: 1_048_576,
      unit: "bytes",
      doc: "Flow-control window of a connection.",
      example: "4194304",
    }),
  },
});
