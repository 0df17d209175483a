/**
 * Field names that the gateway itself looks at. A parser gives each field its id once, so that
 * nobody compares names again. Ids are dense and small: they index tables.
 */
import { assert } from "../../base/assert.ts";
import { caseBitsOf } from "./folded-text.ts";
import { COLON } from "./octets.ts";

export const FieldId = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  keepAlive: 5,
  proxyConnection: 6,
  proxyAuthenticate: 7,
  proxyAuthorization: 8,
  te: 9,
  trailer: 10,
  upgrade: 11,
  expect: 12,
  via: 13,
  xForwardedFor: 14,
  xForwardedProto: 15,
  xForwardedHost: 16,
  xForwardedPort: 17,
  xRequestId: 18,
  traceparent: 19,
  tracestate: 20,
  userAgent: 21,
  contentType: 22,
  http2Settings: 23,
  date: 24,
  forwarded: 25,
  xRealIp: 26,
  altSvc: 27,
  server: 28,
  contentEncoding: 29,
  setCookie: 30,
  cookie: 31,
  authorization: 32,
  cacheControl: 33,
  contentRange: 34,
  contentLocation: 35,
  contentLanguage: 36,
  contentDisposition: 37,
  maxForwards: 38,
  pragma: 39,
  range: 40,
  ifMatch: 41,
  ifNoneMatch: 42,
  ifModifiedSince: 43,
  ifUnmodifiedSince: 44,
  ifRange: 45,
  wwwAuthenticate: 46,
  age: 47,
  expires: 48,
  location: 49,
  retryAfter: 50,
  vary: 51,
} as const;

export type FieldId = (typeof FieldId)[keyof typeof FieldId];

/** Names in the spelling that the gateway writes in HTTP/1; the index is the id. */
export const FIELD_NAMES: readonly string[] = [
  "",
  "Host",
  "Connection",
  "Content-Length",
  "Transfer-Encoding",
  "Keep-Alive",
  "Proxy-Connection",
  "Proxy-Authenticate",
  "Proxy-Authorization",
  "TE",
  "Trailer",
  "Upgrade",
  "Expect",
  "Via",
  "X-Forwarded-For",
  "X-Forwarded-Proto",
  "X-Forwarded-Host",
  "X-Forwarded-Port",
  "X-Request-ID",
  "traceparent",
  "tracestate",
  "User-Agent",
  "Content-Type",
  "HTTP2-Settings",
  "Date",
  "Forwarded",
  "X-Real-IP",
  "Alt-Svc",
  "Server",
  "Content-Encoding",
  "Set-Cookie",
  "Cookie",
  "Authorization",
  "Cache-Control",
  "Content-Range",
  "Content-Location",
  "Content-Language",
  "Content-Disposition",
  "Max-Forwards",
  "Pragma",
  "Range",
  "If-Match",
  "If-None-Match",
  "If-Modified-Since",
  "If-Unmodified-Since",
  "If-Range",
  "WWW-Authenticate",
  "Age",
  "Expires",
  "Location",
  "Retry-After",
  "Vary",
];

/** Slots of the lookup; a power of two, sparse enough that a name which is not ours seldom meets one. */
const SLOTS = 1024;
const lowerNames: Buffer[] = FIELD_NAMES.map((name) => Buffer.from(name.toLowerCase(), "latin1"));
/** The first id of a slot; 0: none. */
const firstIds = new Uint8Array(SLOTS);
/** The next id of the same slot; 0: none. */
const nextIds = new Uint8Array(FIELD_NAMES.length);
for (let id = 1; id < FIELD_NAMES.length; id++) {
  const name = lowerNames[id] as Buffer;
  const slot = slotOf(name.length, name[0] as number, name[name.length - 1] as number);
  nextIds[id] = firstIds[slot] as number;
  firstIds[slot] = id;
}

