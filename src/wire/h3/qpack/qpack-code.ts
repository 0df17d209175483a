/** What decoding a field section comes to, and the error codes that QPACK has (RFC 9204 section 6). */

/** How `QpackDecoder.decode` ends. */
export const QpackOutcome = {
  /** The sink has every field. */
  complete: 0,
  /** The section is over a limit: the sink has its beginning. Refuse the message; the connection goes on. */
  tooLarge: 1,
  /**
   * Entries that the section refers to have not come yet. Nothing was given to the sink: keep the section,
   * and decode it again when `nextUnblocked` names its stream.
   */
  blocked: 2,
  /** The decoder has failed: end the connection with its `code`; `reason` says why. */
  error: 3,
} as const;
export type QpackOutcome = (typeof QpackOutcome)[keyof typeof QpackOutcome];

/** Codes of connection errors (RFC 9204 section 6, RFC 9114 section 8.1). */
export const QpackCode = {
  /** Nothing has failed. */
  none: 0,
  /** H3_EXCESSIVE_LOAD: what we have to send cannot be sent, as the peer does not read it. */
  excessiveLoad: 0x107,
  decompressionFailed: 0x200,
  encoderStreamError: 0x201,
  decoderStreamError: 0x202,
} as const;
export type QpackCode = (typeof QpackCode)[keyof typeof QpackCode];
