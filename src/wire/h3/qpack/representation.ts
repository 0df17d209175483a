/** The prefix of a field section and the representations of its lines: first bits, and the masks of the integers behind them (RFC 9204 section 4.5). */

/** Required Insert Count, then the sign and the difference of Base. */
export const COUNT_MASK = 0xff;
export const BASE_SIGN = 0x80;
export const BASE_MASK = 0x7f;

/** Indexed field line. */
export const INDEXED = 0x80;
export const INDEXED_STATIC = 0x40;
export const INDEXED_MASK = 0x3f;

/** Literal field line with a name of a table. */
export const NAMED = 0x40;
export const NAMED_NEVER = 0x20;
export const NAMED_STATIC = 0x10;
export const NAMED_MASK = 0x0f;

/** Literal field line with a literal name. */
export const LITERAL = 0x20;
export const LITERAL_NEVER = 0x10;
export const LITERAL_MASK = 0x07;

/** Indexed field line, and literal field line with a name (which has no first bit), by an index behind Base. */
export const POST_BASE = 0x10;
export const POST_BASE_MASK = 0x0f;
export const POST_BASE_NAMED_NEVER = 0x08;
export const POST_BASE_NAMED_MASK = 0x07;

/** Every value. */
export const VALUE_MASK = 0x7f;
