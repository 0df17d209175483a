/**
 * Texts of rules as the codes of their characters, to compare them with the octets of a target, which
 * is ASCII: a rule that holds anything else never matches.
 */
export function codesOf(text: string): Uint16Array {
  return Uint16Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
}

/** Whether the octets from `start` on are these; there must be as many. */
export function hasCodes(bytes: Uint8Array, start: number, codes: Uint16Array): boolean {
  for (let i = 0; i < codes.length; i++) if (bytes[start + i] !== codes[i]) return false;
  return true;
}
