/**
 * The request target, RFC 9112 section 3.2, in its rare forms: absolute form is taken apart, and its
 * authority replaces the Host field; asterisk form is for OPTIONS. Called by the request decoder, which
 * takes the origin form as it stands.
 */
import "../../base/latin1.ts";
import { Fault } from "../../base/fault.ts";
import { isAuthority } from "../http/authority.ts";
import { equalsLower } from "../http/field-id.ts";
import { SLASH } from "../http/octets.ts";
import type { RequestHead } from "../http/message.ts";

const ASTERISK = 0x2a;
const QUESTION_MARK = 0x3f;
const HTTP: Uint8Array = Buffer.from("http://", "latin1");
const HTTPS: Uint8Array = Buffer.from("https://", "latin1");

/**
 * Fills path and authority from a target in `bytes[start, end)` that is not in origin form; its octets
 * are checked, and its method is already in the head. `scheme` is the one that an absolute target must
 * have; empty: either.
 */
export function readOtherTarget(
  head: RequestHead,
  bytes: Buffer,
  start: number,
  end: number,
  scheme: string,
): Fault | null {
  if (end - start === 1 && bytes[start] === ASTERISK) {
    head.path = "*";
    return head.method === "OPTIONS" ? null : new Fault("bad_request", "target * without OPTIONS");
  }
  return readAbsolute(head, bytes, start, end, scheme);
}

function readAbsolute(
  head: RequestHead,
  bytes: Buffer,
  start: number,
  end: number,
  scheme: string,
): Fault | null {
  let authorityStart = start;
  if (scheme !== "https" && startsWith(bytes, start, end, HTTP)) authorityStart += HTTP.length;
  else if (scheme !== "http" && startsWith(bytes, start, end, HTTPS)) authorityStart += HTTPS.length;
  else return new Fault("bad_request", "target is neither a path nor a URI of this listener's scheme");
  let authorityEnd = authorityStart;
  while (authorityEnd < end && bytes[authorityEnd] !== SLASH && bytes[authorityEnd] !== QUESTION_MARK) {
    authorityEnd++;
  }
  if (!isAuthority(bytes, authorityStart, authorityEnd)) {
    return new Fault("bad_authority", "authority of the target");
  }
  head.authority = bytes.latin1Slice(authorityStart, authorityEnd);
  head.path = pathAfter(head.method, bytes, authorityEnd, end);
  return null;
}

/** An empty path is `/`, or `*` for OPTIONS without a query (RFC 9112 section 3.2.4). */
function pathAfter(method: string, bytes: Buffer, start: number, end: number): string {
  if (start === end) return method === "OPTIONS" ? "*" : "/";
  const rest = bytes.latin1Slice(start, end);
  return bytes[start] === SLASH ? rest : `/${rest}`;
}

function startsWith(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  return end - start >= lower.length && equalsLower(bytes, start, start + lower.length, lower);
}
