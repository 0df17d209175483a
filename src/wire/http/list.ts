/**
 * Comma-separated lists in field values (RFC 9110 section 5.6.1), on bytes. Empty elements are skipped,
 * as a recipient must. Used for Connection, TE and Upgrade; framing has its own, stricter reading.
 */
import { equalsLower } from "./field-id.ts";
import { COMMA, isWhitespace } from "./octets.ts";

/** Whether the list in `bytes[start, end)` has an element that is `lower` when letter case is ignored. */
export function hasElement(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  let pos = start;
  while (pos < end) {
    while (pos < end && (isWhitespace(bytes[pos]) || bytes[pos] === COMMA)) pos++;
    const elementStart = pos;
    while (pos < end && bytes[pos] !== COMMA) pos++;
    let elementEnd = pos;
    while (elementEnd > elementStart && isWhitespace(bytes[elementEnd - 1])) elementEnd--;
    if (equalsLower(bytes, elementStart, elementEnd, lower)) return true;
  }
  return false;
}
