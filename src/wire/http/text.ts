/**
 * Text that goes into a message. Whoever takes text from outside `wire/` (configuration, middleware)
 * asks `isToken` or `isFieldValue` first; the writers then assert it while they copy, so that no CR,
 * LF or NUL can reach the wire, whatever went wrong before (RFC 9110 section 5.5).
 */
import { assert } from "../../base/assert.ts";
import { FIELD_VALUE_OCTETS, TOKEN_OCTETS } from "./octets.ts";

/** Whether the text can be a field name or a method: not empty, token characters only. */
export function isToken(text: string): boolean {
  return text.length > 0 && consistsOf(text, TOKEN_OCTETS);
}

/** Whether the text can be a field value: no control character but HTAB, nothing above U+00FF. */
export function isFieldValue(text: string): boolean {
  return consistsOf(text, FIELD_VALUE_OCTETS);
}

/** Whether every character is an octet of the class. */
export function consistsOf(text: string, octets: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (octets[text.charCodeAt(i)] !== 1) return false;
  return true;
}

/**
 * Writes the text as Latin-1 and returns the offset behind it. Every character must be of the class:
 * anything else is our own mistake, and would otherwise split the message.
 */
export function writeText(target: Uint8Array, offset: number, text: string, octets: Uint8Array): number {
  const length = text.length;
  let bad = 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (octets[code] !== 1) bad = 1;
    target[offset + i] = code;
  }
  assert(bad === 0, "text for the wire holds a character that is not allowed there");
  return offset + length;
}
