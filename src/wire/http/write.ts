/** Small writers that make no objects; used by the HTTP/1 encoders and the access log. */

const ZERO = 0x30;
const LOWER_A = 0x61;

/** Up to so many octets a loop is cheaper than the call that copies any number at once. */
const LOOP_BYTES = 24;

/** As `LOOP_BYTES`, for a part of a buffer, whose copy costs twice as much. */
const LOOP_SPAN_BYTES = 24;

/** Whole numbers below this are divided as integers. */
const SMALL_NUMBER = 1_000_000_000;

/** Copies a constant; returns the offset behind it. */
export function writeBytes(target: Uint8Array, offset: number, bytes: Uint8Array): number {
  const { length } = bytes;
  if (length > LOOP_BYTES) target.set(bytes, offset);
  else for (let i = 0; i < length; i++) target[offset + i] = bytes[i] as number;
  return offset + length;
}

/** Copies `source[start, end)`, which is in another buffer; returns the offset behind it. */
export function writeSpan(
  target: Uint8Array,
  offset: number,
  source: Buffer,
  start: number,
  end: number,
): number {
  const length = end - start;
  if (length > LOOP_SPAN_BYTES) source.copy(target, offset, start, end);
  else for (let i = 0; i < length; i++) target[offset + i] = source[start + i] as number;
  return offset + length;
}

/** Writes a whole number of 0 to 2^53 - 1 in decimal; returns the offset behind it. */
export function writeDecimal(target: Uint8Array, offset: number, value: number): number {
  if (value >= SMALL_NUMBER) return writeLargeDecimal(target, offset, value);
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  let rest = value | 0;
  for (let at = offset + digits - 1; at >= offset; at--) {
    const tenth = (rest / 10) | 0;
    target[at] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
  return offset + digits;
}

function writeLargeDecimal(target: Uint8Array, offset: number, value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  let rest = value;
  for (let at = offset + digits - 1; at >= offset; at--) {
    const digit = rest % 10;
    target[at] = ZERO + digit;
    rest = (rest - digit) / 10;
  }
  return offset + digits;
}

/** Writes a whole number of 0 to 2^53 - 1 in hexadecimal; returns the offset behind it. */
export function writeHex(target: Uint8Array, offset: number, value: number): number {
  let digits = 1;
  for (let limit = 16; value >= limit; limit *= 16) digits++;
  let rest = value;
  for (let at = offset + digits - 1; at >= offset; at--) {
    const digit = rest % 16;
    target[at] = digit < 10 ? ZERO + digit : LOWER_A - 10 + digit;
    rest = (rest - digit) / 16;
  }
  return offset + digits;
}
