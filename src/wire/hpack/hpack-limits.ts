/** Limits of the header compression of one connection. */

/** The table that both sides have until SETTINGS say otherwise (RFC 9113 section 6.5.2), in octets of RFC 7541 section 4.1. */
export const DEFAULT_TABLE_BYTES = 4096;

/**
 * A list that is larger than its limit is decoded to its end, so that the connection can go on. One that
 * is so many times larger is an attack (one octet can stand for 4 KiB): it ends the connection.
 */
export const LIST_ABORT_FACTOR = 4;

export interface HpackDecoderLimits {
  /** Our SETTINGS_MAX_HEADER_LIST_SIZE: names, values, and 32 for each field. */
  readonly maxListBytes: number;
  /** Fields of a list, each crumb of a cookie and each pseudo-header field included. */
  readonly maxFields: number;
}
