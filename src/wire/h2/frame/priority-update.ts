/** PRIORITY_UPDATE, RFC 9218 section 7.1. Only clients send it. */
import { readUint32 } from "./integers.ts";

/** The prioritised stream; the Priority field value follows. */
export const PRIORITY_UPDATE_BYTES = 4;

/** Longer field values say nothing that we would understand; they are ignored. */
export const MAX_PRIORITY_VALUE_BYTES = 256;

export function readPrioritizedId(bytes: Uint8Array, start: number): number {
  return readUint32(bytes, start) & 0x7fff_ffff;
}
