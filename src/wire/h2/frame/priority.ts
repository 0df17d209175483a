/**
 * PRIORITY, RFC 9113 section 6.3. The scheme that it belongs to is deprecated: the frame is checked,
 * and otherwise ignored, at a cost that does not depend on anything.
 */
import { readUint32 } from "./integers.ts";

/** The payload has this length, no other. */
export const PRIORITY_FRAME_BYTES = 5;

/** The stream depended on, from five octets of a PRIORITY or HEADERS frame; the exclusive flag is ignored. */
export function readDependency(bytes: Uint8Array, start: number): number {
  return readUint32(bytes, start) & 0x7fff_ffff;
}
