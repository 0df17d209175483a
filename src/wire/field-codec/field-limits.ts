/** Limits and sizes that HPACK and QPACK have in common. */

/**
 * What a field counts beyond its name and value, in tables and in lists (RFC 7541 section 4.1, RFC 9113
 * section 6.5.2; RFC 9204 section 3.2.1, RFC 9114 section 4.2.2).
 */
export const FIELD_OVERHEAD_BYTES = 32;

/** A table that we encode with is at most so large: what repeats between two messages fits into it. */
export const MAX_OWN_TABLE_BYTES = 4096;
