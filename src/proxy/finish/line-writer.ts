/**
 * Writes the pieces of a log line straight into a buffer: no string is built, nothing is encoded
 * twice. Output is ASCII; other octets are escaped as JSON does.
 */
import { writeBytes, writeDecimal } from "../../wire/http/write.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ESCAPE_U = 0x75;
const ZERO = 0x30;
const POINT = 0x2e;

/** Octets that stand for themselves in a JSON string. */
const PLAIN = new Uint8Array(256);
for (let octet = 0x20; octet < 0x7f; octet++) if (octet !== QUOTE && octet !== BACKSLASH) PLAIN[octet] = 1;

/** An octet that is escaped takes six: `\u00ff`. */
const MAX_ESCAPED_BYTES = 6;

const HEX = Buffer.from("0123456789abcdef", "latin1");

export class LineWriter {
  target: Buffer;
  position = 0;

  constructor(target: Buffer) {
    this.target = target;
  }

  constant(bytes: Uint8Array): void {
    this.position = writeBytes(this.target, this.position, bytes);
  }

  /** ASCII that needs no escape: our own words, ids, checked methods. */
  ascii(text: string): void {
    const { target } = this;
    const start = this.position;
    for (let i = 0; i < text.length; i++) target[start + i] = text.charCodeAt(i);
    this.position = start + text.length;
  }

  /** Text of a peer, Latin-1; at most `maxLength` characters of it. */
  text(text: string, maxLength: number): void {
    const { target } = this;
    const length = Math.min(text.length, maxLength);
    let at = this.position;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i) & 0xff;
      if (PLAIN[code] === 1) target[at++] = code;
      else at = escapeOctet(target, at, code);
    }
    this.position = at;
  }

  /** As `text`, from the bytes of a message. */
  octets(bytes: Uint8Array, start: number, end: number): void {
    const { target } = this;
    let at = this.position;
    for (let i = start; i < end; i++) {
      const octet = bytes[i] as number;
      if (PLAIN[octet] === 1) target[at++] = octet;
      else at = escapeOctet(target, at, octet);
    }
    this.position = at;
  }

  /** A whole number, not negative. */
  integer(value: number): void {
    this.position = writeDecimal(this.target, this.position, value);
  }

  /** Milliseconds with up to three digits after the point, as short as a number can be. */
  milliseconds(value: number): void {
    const micros = Math.max(0, Math.round(value * 1000));
    const whole = Math.floor(micros / 1000);
    let rest = micros - whole * 1000;
    this.integer(whole);
    if (rest === 0) return;
    this.target[this.position++] = POINT;
    for (let unit = 100; rest > 0; unit /= 10) {
      const digit = Math.floor(rest / unit);
      this.target[this.position++] = ZERO + digit;
      rest -= digit * unit;
    }
  }
}

function escapeOctet(target: Uint8Array, at: number, octet: number): number {
  target[at] = BACKSLASH;
  if (octet === QUOTE || octet === BACKSLASH) {
    target[at + 1] = octet;
    return at + 2;
  }
  target[at + 1] = ESCAPE_U;
  target[at + 2] = ZERO;
  target[at + 3] = ZERO;
  target[at + 4] = HEX[octet >> 4] as number;
  target[at + 5] = HEX[octet & 15] as number;
  return at + MAX_ESCAPED_BYTES;
}
