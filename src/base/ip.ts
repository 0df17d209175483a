/**
 * IP addresses as numbers: text to four 32-bit words and back. Used by address blocks, by the walk
 * over X-Forwarded-For and by whoever keys a table by address, so that two spellings of one address
 * are one address.
 *
 * Both families share one form: 128 bits in network order. An IPv4 address a.b.c.d is held as the
 * IPv4-mapped ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2), so a mapped address that a dual-stack
 * socket reports and the plain IPv4 address are equal.
 */

/** Which family a text was; `none`: it is not an address. */
export const IpFamily = { none: 0, v4: 4, v6: 6 } as const;
export type IpFamily = (typeof IpFamily)[keyof typeof IpFamily];

/** The third word of an IPv4 address; the first two are 0. */
export const MAPPED_WORD = 0xffff;

const GROUPS = 8;
const MAX_GROUP_DIGITS = 4;
const COLON = 0x3a;
const DOT = 0x2e;

/**
 * Parses `text[start, end)` into `words[0..3]`. Strict: IPv4 is four decimal octets without leading
 * zeros (RFC 6943 section 3.1.1), IPv6 is as in RFC 4291 section 2.2; brackets, ports, zones and
 * blanks are not taken. `words` is undefined when `IpFamily.none` is returned. Allocates nothing.
 */
export function parseIp(text: string, words: Uint32Array, start = 0, end: number = text.length): IpFamily {
  const v4 = parseIpv4(text, start, end);
  if (v4 !== -1) {
    words[0] = 0;
    words[1] = 0;
    words[2] = MAPPED_WORD;
    words[3] = v4;
    return IpFamily.v4;
  }
  if (!parseIpv6(text, words, start, end)) return IpFamily.none;
  return isMapped(words) ? IpFamily.v4 : IpFamily.v6;
}

/** Whether the words hold an IPv4 address. */
export function isMapped(words: Uint32Array): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === MAPPED_WORD;
}

/** The canonical text: dotted for IPv4, RFC 5952 for IPv6. */
export function formatIp(words: Uint32Array): string {
  return isMapped(words) ? formatIpv4(words[3] as number) : formatIpv6(words);
}

/** The canonical spelling of an address; `undefined` when the text is none. Allocates: not for hot paths. */
export function canonicalIp(text: string): string | undefined {
  const words = new Uint32Array(4);
  return parseIp(text, words) === IpFamily.none ? undefined : formatIp(words);
}

/** 127.0.0.0/8, in IPv6 too, and ::1. Allocates: not for hot paths. */
export function isLoopback(text: string): boolean {
  const words = new Uint32Array(4);
  if (parseIp(text, words) === IpFamily.none) return false;
  if (isMapped(words)) return (words[3] as number) >>> 24 === 127;
  return words[0] === 0 && words[1] === 0 && words[2] === 0 && words[3] === 1;
}

/** The address as a number, or -1. */
function parseIpv4(text: string, start: number, end: number): number {
  let address = 0;
  let octets = 0;
  let i = start;
  for (;;) {
    const first = i;
    let octet = 0;
    while (i < end && isDigit(text.charCodeAt(i)) && i - first < 3)
      octet = octet * 10 + text.charCodeAt(i++) - 0x30;
    const digits = i - first;
    if (digits === 0 || octet > 255 || (digits > 1 && text.charCodeAt(first) === 0x30)) return -1;
    address = address * 256 + octet;
    if (++octets === 4) return i === end ? address : -1;
    if (i >= end || text.charCodeAt(i) !== DOT) return -1;
    i++;
  }
}

/** Reads groups from the left; `::` is remembered and what follows it is moved to the right end at last. */
function parseIpv6(text: string, words: Uint32Array, start: number, end: number): boolean {
  words.fill(0, 0, 4);
  let groups = 0;
  let gap = -1;
  let i = start;
  if (end - start >= 2 && text.charCodeAt(i) === COLON && text.charCodeAt(i + 1) === COLON) {
    gap = 0;
    i += 2;
  }
  while (i < end) {
    const groupEnd = hexEnd(text, i, end);
    if (groupEnd < end && text.charCodeAt(groupEnd) === DOT) {
      if (!setIpv4Tail(text, words, i, end, groups)) return false;
      groups += 2;
      break;
    }
    if (groupEnd === i || groupEnd - i > MAX_GROUP_DIGITS || groups === GROUPS) return false;
    setGroup(words, groups++, hexNumber(text, i, groupEnd));
    i = groupEnd;
    if (i === end) break;
    if (text.charCodeAt(i++) !== COLON || i === end) return false;
    if (text.charCodeAt(i) === COLON) {
      if (gap !== -1) return false;
      gap = groups;
      i++;
    }
  }
  if (gap === -1) return groups === GROUPS;
  if (groups === GROUPS) return false;
  moveRight(words, gap, groups);
  return true;
}

/** The dotted last 32 bits of forms such as `::ffff:10.0.0.1`. */
function setIpv4Tail(text: string, words: Uint32Array, start: number, end: number, group: number): boolean {
  if (group > GROUPS - 2) return false;
  const v4 = parseIpv4(text, start, end);
  if (v4 === -1) return false;
  setGroup(words, group, v4 >>> 16);
  setGroup(words, group + 1, v4 & 0xffff);
  return true;
}

/** Moves the groups `[gap, count)` to the right end and leaves zeros where they were. */
function moveRight(words: Uint32Array, gap: number, count: number): void {
  const shift = GROUPS - count;
  for (let from = count - 1; from >= gap; from--) {
    const value = getGroup(words, from);
    setGroup(words, from, 0);
    setGroup(words, from + shift, value);
  }
}

function getGroup(words: Uint32Array, group: number): number {
  const word = words[group >> 1] as number;
  return (group & 1) === 0 ? word >>> 16 : word & 0xffff;
}

function setGroup(words: Uint32Array, group: number, value: number): void {
  const index = group >> 1;
  const word = words[index] as number;
  words[index] = (group & 1) === 0 ? (value << 16) | (word & 0xffff) : (word & 0xffff0000) | value;
}

function hexEnd(text: string, start: number, end: number): number {
  let i = start;
  while (i < end && hexDigit(text.charCodeAt(i)) !== -1) i++;
  return i;
}

function hexNumber(text: string, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) value = value * 16 + hexDigit(text.charCodeAt(i));
  return value;
}

/** The value of a hexadecimal digit's character code; -1 when it is none. */
export function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function formatIpv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 0xff}.${(address >>> 8) & 0xff}.${address & 0xff}`;
}

/** RFC 5952 section 4: lower case, no leading zeros, `::` for the first longest run of two or more zero groups. */
function formatIpv6(words: Uint32Array): string {
  let bestStart = -1;
  let bestLength = 1;
  let runStart = 0;
  for (let group = 0; group <= GROUPS; group++) {
    if (group < GROUPS && getGroup(words, group) === 0) continue;
    if (group - runStart > bestLength) {
      bestStart = runStart;
      bestLength = group - runStart;
    }
    runStart = group + 1;
  }
  if (bestStart === -1) return groupsText(words, 0, GROUPS);
  return `${groupsText(words, 0, bestStart)}::${groupsText(words, bestStart + bestLength, GROUPS)}`;
}

function groupsText(words: Uint32Array, start: number, end: number): string {
  const parts: string[] = [];
  for (let group = start; group < end; group++) parts.push(getGroup(words, group).toString(16));
  return parts.join(":");
}
