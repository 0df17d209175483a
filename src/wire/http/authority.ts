/**
 * The one check that every authority passes, whichever version of HTTP it came in (RFC 9110 section
 * 4.2, RFC 3986 section 3.2): `host` or `host:port`. What would make two parsers see two hosts is
 * refused: userinfo, lists, empty hosts and ports, percent-encoding, zone identifiers. Called by the
 * codecs for the Host field, `:authority` and absolute targets.
 */
import "../../base/latin1.ts";
import { COLON, HOST_OCTETS } from "./octets.ts";
import { isIpv6Literal } from "./ipv6-literal.ts";

/** A DNS name has at most 253 octets in text form (RFC 1035 section 2.3.4), and a final dot. */
export const MAX_HOST_BYTES = 254;

/** A host of that length with a port behind it. */
export const MAX_AUTHORITY_BYTES = MAX_HOST_BYTES + 6;

const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const ZERO = 0x30;
const NINE = 0x39;
const MAX_PORT = 65_535;
const MAX_PORT_DIGITS = 5;

export interface Authority {
  /** As it was spelt, an IPv6 literal in its brackets. */
  readonly host: string;
  /** 1 to 65535; `undefined` when there is none: the default of the scheme. */
  readonly port: number | undefined;
}

/** Host and port of an authority in text form; `undefined` when it is not valid. */
export function parseAuthority(text: string): Authority | undefined {
  const bytes = Buffer.from(text, "utf8");
  if (!isAuthority(bytes, 0, bytes.length)) return undefined;
  const hostEnd = hostEndOf(bytes, 0, bytes.length);
  const host = bytes.latin1Slice(0, hostEnd);
  return { host, port: hostEnd === bytes.length ? undefined : Number(text.slice(hostEnd + 1)) };
}

/** Whether `bytes[start, end)` is a valid authority with a host that is not empty. */
export function isAuthority(bytes: Uint8Array, start: number, end: number): boolean {
  const hostEnd = hostEndOf(bytes, start, end);
  if (hostEnd === -1) return false;
  return hostEnd === end || (bytes[hostEnd] === COLON && isPort(bytes, hostEnd + 1, end));
}

/** Where the host ends; -1 when it is not a valid host. */
function hostEndOf(bytes: Uint8Array, start: number, end: number): number {
  if (start < end && bytes[start] === OPEN_BRACKET) {
    const close = bytes.subarray(start, end).indexOf(CLOSE_BRACKET);
    return close !== -1 && isIpv6Literal(bytes, start + 1, start + close) ? start + close + 1 : -1;
  }
  let pos = start;
  while (pos < end && HOST_OCTETS[bytes[pos] as number] === 1) pos++;
  return pos === start || pos - start > MAX_HOST_BYTES ? -1 : pos;
}

/** 1 to 65535 in decimal, without leading zeros. */
function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  if (end === start || end - start > MAX_PORT_DIGITS || bytes[start] === ZERO) return false;
  let port = 0;
  for (let pos = start; pos < end; pos++) {
    const digit = bytes[pos] as number;
    if (digit < ZERO || digit > NINE) return false;
    port = port * 10 + digit - ZERO;
  }
  return port <= MAX_PORT;
}
