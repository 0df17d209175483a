/** Content-Length in a message whose framing does not depend on it, RFC 9110 section 8.6, RFC 9113 section 8.1.1. */
const ZERO = 0x30;
const NINE = 0x39;

/** The number in `bytes[start, end)`, up to 2^53 - 1; -1 when it is none. */
export function readContentLength(bytes: Uint8Array, start: number, end: number): number {
  let length = start === end ? -1 : 0;
  for (let pos = start; pos < end; pos++) {
    const octet = bytes[pos] as number;
    if (octet < ZERO || octet > NINE) return -1;
    length = length * 10 + octet - ZERO;
    if (length > Number.MAX_SAFE_INTEGER) return -1;
  }
  return length;
}
