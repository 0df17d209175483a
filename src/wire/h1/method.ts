/** Methods as strings, without making a new one for those that everybody sends (RFC 9110 section 9). */
import "../../base/latin1.ts";
import { assert } from "../../base/assert.ts";

const UPPER_E = 0x45;
const UPPER_G = 0x47;
const UPPER_T = 0x54;

const KNOWN = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "PROPFIND",
  "PROPPATCH",
  "MKCOL",
  "COPY",
  "MOVE",
  "LOCK",
  "UNLOCK",
  "REPORT",
  "SEARCH",
  "QUERY",
  "PURGE",
] as const;

/** Length, first and last letter give the slot; no two of the known methods share one. */
const SLOTS = 512;
const known: (string | undefined)[] = Array.from({ length: SLOTS });
for (const method of KNOWN) {
  const slot = slotOf(method.length, method.charCodeAt(0), method.charCodeAt(method.length - 1));
  assert(known[slot] === undefined, "two known methods share a slot");
  known[slot] = method;
}

function slotOf(length: number, first: number, last: number): number {
  return ((length << 5) ^ first ^ (last << 3)) & (SLOTS - 1);
}

/** The method in `bytes[start, end)`, which is not empty. */
export function methodOf(bytes: Buffer, start: number, end: number): string {
  if (isGet(bytes, start, end)) return "GET";
  const method = known[slotOf(end - start, bytes[start] as number, bytes[end - 1] as number)];
  if (method !== undefined && equals(bytes, start, end, method)) return method;
  return bytes.latin1Slice(start, end);
}

/** Most requests; the way over the table takes five times as long. */
function isGet(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    end - start === 3 &&
    bytes[start] === UPPER_G &&
    bytes[start + 1] === UPPER_E &&
    bytes[start + 2] === UPPER_T
  );
}

function equals(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}
