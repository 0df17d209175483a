/**
 * Integers with a prefix (RFC 7541 section 5.1; RFC 9204 section 4.1.1 uses the same): as many low bits
 * of the first octet as the representation leaves, then 7 bits an octet.
 */

/**
 * Octets behind the prefix: 28 bits, more than any length or index that a limit of ours lets through,
 * and no more than what `|` and `<<` can hold.
 */
export const MAX_MORE_OCTETS = 4;

/** Room that an integer needs at most, with its prefix. */
export const MAX_INTEGER_BYTES: number = 1 + MAX_MORE_OCTETS;

const MORE = 0x80;
const SEVEN_BITS = 0x7f;

export class IntegerReader {
  /** What the last `read` read. */
  value = 0;

  /**
   * Reads the integer at `start`, whose prefix is where `mask` has ones. Returns the offset behind it;
   * -1 when it does not end before `end`, or takes more than `MAX_MORE_OCTETS`.
   */
  read(bytes: Uint8Array, start: number, end: number, mask: number): number {
    const prefix = (bytes[start] as number) & mask;
    this.value = prefix;
    return prefix < mask ? start + 1 : this.#readMore(bytes, start + 1, end);
  }

  #readMore(bytes: Uint8Array, start: number, end: number): number {
    const limit = Math.min(end, start + MAX_MORE_OCTETS);
    let more = 0;
    let shift = 0;
    for (let pos = start; pos < limit; pos++, shift += 7) {
      const octet = bytes[pos] as number;
      more |= (octet & SEVEN_BITS) << shift;
      if (octet < MORE) {
        this.value += more;
        return pos + 1;
      }
    }
    return -1;
  }
}

/**
 * Writes `value`, of 0 to 2^28 - 1, with a prefix where `mask` has ones; `flags` are the octet's other
 * bits. Returns the offset behind it.
 */
export function writeInteger(
  target: Uint8Array,
  offset: number,
  value: number,
  mask: number,
  flags: number,
): number {
  if (value < mask) {
    target[offset] = flags | value;
    return offset + 1;
  }
  let to = offset;
  target[to++] = flags | mask;
  let rest = value - mask;
  for (; rest >= MORE; rest >>>= 7) target[to++] = MORE | (rest & SEVEN_BITS);
  target[to++] = rest;
  return to;
}
