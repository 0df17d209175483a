/**
 * The name that routes are chosen by: the host of a request's authority in the one spelling that
 * rules use. The exchange calls `routingHost` once per request; the rule parser brings the hosts of
 * rules to the same form.
 *
 * Lower case (RFC 9110 section 4.2.3), no port, no trailing dot (an absolute domain name names the
 * same host); IPv6 literals canonical and without their brackets.
 */
import { canonicalIp } from "../../base/ip.ts";

const COLON = 0x3a;
const DOT = 0x2e;

/** `authority` is `host[:port]` and valid (RFC 9110 section 7.2), or empty. Copies only when something must change. */
export function routingHost(authority: string): string {
  if (authority.startsWith("[")) return ipv6Host(authority);
  let end = authority.length;
  let upper = false;
  for (let i = 0; i < end; i++) {
    const code = authority.charCodeAt(i);
    if (code === COLON) end = i;
    else if (code >= 0x41 && code <= 0x5a) upper = true;
  }
  if (end > 0 && authority.charCodeAt(end - 1) === DOT) end--;
  const host = end === authority.length ? authority : authority.slice(0, end);
  return upper ? host.toLowerCase() : host;
}

function ipv6Host(authority: string): string {
  const close = authority.indexOf("]");
  const literal = authority.slice(1, close === -1 ? authority.length : close);
  return canonicalIp(literal) ?? literal.toLowerCase();
}
