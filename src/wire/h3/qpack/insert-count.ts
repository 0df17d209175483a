/**
 * The Required Insert Count as field sections carry it: modulo twice the entries that the table can hold
 * (RFC 9204 section 4.5.1.1).
 */
import { FIELD_OVERHEAD_BYTES } from "../../field-codec/field-limits.ts";

/** `maxTableBytes`: the decoder's SETTINGS_QPACK_MAX_TABLE_CAPACITY. */
export function encodeInsertCount(count: number, maxTableBytes: number): number {
  return count === 0 ? 0 : (count % fullRange(maxTableBytes)) + 1;
}

/** `inserted`: entries that the decoder has seen. -1: no encoder that keeps to the rules sends this. */
export function decodeInsertCount(encoded: number, inserted: number, maxTableBytes: number): number {
  if (encoded === 0) return 0;
  const range = fullRange(maxTableBytes);
  if (encoded > range) return -1;
  const highest = inserted + range / 2;
  const count = Math.floor(highest / range) * range + encoded - 1;
  if (count <= highest) return count === 0 ? -1 : count;
  return count <= range ? -1 : count - range;
}

function fullRange(maxTableBytes: number): number {
  return 2 * Math.floor(maxTableBytes / FIELD_OVERHEAD_BYTES);
}
