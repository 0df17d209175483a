/**
 * What the QUIC endpoints of a worker count: feature rows A18.7 and A20.14. The data plane maps each name
 * to a slot of its stripe; a test maps it to a field of an object.
 */

export const QUIC_COUNTERS = [
  "quic_datagrams_received_total",
  "quic_octets_received_total",
  "quic_datagrams_sent_total",
  "quic_octets_sent_total",
  /** Handshakes that a client began and that were let in. */
  "quic_handshakes_started_total",
  "quic_handshakes_failed_total",
  "quic_connections_total",
  /** Not let in: a cap was reached, the listener drains, or no certificate fits. */
  "quic_connections_refused_total",
  /** Datagrams that belong to nothing and open nothing. */
  "quic_packets_dropped_total",
  "quic_initials_too_small_total",
  /** ClientHellos that were not to be read, or not in time. */
  "quic_client_hello_rejected_total",
  /** First flights with early data that came again: feature row A10.8. */
  "quic_replays_dropped_total",
  "quic_version_negotiations_sent_total",
  "quic_retries_sent_total",
  "quic_retry_tokens_accepted_total",
  "quic_retry_tokens_rejected_total",
  "quic_stateless_resets_sent_total",
  /** Replies to packets without a connection that the rate of them forbade. */
  "quic_replies_withheld_total",
  "quic_packets_handed_over_total",
  "quic_packets_taken_over_total",
  "quic_hand_overs_rejected_total",
  "quic_migrations_total",
  "quic_migrations_refused_total",
  /** Connections closed because what came was more than what it brought about. */
  "quic_budget_exceeded_total",
  "quic_unreachable_total",
] as const;

export type QuicCounter = (typeof QUIC_COUNTERS)[number];

export interface QuicCounters {
  add(counter: QuicCounter, amount: number): void;
}
