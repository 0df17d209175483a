/** The error codes of the transport that we send ourselves (RFC 9000 section 20.1); the engine has the rest. */
export const TransportError = {
  none: 0x0,
  internal: 0x1,
  connectionRefused: 0x2,
  protocolViolation: 0xa,
  invalidToken: 0xb,
  cryptoBufferExceeded: 0xd,
} as const;

/** The reason with which a connection closes whose handshake has taken too long. */
export const HANDSHAKE_TIMEOUT = "handshake timeout";
