/** The first bits of each representation of a field (RFC 7541 section 6), and the masks of the integers behind them. */
export const INDEXED = 0x80;
export const INDEXED_MASK = 0x7f;
export const INCREMENTAL = 0x40;
export const INCREMENTAL_MASK = 0x3f;
export const SIZE_UPDATE = 0x20;
export const SIZE_UPDATE_MASK = 0x1f;
export const NEVER_INDEXED = 0x10;
export const LITERAL_MASK = 0x0f;
export const STRING_MASK = 0x7f;
