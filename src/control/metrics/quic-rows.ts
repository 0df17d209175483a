/**
 * The rows of `global-families.ts` that tell of QUIC, of its relays and of HTTP/3, with clients and backends.
 * Feature rows A18.7 and A20.14.
 */
import { counter, gauge, type GlobalRow } from "./global-row.ts";

export const QUIC_ROWS = {
  quic_datagrams_received_total: counter("UDP datagrams that were received for QUIC."),
  quic_octets_received_total: counter("Bytes in them."),
  quic_datagrams_sent_total: counter("UDP datagrams that were sent for QUIC."),
  quic_octets_sent_total: counter("Bytes in them."),
  quic_handshakes_started_total: counter("QUIC handshakes that clients began and that were let in."),
  quic_handshakes_failed_total: counter(
    "QUIC handshakes that failed or took longer than runtime.handshake_timeout_ms.",
  ),
  quic_connections_total: counter("QUIC connections with clients that were established."),
  quic_connections_refused_total: counter(
    "QUIC clients that were turned away: a cap was reached, the listener drained, or no certificate fitted.",
  ),
  quic_packets_dropped_total: counter(
    "Datagrams that belonged to no connection and opened none, and those that could not be passed on to another worker.",
  ),
  quic_initials_too_small_total: counter(
    "First datagrams of clients below 1200 bytes, which are dropped (RFC 9000 section 14.1).",
  ),
  quic_client_hello_rejected_total: counter(
    "ClientHellos over QUIC that could not be read, or were not complete in time.",
  ),
  quic_replays_dropped_total: counter("First flights with early data that had come before."),
  quic_version_negotiations_sent_total: counter("Version Negotiation packets that were sent."),
  quic_retries_sent_total: counter("Retry packets that were sent."),
  quic_retry_tokens_accepted_total: counter("Retry tokens that proved a client's address."),
  quic_retry_tokens_rejected_total: counter(
    "Retry tokens that proved nothing: expired, for another address, or signed by nobody.",
  ),
  quic_stateless_resets_sent_total: counter("Stateless resets that were sent (RFC 9000 section 10.3)."),
  quic_replies_withheld_total: counter(
    "Replies to packets without a connection that were not sent, because there had been too many.",
  ),
  quic_packets_handed_over_total: counter(
    "Packets that a worker passed on to the one that they belonged to.",
  ),
  quic_packets_taken_over_total: counter("Packets that workers got in this way."),
  quic_hand_overs_rejected_total: counter(
    "Packets that came where workers pass them on, and were not from a worker or for a listener that is open.",
  ),
  quic_migrations_total: counter("QUIC connections that went on from another address of the client."),
  quic_migrations_refused_total: counter(
    "Packets from another address of the client than that of their QUIC connection, which were dropped, as listeners.quic.active_migration is off.",
  ),
  quic_budget_exceeded_total: counter(
    "QUIC connections that were ended because the peer sent far more than what came of it.",
  ),
  quic_unreachable_total: counter("Errors of the network that called a peer of QUIC unreachable."),
} as const satisfies Record<string, GlobalRow>;

export const QUIC_RELAY_ROWS = {
  quic_modeb_connections: gauge("Relayed QUIC connections (listeners.quic.raw_proxy) that are open."),
  quic_modeb_connections_total: counter("QUIC connections of clients that were taken up to be relayed."),
  quic_modeb_streams_active: gauge("Streams of relayed QUIC connections that are open."),
  quic_modeb_streams_total: counter("Streams of relayed QUIC connections that were opened."),
  quic_modeb_streams_refused_total: counter(
    "Streams that were reset instead of relayed: beyond listeners.quic.raw_proxy.max_relay_streams, or with too much to say while the other side let no more open.",
  ),
  quic_modeb_datagrams_dropped_total: counter(
    "Datagrams of relayed QUIC connections that were dropped: the queue of listeners.quic.raw_proxy.dgram_queue_cap was full, or the other side takes only shorter ones.",
  ),
  quic_modeb_connections_worn_total: counter(
    "Relayed QUIC connections that were closed for their clients to open others, as streams that ended early had used them up.",
  ),
} as const satisfies Record<string, GlobalRow>;

export const H3_ROWS = {
  h3_downstream_connections: gauge("HTTP/3 connections with clients that are open."),
  h3_upstream_connections: gauge("HTTP/3 connections with backends that are open."),
  h3_downstream_streams: gauge("HTTP/3 requests of clients that have not ended."),
  h3_upstream_streams: gauge("HTTP/3 requests to backends that have not ended."),
  h3_downstream_connections_total: counter("HTTP/3 connections that clients have opened."),
  h3_upstream_connections_total: counter("HTTP/3 connections to backends that were opened."),
  h3_goaway_received_total: counter("GOAWAY frames that backends have sent over HTTP/3."),
  h3_goaway_sent_total: counter("GOAWAY frames that were sent to clients over HTTP/3, whatever the reason."),
  h3_connections_recycled_total: counter(
    "HTTP/3 connections with clients that were ended after runtime.max_requests_per_h3_connection.",
  ),
  h3_upstream_streams_refused_total: counter(
    "Requests that backends have not processed: reset with H3_REQUEST_REJECTED, or at and above the identifier of a GOAWAY.",
  ),
  h3_early_data_requests_total: counter("Requests that came in early data (0-RTT)."),
  h3_early_data_refused_total: counter(
    "Requests in early data that were answered 425, to be sent again after the handshake.",
  ),
} as const satisfies Record<string, GlobalRow>;
