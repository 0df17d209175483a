/** Small writers that need no call into the runtime; used by the HTTP/1 encoders. */

const ZERO = 0x30;

/** Copies a short constant; returns the offset behind it. */
export function writeBytes(target: Uint8Array, offset: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) target[offset + i] = bytes[i] as number;
  return offset + bytes.length;
}

/** Writes a whole number of 0 to 2^53 - 1 in decimal; returns the offset behind it. */
export function writeDecimal(target: Uint8Array, offset: number, value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest /= 10) digits++;
  let rest = value;
  for (let at = offset + digits - 1; at >= offset; at--) {
    const quotient = Math.floor(rest / 10);
    target[at] = ZERO + rest - quotient * 10;
    rest = quotient;
  }
  return offset + digits;
}

/** Writes a whole number of 0 to 2^53 - 1 in hexadecimal; returns the offset behind it. */
export function writeHex(target: Uint8Array, offset: number, value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 16; rest /= 16) digits++;
  let rest = value;
  for (let at = offset + digits - 1; at >= offset; at--) {
    const quotient = Math.floor(rest / 16);
    const digit = rest - quotient * 16;
    target[at] = digit < 10 ? ZERO + digit : 0x57 + digit;
    rest = quotient;
  }
  return offset + digits;
}
