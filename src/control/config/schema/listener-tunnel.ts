/** `[listeners.websocket]` and `[listeners.grpc]`. Feature rows A12.1 to A12.4, A11.2, A11.3, B20. */
import { boolean, duration, integer, table } from "../define.ts";
import { MAX_BYTES, MAX_TIMER_S, MAX_U32 } from "./bounds.ts";

export const websocketSchema = table({
  doc: "WebSocket (RFC 6455) on this listener: the backend shakes hands first, then the client. For `h1`, `h1s` and `quic`.",
  fields: {
    enabled: boolean({
      default: true,
      doc: "Whether upgrades to WebSocket are passed on to the backend.",
      example: "true",
    }),
    idle_timeout_seconds: duration({
      unit: "s",
      min: 1,
      max: MAX_TIMER_S,
      default: 60,
      doc: "Time without a frame in either direction; then Close 1001 to both sides.",
      example: "300",
    }),
    max_message_size_bytes: integer({
      min: 1,
      max: MAX_BYTES,
      default: 16_777_216,
      unit: "bytes",
      doc: "Size of one message, all its frames together; then Close 1009.",
      example: "1048576",
    }),
    ping_rate_limit_per_window: integer({
      min: 1,
      max: MAX_U32,
      default: 50,
      doc: "Pings that a client may send in a window; then Close 1008.",
      example: "20",
    }),
    ping_rate_limit_window_seconds: duration({
      unit: "s",
      min: 1,
      max: MAX_TIMER_S,
      default: 10,
      doc: "Length of that window.",
      example: "5",
    }),
    read_frame_timeout_seconds: duration({
      unit: "s",
      min: 1,
      max: MAX_TIMER_S,
      default: 30,
      doc: "Time in which a frame that has begun must be complete, in each direction, its forwarding included; then Close 1008.",
      example: "10",
    }),
    h2_extended_connect: boolean({
      default: true,
      doc: "WebSocket over HTTP/2 (RFC 8441).",
      example: "false",
    }),
    h3_extended_connect: boolean({
      default: false,
      doc: "WebSocket over HTTP/3 (RFC 9220).",
      example: "true",
    }),
  },
});

export const grpcSchema = table({
  doc: "gRPC on this listener. For `h1s` and `quic`, and for `h1`, where it needs HTTP/2 by prior knowledge.",
  fields: {
    enabled: boolean({ default: true, doc: "Whether gRPC has its own handling.", example: "true" }),
    max_deadline_seconds: duration({
      unit: "s",
      min: 1,
      max: MAX_TIMER_S,
      default: 300,
      doc: "Longest `grpc-timeout` that is passed on; a longer one is shortened to this.",
      example: "60",
    }),
    web: boolean({
      default: true,
      doc: "Whether gRPC-Web, binary and text, is translated to gRPC. It works over HTTP/1.1 too.",
      example: "false",
    }),
    health_synthesized: boolean({
      default: true,
      doc: "Whether the gateway answers `/grpc.health.v1.Health/Check` for itself.",
      example: "false",
    }),
  },
});
