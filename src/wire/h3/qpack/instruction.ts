/** Instructions: first bits, and the masks of the integers behind them (RFC 9204 sections 4.3 and 4.4). */

/** Encoder stream: insert with a name of a table. */
export const INSERT_NAMED = 0x80;
export const INSERT_NAMED_STATIC = 0x40;
export const INSERT_NAMED_MASK = 0x3f;

/** Insert with a literal name. */
export const INSERT_LITERAL = 0x40;
export const INSERT_LITERAL_MASK = 0x1f;

export const SET_CAPACITY = 0x20;
export const SET_CAPACITY_MASK = 0x1f;

/** Duplicate has no first bit. */
export const DUPLICATE_MASK = 0x1f;

/** Decoder stream. */
export const SECTION_ACKNOWLEDGMENT = 0x80;
export const SECTION_ACKNOWLEDGMENT_MASK = 0x7f;
export const STREAM_CANCELLATION = 0x40;
export const STREAM_CANCELLATION_MASK = 0x3f;
/** Insert Count Increment has no first bit. */
export const INCREMENT_MASK = 0x3f;
