/**
 * What the octets of a field may be on HTTP/2 and HTTP/3 (RFC 9113 section 8.2.1, RFC 9114 section 4.2),
 * judged once where a field enters a table or a message, not each time when it is referred to.
 */
import { arePrintable } from "../../base/plain-octets.ts";
import { FieldId } from "../http/field-id.ts";
import { COLON, FIELD_VALUE_OCTETS, isWhitespace, TOKEN_OCTETS } from "../http/octets.ts";
import { nameIdOf } from "./name-id.ts";

/** Marks of a field: the id of its name in the low octet, and whether name and value are well-formed. */
export const ID_MASK = 0xff;
export const GOOD_NAME = 0x100;
export const GOOD_VALUE = 0x200;
export const WELL_FORMED: number = GOOD_NAME | GOOD_VALUE;

/** Token characters without the upper-case letters. */
const LOWER_TOKEN_OCTETS: Uint8Array = Uint8Array.from(TOKEN_OCTETS);
LOWER_TOKEN_OCTETS.fill(0, 0x41, 0x5b);

/** The id and `GOOD_NAME`; 0 for a name that is none: it gets no id. */
export function markName(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return 0;
  const pseudo = bytes[start] === COLON;
  for (let i = pseudo ? start + 1 : start; i < end; i++)
    if (LOWER_TOKEN_OCTETS[bytes[i] as number] !== 1) return 0;
  const id = nameIdOf(bytes, start, end);
  return pseudo && id === FieldId.other ? 0 : id | GOOD_NAME;
}

/** `GOOD_VALUE`, or 0. */
export function markValue(bytes: Uint8Array, view: DataView, start: number, end: number): number {
  if (start === end) return GOOD_VALUE;
  if (isWhitespace(bytes[start]) || isWhitespace(bytes[end - 1])) return 0;
  let at = start;
  while (at + 4 <= end && arePrintable(view.getInt32(at, true))) at += 4;
  for (; at < end; at++) if (FIELD_VALUE_OCTETS[bytes[at] as number] !== 1) return 0;
  return GOOD_VALUE;
}
