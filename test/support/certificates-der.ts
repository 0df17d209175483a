/**
 * DER as certificates need it (ITU-T X.690): each function gives one encoded value. `certificates.ts`
 * builds certificates, revocation lists and OCSP responses from these, as Node.js can only read them.
 */

const BOOLEAN = 0x01;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const NULL = 0x05;
const OBJECT_IDENTIFIER = 0x06;
const ENUMERATED = 0x0a;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;
const CONTEXT = 0x80;
const CONSTRUCTED = 0x20;

export function encode(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), lengthOctets(content.length), content]);
}

function lengthOctets(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const octets = Buffer.from(evenHex(length.toString(16)), "hex");
  return Buffer.concat([Buffer.from([0x80 | octets.length]), octets]);
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return encode(SEQUENCE, ...parts);
}

export function set(...parts: readonly Uint8Array[]): Buffer {
  return encode(SET, ...parts);
}

/** `[number] EXPLICIT`, and `IMPLICIT` of what is constructed. */
export function context(number: number, ...parts: readonly Uint8Array[]): Buffer {
  return encode(CONTEXT | CONSTRUCTED | number, ...parts);
}

/** `[number] IMPLICIT` of what is primitive. */
export function implicit(number: number, content: Uint8Array): Buffer {
  return encode(CONTEXT | number, content);
}

/** Not negative. */
export function integer(value: bigint | number): Buffer {
  const octets = Buffer.from(evenHex(value.toString(16)), "hex");
  // The highest bit is the sign.
  return encode(INTEGER, ...((octets[0] ?? 0) >= 0x80 ? [Buffer.of(0), octets] : [octets]));
}

export function enumerated(value: number): Buffer {
  return encode(ENUMERATED, Buffer.of(value));
}

/** Dotted decimal. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return encode(OBJECT_IDENTIFIER, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value % 128];
  for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128))
    digits.unshift(0x80 | (left % 128));
  return digits;
}

export function boolean(value: boolean): Buffer {
  return encode(BOOLEAN, Buffer.of(value ? 0xff : 0));
}

export function none(): Buffer {
  return encode(NULL);
}

export function text(value: string): Buffer {
  return encode(UTF8_STRING, Buffer.from(value));
}

export function octets(content: Uint8Array): Buffer {
  return encode(OCTET_STRING, content);
}

export function bits(content: Uint8Array, unusedBits = 0): Buffer {
  return encode(BIT_STRING, Buffer.of(unusedBits), content);
}

/** `Time` of RFC 5280 section 4.1.2.5: two digits of the year until 2049. */
export function time(date: Date): Buffer {
  const digits = timeDigits(date);
  return date.getUTCFullYear() < 2050
    ? encode(UTC_TIME, Buffer.from(digits.slice(2)))
    : encode(GENERALIZED_TIME, Buffer.from(digits));
}

export function generalizedTime(date: Date): Buffer {
  return encode(GENERALIZED_TIME, Buffer.from(timeDigits(date)));
}

function timeDigits(date: Date): string {
  return `${date.toISOString().replaceAll(/[-:T]/g, "").slice(0, 14)}Z`;
}

function evenHex(hex: string): string {
  return hex.length % 2 === 0 ? hex : `0${hex}`;
}

/** RFC 7468. */
export function pem(label: string, content: Uint8Array): string {
  const lines = Buffer.from(content)
    .toString("base64")
    .replaceAll(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
