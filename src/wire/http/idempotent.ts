/** What the gateway knows of methods (RFC 9110 section 9; QUERY: RFC 10008). */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "PUT",
  "DELETE",
  "QUERY",
  "PROPFIND",
  "REPORT",
  "SEARCH",
]);

/** Sending the request twice has the effect of sending it once (RFC 9110 section 9.2.2). */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}
