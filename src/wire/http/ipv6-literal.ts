/**
 * IPv6 addresses as they stand between brackets in an authority: RFC 3986 section 3.2.2 without
 * IPvFuture, and without the zone identifiers of RFC 6874, which mean nothing outside one machine.
 */
import { COLON, HEX_VALUES } from "./octets.ts";

const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const GROUPS = 8;
const MAX_GROUP_DIGITS = 4;

/** Whether `bytes[start, end)` is an IPv6 address in text form, an IPv4 tail included. */
export function isIpv6Literal(bytes: Uint8Array, start: number, end: number): boolean {
  let pos = start;
  let groups = 0;
  let compressed = false;
  if (bytes[pos] === COLON) {
    if (pos + 1 >= end || bytes[pos + 1] !== COLON) return false;
    compressed = true;
    pos += 2;
    if (pos === end) return true;
  }
  while (groups < GROUPS) {
    const groupEnd = hexGroupEnd(bytes, pos, end);
    if (groupEnd < end && bytes[groupEnd] === DOT) {
      groups += 2;
      return isIpv4(bytes, pos, end) && (compressed ? groups < GROUPS : groups === GROUPS);
    }
    if (groupEnd === pos) return false;
    groups++;
    if (groupEnd === end) return compressed ? groups < GROUPS : groups === GROUPS;
    if (bytes[groupEnd] !== COLON) return false;
    pos = groupEnd + 1;
    if (pos < end && bytes[pos] === COLON) {
      if (compressed) return false;
      compressed = true;
      pos++;
      if (pos === end) return groups < GROUPS;
    }
  }
  return false;
}

function hexGroupEnd(bytes: Uint8Array, start: number, end: number): number {
  const limit = Math.min(end, start + MAX_GROUP_DIGITS);
  let pos = start;
  while (pos < limit && HEX_VALUES[bytes[pos] as number] !== 255) pos++;
  return pos;
}

/** Four decimal octets with dots between, without leading zeros. */
function isIpv4(bytes: Uint8Array, start: number, end: number): boolean {
  let pos = start;
  for (let part = 0; part < 4; part++) {
    const partStart = pos;
    let value = 0;
    while (pos < end && pos - partStart < 3 && isDigit(bytes[pos] as number)) {
      value = value * 10 + (bytes[pos++] as number) - ZERO;
    }
    if (pos === partStart || value > 255 || (bytes[partStart] === ZERO && pos - partStart > 1)) return false;
    if (part < 3 && (pos === end || bytes[pos++] !== DOT)) return false;
  }
  return pos === end;
}

function isDigit(octet: number): boolean {
  return octet >= ZERO && octet <= NINE;
}
