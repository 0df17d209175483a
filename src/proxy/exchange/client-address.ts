/**
 * Who the client is when proxies stand before us: the walk over X-Forwarded-For from right to left,
 * for as long as the hop that wrote an entry is trusted. Called once per request by the exchange;
 * the result goes to rules, limits and the access log.
 *
 * Every proxy appends the address it saw, so only the entries written by our own proxies can be
 * believed, and these stand at the right end. The first address that is not a trusted proxy's is the
 * client; what stands left of it anybody can have written. X-Forwarded-For is not standardised; its
 * standard sibling is Forwarded (RFC 7239), whose section 8.1 names the same rule.
 */
import type { CidrSet } from "../../base/cidr.ts";
import { canonicalIp } from "../../base/ip.ts";

/**
 * Entries that are looked at: more proxies than any real chain has. Longer lists come from somebody
 * who wants us to work; the walk then ends at the last trusted hop.
 */
export const MAX_FORWARDED_HOPS = 32;

const SPACE = 0x20;
const TAB = 0x09;
const MAPPED_PREFIX = "::ffff:";

/**
 * The client's address, canonical. `peerIp` is the numeric address of the connection (empty for
 * Unix sockets), `xForwardedFor` all field values joined by commas. Entries may hold a port, brackets,
 * quotes and blanks. An entry that is no address (`unknown`, garbage) ends the walk: the hop that
 * wrote it is the last one known. When every hop is trusted, the leftmost is the client.
 */
export function clientAddress(peerIp: string, xForwardedFor: string | undefined, trusted: CidrSet): string {
  let client = plainPeer(peerIp);
  if (xForwardedFor === undefined || !trusted.contains(peerIp)) return client;
  let end = xForwardedFor.length;
  for (let hop = 0; hop < MAX_FORWARDED_HOPS && end >= 0; hop++) {
    const comma = end === 0 ? -1 : xForwardedFor.lastIndexOf(",", end - 1);
    const entry = trimmed(xForwardedFor, comma + 1, end);
    end = comma;
    if (entry === "") continue;
    const address = addressOf(entry);
    if (address === undefined) return client;
    client = address;
    if (!trusted.contains(address)) return client;
  }
  return client;
}

/** The kernel's text is canonical but for IPv4 peers of a dual-stack socket. */
function plainPeer(peerIp: string): string {
  const mapped = peerIp.startsWith(MAPPED_PREFIX) && peerIp.includes(".");
  return mapped ? peerIp.slice(MAPPED_PREFIX.length) : peerIp;
}

/** `text[start, end)` without the blanks around it. */
function trimmed(text: string, start: number, end: number): string {
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** The address in an entry, without quotes, brackets and port; `undefined` when there is none. */
function addressOf(entry: string): string | undefined {
  const quoted = entry.length > 1 && entry.startsWith('"') && entry.endsWith('"');
  const text = quoted ? entry.slice(1, -1) : entry;
  if (text.startsWith("[")) {
    const close = text.indexOf("]");
    if (close === -1 || !isPortSuffix(text, close + 1)) return undefined;
    return canonicalIp(text.slice(1, close));
  }
  const colon = text.indexOf(":");
  const hasPort = colon !== -1 && colon === text.lastIndexOf(":");
  if (!hasPort) return canonicalIp(text);
  return isPortSuffix(text, colon) ? canonicalIp(text.slice(0, colon)) : undefined;
}

/** Nothing, or `:` and one to five digits. */
function isPortSuffix(text: string, start: number): boolean {
  if (start === text.length) return true;
  if (text.charAt(start) !== ":" || text.length - start < 2 || text.length - start > 6) return false;
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}
