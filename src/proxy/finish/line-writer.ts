/**
 * Writes the pieces of a log line straight into a buffer: no string is built, nothing is encoded
 * twice. Output is ASCII; other octets are escaped as JSON does.
 */
import { areUnquoted } from "../../base/plain-octets.ts";
import { copyWords, type WordText, writeWords } from "../../base/word-text.ts";
import { writeDecimal } from "../../wire/http/write.ts";

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
  position = 0;
  #target: Buffer;
  #view: DataView;

  constructor(target: Buffer) {
    this.#target = target;
    this.#view = viewOf(target);
  }

  get target(): Buffer {
    return this.#target;
  }

  set target(target: Buffer) {
    this.#target = target;
    this.#view = viewOf(target);
  }

  /** There must be room for `WORD_SLACK_BYTES` more. */
  constant(text: WordText): void {
    this.position = writeWords(this.#view, this.position, text);
  }

  /** ASCII that needs no escape: our own words, ids, checked methods. */
  ascii(text: string): void {
    const target = this.#target;
    const start = this.position;
    for (let i = 0; i < text.length; i++) target[start + i] = text.charCodeAt(i);
    this.position = start + text.length;
  }

  /** Text of a peer, Latin-1; at most `maxLength` characters of it. */
  text(text: string, maxLength: number): void {
    const target = this.#target;
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
  octets(bytes: DataView, start: number, end: number): void {
    const view = this.#view;
    let from = start;
    let at = this.position;
    for (; from + 4 <= end; from += 4, at += 4) {
      const word = bytes.getInt32(from, true);
      if (!areUnquoted(word)) break;
      view.setInt32(at, word, true);
    }
    const target = this.#target;
    for (; from < end; from++) {
      const octet = bytes.getUint8(from);
      if (PLAIN[octet] === 1) target[at++] = octet;
      else at = escapeOctet(target, at, octet);
    }
    this.position = at;
  }

  /** ASCII of a message that is known to need no escape: ids that were checked, or that are ours. */
  plain(bytes: DataView, start: number, end: number): void {
    this.position = copyWords(this.#view, this.position, bytes, start, end);
  }

  /** A whole number, not negative. */
  integer(value: number): void {
    this.position = writeDecimal(this.#target, this.position, value);
  }

  /** Milliseconds with up to three digits after the point, as short as a number can be. */
  milliseconds(value: number): void {
    const micros = Math.max(0, Math.round(value * 1000));
    if (micros < 1000) {
      this.#target[this.position++] = ZERO;
      this.#fraction(micros | 0);
      return;
    }
    const whole = Math.floor(micros / 1000);
    this.integer(whole);
    this.#fraction(micros - whole * 1000);
  }

  /** A point and the thousandths without their trailing zeros; nothing at all for 0. */
  #fraction(thousandths: number): void {
    if (thousandths === 0) return;
    const target = this.#target;
    const at = this.position;
    target[at] = POINT;
    writeThreeDigits(target, at + 1, thousandths);
    let end = at + 4;
    while (target[end - 1] === ZERO) end--;
    this.position = end;
  }

  /** A whole number below 1000, with its leading zeros. */
  threeDigits(value: number): void {
    writeThreeDigits(this.#target, this.position, value);
    this.position += 3;
  }
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

function writeThreeDigits(target: Uint8Array, at: number, value: number): void {
  const hundreds = (value / 100) | 0;
  const tens = ((value - hundreds * 100) / 10) | 0;
  target[at] = ZERO + hundreds;
  target[at + 1] = ZERO + tens;
  target[at + 2] = ZERO + value - hundreds * 100 - tens * 10;
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