/** Names as words of four octets, the last one with the last four: one may overlap the one before. */
const NAME_WORDS = 5;
const WORD_BYTES = 4;
const EACH_20 = 0x20202020;
const nameWords = new Int32Array(FIELD_NAMES.length * NAME_WORDS);
lowerNames.forEach((name, id) => {
  const words = Math.ceil(name.length / WORD_BYTES);
  assert(words <= NAME_WORDS, "a known name is longer than its words");
  for (let i = 0; i < words && name.length >= WORD_BYTES; i++)
    nameWords[id * NAME_WORDS + i] = name.readInt32LE(Math.min(i * WORD_BYTES, name.length - WORD_BYTES));
});

/** By the same places as `nameWords`, the bits in which the cases of letters differ; and by id, how long a name is. */
const nameCaseBits = nameWords.map(caseBitsOf);
const nameLengths = Uint8Array.from(lowerNames, (name) => name.length);

/** Length, first and last octet choose the slot; `| 0x20` folds the case of letters. */
function slotOf(length: number, first: number, last: number): number {
  return (length * 37 + (first | 0x20) * 7 + (last | 0x20) * 131) & (SLOTS - 1);
}

/**
 * The id of the name in `bytes[start, end)`, any letter case; `FieldId.other` when it is not one of
 * ours. The bytes hold no control characters but HTAB.
 */
export function fieldIdOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 2) return FieldId.other;
  let id = firstIds[slotOf(end - start, bytes[start] as number, bytes[end - 1] as number)] as number;
  while (id !== 0 && !isName(bytes, start, end, lowerNames[id] as Buffer)) id = nextIds[id] as number;
  return id;
}

/** As `fieldIdOf`, for many names in one buffer. */
export function fieldIdIn(view: DataView, start: number, end: number): number {
  const length = end - start;
  if (length < 2) return FieldId.other;
  let id = firstIds[slotOf(length, view.getUint8(start), view.getUint8(end - 1))] as number;
  while (id !== 0 && !isNameIn(view, start, end, id)) id = nextIds[id] as number;
  return id;
}

/**
 * Where the name that begins at `start` ends, when it is the one with this id and a colon follows; else
 * -1. For whoever foresees a name: its octets need not have been looked at, as nothing but letter case is
 * taken for the same. Names of less than four letters are not found.
 */
export function foreseenNameEnd(view: DataView, start: number, end: number, id: number): number {
  const length = nameLengths[id] as number;
  const nameEnd = start + length;
  if (length < WORD_BYTES || nameEnd >= end || view.getUint8(nameEnd) !== COLON) return -1;
  const last = nameEnd - WORD_BYTES;
  let word = id * NAME_WORDS;
  for (let at = start; at < last; at += WORD_BYTES, word++)
    if ((view.getInt32(at, true) | (nameCaseBits[word] as number)) !== nameWords[word]) return -1;
  return (view.getInt32(last, true) | (nameCaseBits[word] as number)) === nameWords[word] ? nameEnd : -1;
}

function isNameIn(view: DataView, start: number, end: number, id: number): boolean {
  const lower = lowerNames[id] as Buffer;
  if (end - start !== lower.length) return false;
  const last = end - WORD_BYTES;
  if (last < start) {
    for (let i = start; i < end; i++) if ((view.getUint8(i) | 0x20) !== lower[i - start]) return false;
    return true;
  }
  let word = id * NAME_WORDS;
  for (let at = start; at < last; at += WORD_BYTES)
    if ((view.getInt32(at, true) | EACH_20) !== nameWords[word++]) return false;
  return (view.getInt32(last, true) | EACH_20) === nameWords[word];
}

/**
 * As `equalsLower`, for names of ours: of the octets that can stand in a name, only the two cases of a
 * letter become the same by `| 0x20` where the result is a lower-case letter, a digit or a hyphen.
 */
function isName(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  const { length } = lower;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) if (((bytes[start + i] as number) | 0x20) !== lower[i]) return false;
  return true;
}

/** Whether `bytes[start, end)` is `lower` (already lower-case) when ASCII letter case is ignored. */
export function equalsLower(bytes: Uint8Array, start: number, end: number, lower: Uint8Array): boolean {
  if (end - start !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    const byte = bytes[start + i] as number;
    if (byte === lower[i]) continue;
    if (byte < 0x41 || byte > 0x5a || (byte | 0x20) !== lower[i]) return false;
  }
  return true;
}
