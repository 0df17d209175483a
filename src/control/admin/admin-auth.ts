/**
 * Who may read the admin listener's protected paths: a bearer token (RFC 6750 section 2.1) whose
 * SHA-256 digest is configured, so that the file does not hold the token. Feature rows A17.2, A17.4.
 */
import { createHash, timingSafeEqual } from "node:crypto";

/** `tokenHash`: 64 hexadecimal digits; `undefined`: no token is asked for. */
export function isAuthorized(authorization: string | undefined, tokenHash: string | undefined): boolean {
  if (tokenHash === undefined) return true;
  const token = bearerToken(authorization ?? "");
  const digest = createHash("sha256").update(token, "utf8").digest();
  return timingSafeEqual(digest, Buffer.from(tokenHash, "hex"));
}

/** The scheme's name is case-insensitive: RFC 9110 section 11.1. */
function bearerToken(authorization: string): string {
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? "";
}
