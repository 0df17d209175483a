/**
 * Integers with a prefix that may be larger than `integer.ts` takes: the stream identifiers on the decoder
 * stream (RFC 9204 section 4.4), up to 2^53 - 1. The reader takes them cut anywhere.
 */
const MORE = 0x80;

/** Room that one needs at most, with its prefix. */
export const MAX_LONG_INTEGER_BYTES = 10;

/** Above it the sum could be wrong, and there is no such stream. */
const MAX_FACTOR = 2 ** 49;

export class LongIntegerReader {
  value = 0;
  /** The value is too large. */
  failed = false;
  /** What the next octet counts; 0: the integer is complete. */
  #factor = 0;

  get complete(): boolean {
    return this.#factor === 0;
  }

  /** The octet with the prefix, which is where `mask` has ones. */
  begin(octet: number, mask: number): void {
    this.value = octet & mask;
    this.#factor = this.value === mask ? 1 : 0;
  }

  /** The next octet of one that is not complete. */
  add(octet: number): void {
    this.value += (octet % MORE) * this.#factor;
    if (!Number.isSafeInteger(this.value)) this.failed = true;
    if (octet < MORE) this.#factor = 0;
    else if (this.#factor === MAX_FACTOR) this.failed = true;
    else this.#factor *= MORE;
  }
}

/** As `writeInteger`, for up to 2^53 - 1. */
export function writeLongInteger(
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
  for (; rest >= MORE; rest = Math.floor(rest / MORE)) target[to++] = MORE | (rest % MORE);
  target[to++] = rest;
  return to;
}
