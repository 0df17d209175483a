/** What bounds an HTTP/3 connection: what an operator sets, and constants with their reasons. */

/** Feature rows A8.4, A10.2 and A20.5 to A20.10; an adapter fills it from its plan. */
export interface H3Limits {
  /**
   * Requests that may be open at the same time. The transport's limit of streams is to be the same or lower:
   * a client that goes over this one has its streams rejected.
   */
  readonly maxConcurrentStreams: number;
  /**
   * Names and values of a field section, and 32 octets for each field (RFC 9114 section 4.2.2), of heads and
   * trailers alike; encoded it may not have more octets either.
   */
  readonly maxFieldSectionBytes: number;
  /** Fields of a section, each cookie crumb counted. */
  readonly maxFields: number;
  /** What one stream keeps that QUIC does not take; see `H3Connection.sendData`. */
  readonly maxSendBufferBytes: number;
  /**
   * What the owner may have of one stream without having passed it on; above, QUIC keeps what follows. A read
   * that is under way then is delivered whole. See `H3Connection.consumed`.
   */
  readonly maxUnconsumedBytes: number;
  /** Streams that the peer may reset in a burst, and in 10 s; see `abuse-budget.ts`. */
  readonly maxPeerResets: number;
  /** Streams that we must reset for the peer's mistakes, in the same terms. */
  readonly maxErrorResets: number;
  /** Our SETTINGS_QPACK_MAX_TABLE_CAPACITY; 0: the peer compresses without a dynamic table. */
  readonly qpackTableBytes: number;
  /** Our SETTINGS_QPACK_BLOCKED_STREAMS. Each may hold one section, and one read of what follows it. */
  readonly qpackBlockedStreams: number;
  /** The dynamic table that we compress with, if the peer allows one; 0: none. */
  readonly qpackEncoderTableBytes: number;
  /** A server announces extended CONNECT (RFC 9220); where it does not, its owner refuses what comes. Of no meaning in a client. */
  readonly connectProtocol: boolean;
  /** Announces HTTP datagrams (RFC 9297), which the transport must then be able to carry. */
  readonly datagrams: boolean;
  /** Field names with an underscore: 400, leave the field out, or pass. */
  readonly underscores: "reject" | "drop" | "allow";
}

/** The configuration's defaults, for whoever has no configuration. */
export const DEFAULT_H3_LIMITS: H3Limits = {
  maxConcurrentStreams: 256,
  maxFieldSectionBytes: 1_048_576,
  maxFields: 256,
  maxSendBufferBytes: 65_536,
  maxUnconsumedBytes: 32_768,
  maxPeerResets: 100,
  maxErrorResets: 100,
  qpackTableBytes: 0,
  qpackBlockedStreams: 0,
  qpackEncoderTableBytes: 0,
  connectProtocol: false,
  datagrams: false,
  underscores: "allow",
};

/**
 * The identifier of the first GOAWAY of two: no request will ever have it. 2^62 - 4 is the largest there is
 * (RFC 9114 section 5.2), this the largest that a number holds.
 */
export const MAX_STREAM_ID: number = 2 ** 53 - 4;

/** SETTINGS that are longer end the connection: 14 settings are registered, none of more than 16 octets. */
export const MAX_SETTINGS_BYTES = 4096;

/** A value of PRIORITY_UPDATE that is longer is passed over; `u=3, i` is what there is to say. */
export const MAX_PRIORITY_VALUE_BYTES = 256;

/** Streams of the peer whose type has not come yet; one that sends its type in two packets is already rare. */
export const MAX_UNTYPED_STREAMS = 16;
