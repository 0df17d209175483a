/**
 * The header of a frame, RFC 6455 section 5.2:
 *
 *   FIN, RSV1-3, opcode | MASK, length 7 | length 16 or 64, if 126 or 127 | masking key, if MASK
 */

export const MASK_BIT = 0x80;
export const MASK_BYTES = 4;
/** Control frames carry no more, and are never fragmented (RFC 6455 section 5.5). */
export const MAX_CONTROL_BYTES = 125;
/** Two octets, a length of eight, a masking key. */
export const MAX_HEADER_BYTES = 14;

const LENGTH_MASK = 0x7f;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const HIGH_WORD = 0x1_0000_0000;

/** Octets of the header whose second octet this is. */
export function headerLength(second: number): number {
  const length = second & LENGTH_MASK;
  const extended = length === LENGTH_16 ? 2 : length === LENGTH_64 ? 8 : 0;
  return 2 + extended + ((second & MASK_BIT) === 0 ? 0 : MASK_BYTES);
}

/** The 7-bit length, which is the payload's up to `MAX_CONTROL_BYTES`. */
export function shortLength(second: number): number {
  return second & LENGTH_MASK;
}

/**
 * Octets of the payload that a whole header at `start` announces. Above 2^53 it is not exact, and above
 * 2^63 not allowed: `Infinity` then, as no limit is that high.
 */
export function payloadLength(bytes: Buffer, start: number): number {
  const short = (bytes[start + 1] as number) & LENGTH_MASK;
  if (short === LENGTH_16) return bytes.readUInt16BE(start + 2);
  if (short !== LENGTH_64) return short;
  const high = bytes.readUInt32BE(start + 2);
  return high > 0x7fff_ffff ? Infinity : high * HIGH_WORD + bytes.readUInt32BE(start + 6);
}
