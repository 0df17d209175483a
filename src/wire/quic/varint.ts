/**
 * Variable-length integers (RFC 9000 section 16): the two highest bits of the first octet tell the length,
 * 1, 2, 4 or 8 octets. The values go to 2^62 - 1; ours to 2^53 - 1, as far as a number is exact, and what
 * is above is reported. Packet headers, frames of Initial packets and HTTP/3 are read with it. Allocates
 * nothing.
 */

/** Largest value that is read as itself, and that can be written. */
export const MAX_VARINT: number = Number.MAX_SAFE_INTEGER;

/** Octets that an integer takes at most. */
export const MAX_VARINT_BYTES = 8;

/** Read: the integer is well-formed and above `MAX_VARINT`. */
export const VARINT_TOO_LARGE = -1;
/** Read: it does not end where the octets end. */
export const VARINT_INCOMPLETE = -2;

const MAX_1 = 0x3f;
const MAX_2 = 0x3fff;
const MAX_4 = 0x3fff_ffff;
const WORD = 0x1_0000_0000;
/** Of 2^53 - 1, above its low 32 bits. */
const MAX_HIGH_WORD = 0x1f_ffff;

/** Octets of the integer that begins with this octet. */
export function varintLength(firstOctet: number): 1 | 2 | 4 | 8 {
  return (1 << (firstOctet >> 6)) as 1 | 2 | 4 | 8;
}

/**
 * The integer at `offset`, all of whose octets (`varintLength`) are there; `VARINT_TOO_LARGE` when it is
 * above `MAX_VARINT`. Longer forms than needed are allowed (RFC 9000 section 16).
 */
export function readVarint(bytes: Uint8Array, offset: number): number {
  const first = bytes[offset] as number;
  if (first < 0x40) return first;
  if (first < 0x80) return ((first & MAX_1) << 8) | (bytes[offset + 1] as number);
  const high = ((first & MAX_1) << 24) | threeOctets(bytes, offset + 1);
  if (first < 0xc0) return high;
  if (high > MAX_HIGH_WORD) return VARINT_TOO_LARGE;
  return high * WORD + (bytes[offset + 4] as number) * 0x100_0000 + threeOctets(bytes, offset + 5);
}

/** As `readVarint`, when the octets may end before the integer does: `VARINT_INCOMPLETE` then. */
export function readVarintBefore(bytes: Uint8Array, offset: number, end: number): number {
  if (offset >= end || offset + varintLength(bytes[offset] as number) > end) return VARINT_INCOMPLETE;
  return readVarint(bytes, offset);
}

/** Octets of the shortest form of a value of 0 to `MAX_VARINT`. */
export function varintSize(value: number): 1 | 2 | 4 | 8 {
  if (value <= MAX_1) return 1;
  if (value <= MAX_2) return 2;
  return value <= MAX_4 ? 4 : 8;
}

/** Writes the shortest form of a value of 0 to `MAX_VARINT`. Returns the offset behind it. */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  if (value <= MAX_1) {
    target[offset] = value;
    return offset + 1;
  }
  if (value <= MAX_2) {
    target[offset] = 0x40 | (value >>> 8);
    target[offset + 1] = value;
    return offset + 2;
  }
  if (value <= MAX_4) {
    writeWord(target, offset, (0x8000_0000 | value) >>> 0);
    return offset + 4;
  }
  writeWord(target, offset, (0xc000_0000 | Math.floor(value / WORD)) >>> 0);
  writeWord(target, offset + 4, value >>> 0);
  return offset + 8;
}

function threeOctets(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] as number) << 16) | ((bytes[offset + 1] as number) << 8) | (bytes[offset + 2] as number)
  );
}

function writeWord(target: Uint8Array, offset: number, word: number): void {
  target[offset] = word >>> 24;
  target[offset + 1] = word >>> 16;
  target[offset + 2] = word >>> 8;
  target[offset + 3] = word;
}
