/** Small writers that need no call into the runtime; used by the HTTP/1 encoders. */

const ZERO = 0x30;
const LOWER_A = 0x61;

/** Copies a short constant; returns the offset behind it. */
export function writeBytes(target: Uint8Array, offset: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) target[offset + i] = bytes[i] as number;
  return offset + bytes.length;
}

/** Writes a whole number of 0 to 2^53 - 1 in decimal; returns the offset behind it. */
export function writeDecimal(target: Uint8Array, offset: number, value: number): number {
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
