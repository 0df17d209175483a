/**
 * What relays of raw QUIC count: feature row A18.7. The data plane maps each name to a slot of its stripe; a
 * test maps it to a field of an object.
 */

export const QUIC_RELAY_COUNTERS = [
  /** Open now. */
  "quic_modeb_connections",
  "quic_modeb_connections_total",
  /** Relayed now, both kinds, opened by either side. */
  "quic_modeb_streams_active",
  "quic_modeb_streams_total",
  /** Beyond `max_relay_streams`, or of those that wait for the other side and bring too much. */
  "quic_modeb_streams_refused_total",
  /** The queue of the other side was full, or what it takes is shorter. */
  "quic_modeb_datagrams_dropped_total",
  /** Closed for others to take their places, as one end was worn. */
  "quic_modeb_connections_worn_total",
  /** Octets of streams and datagrams. */
  "bytes_client_to_backend",
  "bytes_backend_to_client",
] as const;

export type QuicRelayCounter = (typeof QUIC_RELAY_COUNTERS)[number];

export interface QuicRelayCounters {
  add(counter: QuicRelayCounter, amount: number): void;
}

/** What both ends of one relay share. */
export interface QuicRelayShared {
  readonly counters: QuicRelayCounters;
  /** `max_relay_streams`: of both kinds, opened by either side. */
  readonly maxStreams: number;
  /** Relayed now. */
  streams: number;
  /** The relay is about to end: none is taken any more. */
  leaving: boolean;
}
