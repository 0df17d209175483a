/**
 * The rows of `global-families.ts` that tell of the protocols above TCP: TLS, HTTP/2, the abuse budgets of
 * HTTP/2 and HTTP/3, tunnels, gRPC. Feature rows A18.8, A11, A12.4.
 */
import { counter, gauge, type GlobalRow } from "./global-row.ts";

export const TLS_ROWS = {
  tls_handshakes_total: counter("TLS handshakes with clients that were completed, resumed ones included."),
  tls_resumptions_total: counter("TLS handshakes with clients that resumed a session."),
  tls_handshake_failures_total: counter(
    "TLS handshakes with clients that failed, those that ran out of time not included. The log names the reasons.",
  ),
  tls_handshake_timeouts_total: counter(
    "TLS handshakes with clients that were given up after runtime.handshake_timeout_ms.",
  ),
  tls_connection_failures_total: counter(
    "TLS connections with clients that ended out of order behind the handshake: a broken record, a renegotiation, too many KeyUpdates, no close_notify.",
  ),
  tls_misdirected_requests_total: counter(
    "Requests for another host than the one that the TLS handshake named; they got 421.",
  ),
  upstream_tls_handshakes_total: counter(
    "TLS handshakes with backends that were completed, resumed ones included.",
  ),
  upstream_tls_resumptions_total: counter("TLS handshakes with backends that resumed a session."),
  upstream_tls_handshake_failures_total: counter(
    "TLS handshakes with backends that failed: no common version, a certificate that is not good.",
  ),
} as const satisfies Record<string, GlobalRow>;

export const H2_ROWS = {
  h2_downstream_connections: gauge("HTTP/2 connections with clients that are open."),
  h2_upstream_connections: gauge("HTTP/2 connections with backends that are open."),
  h2_downstream_streams: gauge("HTTP/2 streams that clients have opened and that have not ended."),
  h2_upstream_streams: gauge("HTTP/2 streams to backends that have not ended."),
  h2_downstream_connections_total: counter("HTTP/2 connections that clients have opened."),
  h2_upstream_connections_total: counter("HTTP/2 connections to backends that were opened."),
  h2_goaway_received_total: counter("GOAWAY frames that backends have sent."),
  h2_goaway_sent_total: counter("GOAWAY frames that were sent to clients, whatever the reason."),
  h2_upstream_streams_refused_total: counter(
    "Streams that backends have not processed: reset with REFUSED_STREAM, or above the last of a GOAWAY.",
  ),
  h2_upstream_pings_unanswered_total: counter(
    "HTTP/2 connections to backends that were closed because a PING stayed unanswered.",
  ),
} as const satisfies Record<string, GlobalRow>;

export const ABUSE_ROWS = {
  security_rapid_reset_tripped_total: counter(
    "HTTP/2 and HTTP/3 connections that were ended because of too many reset streams, by either side (CVE-2023-44487).",
  ),
  security_continuation_flood_tripped_total: counter(
    "HTTP/2 connections that were ended because of too many CONTINUATION frames, or too many bytes in them (CVE-2024-27316).",
  ),
  security_hpack_bomb_tripped_total: counter(
    "HTTP/2 connections that were ended because a field section grew far beyond its compressed size.",
  ),
  security_settings_flood_tripped_total: counter(
    "HTTP/2 connections that were ended because of too many SETTINGS, and HTTP/3 connections because of too many other frames on their control stream, or too large SETTINGS.",
  ),
  security_ping_flood_tripped_total: counter("HTTP/2 connections that were ended because of too many PINGs."),
  security_zero_window_stall_total: counter(
    "HTTP/2 and HTTP/3 streams and connections that were ended because the peer kept its flow-control window closed.",
  ),
  security_empty_frames_tripped_total: counter(
    "HTTP/2 and HTTP/3 connections that were ended because of too many frames without content, or of unknown types; in HTTP/3 streams of unknown types, too.",
  ),
  security_priority_flood_tripped_total: counter(
    "HTTP/2 and HTTP/3 connections that were ended because of too many PRIORITY and PRIORITY_UPDATE frames.",
  ),
  security_window_update_dribble_tripped_total: counter(
    "HTTP/2 connections that were ended because of too many WINDOW_UPDATE frames for the data that they let through.",
  ),
  security_unread_control_frames_tripped_total: counter(
    "HTTP/2 connections that were ended because the peer asked for answers and did not read them.",
  ),
  security_closed_streams_tripped_total: counter(
    "HTTP/2 connections that were ended because of too many frames on streams that were over, and HTTP/3 connections because of too many resets of such streams.",
  ),
  security_header_list_tripped_total: counter(
    "HTTP/2 and HTTP/3 field sections that were refused because of their decoded size or number of fields.",
  ),
} as const satisfies Record<string, GlobalRow>;

export const TUNNEL_ROWS = {
  websocket_tunnels: gauge("WebSocket connections that are open."),
  websocket_tunnels_total: counter("WebSocket connections that were opened."),
  websocket_refused_total: counter("WebSocket handshakes that no backend agreed to."),
  websocket_closed_idle_total: counter(
    "WebSocket connections that were closed (1001) after websocket.idle_timeout_seconds without a frame.",
  ),
  websocket_closed_message_size_total: counter(
    "WebSocket connections that were closed (1009) because of a message above websocket.max_message_size_bytes.",
  ),
  websocket_closed_ping_rate_total: counter(
    "WebSocket connections that were closed (1008) because the client sent too many Pings.",
  ),
  websocket_closed_frame_timeout_total: counter(
    "WebSocket connections that were closed (1008) because a frame took longer than websocket.read_frame_timeout_seconds.",
  ),
  websocket_closed_protocol_error_total: counter(
    "WebSocket connections that were closed (1002) because one side broke the protocol.",
  ),
  websocket_closed_drain_total: counter(
    "WebSocket connections that were closed (1001) because the gateway stopped or the listener went away.",
  ),
  upgrade_tunnels: gauge("Tunnels of protocols other than WebSocket (routers.allow_upgrades) that are open."),
  upgrade_tunnels_total: counter("Tunnels of protocols other than WebSocket that were opened."),
} as const satisfies Record<string, GlobalRow>;

export const GRPC_ROWS = {
  grpc_requests_total: counter("gRPC calls, translated gRPC-Web ones included."),
  grpc_web_requests_total: counter("gRPC-Web calls that were translated to gRPC."),
  grpc_deadline_clamped_total: counter(
    "gRPC calls whose deadline was shortened to grpc.max_deadline_seconds.",
  ),
  grpc_deadline_exceeded_total: counter(
    "gRPC calls that the gateway ended because their deadline had passed.",
  ),
  grpc_health_answered_total: counter("Health checks that the gateway answered for itself."),
} as const satisfies Record<string, GlobalRow>;
