/** Octets hashed and compared four at a time, for the encoder's table. */

const WORD_BYTES = 4;

/** An odd number near 2^32 divided by the golden ratio: its products spread over all bits. */
const MULTIPLIER = 0x9e3779b1;

/** A hash of `view[start, end)`, of 32 bits. Not keyed: whoever looks things up by it bounds its own work. */
export function hashOctets(view: DataView, start: number, end: number, seed: number): number {
  let hash = seed ^ (end - start);
  let at = start;
  for (; at + WORD_BYTES <= end; at += WORD_BYTES) hash = mix(hash, view.getInt32(at, true));
  for (; at < end; at++) hash = mix(hash, view.getUint8(at));
  return hash ^ (hash >>> 16);
}

function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, MULTIPLIER);
  return (product << 15) | (product >>> 17);
}

/** Whether two memories hold the same `length` octets. */
export function equalOctets(
  one: DataView,
  oneStart: number,
  other: DataView,
  otherStart: number,
  length: number,
): boolean {
  let i = 0;
  for (; i + WORD_BYTES <= length; i += WORD_BYTES)
    if (one.getInt32(oneStart + i, true) !== other.getInt32(otherStart + i, true)) return false;
  for (; i < length; i++) if (one.getUint8(oneStart + i) !== other.getUint8(otherStart + i)) return false;
  return true;
}
