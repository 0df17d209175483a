/** What bounds an HTTP/2 connection: what an operator sets, and constants with their reasons. */

/** Feature row A20.10; an adapter fills it from its plan. */
export interface H2Limits {
  /** Streams that the peer may have open at the same time (a server announces it; a client opens at most so many). */
  readonly maxConcurrentStreams: number;
  /** Names and values of a field section, and 32 octets for each field (RFC 9113 section 6.5.2). */
  readonly maxHeaderListBytes: number;
  /** Fields of a section, each cookie crumb counted. */
  readonly maxFields: number;
  /** What one stream keeps of a body that its receiver does not take; see `H2Connection.sendData`. */
  readonly maxSendBufferBytes: number;
  /** Body octets of one stream that we take without having passed them on. */
  readonly streamWindowBytes: number;
  /** The same over all streams of the connection; not below 65,535. */
  readonly connectionWindowBytes: number;
  /** Streams that the peer may reset in a burst, and in 10 s; see `abuse-budget.ts`. */
  readonly maxPeerResets: number;
  /** Streams that we must reset for the peer's mistakes, in the same terms. */
  readonly maxErrorResets: number;
  /** A server announces and takes extended CONNECT (RFC 8441); of no meaning in a client. */
  readonly connectProtocol: boolean;
  /** Field names with an underscore: 400, leave the field out, or pass. */
  readonly underscores: "reject" | "drop" | "allow";
}

/** The configuration's defaults, for whoever has no configuration. */
export const DEFAULT_H2_LIMITS: H2Limits = {
  maxConcurrentStreams: 256,
  maxHeaderListBytes: 65_536,
  maxFields: 256,
  maxSendBufferBytes: 65_536,
  streamWindowBytes: 65_535,
  connectionWindowBytes: 1_048_576,
  maxPeerResets: 100,
  maxErrorResets: 100,
  connectProtocol: false,
  underscores: "allow",
};

/** The highest stream identifier, RFC 9113 section 5.1.1. */
export const MAX_STREAM_ID = 0x7fff_ffff;
