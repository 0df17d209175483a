/**
 * HPACK decoding (RFC 7541) as the RFC tells it, without any care for speed: an oracle for ours. Of the code
 * under test it has the two tables of appendices A and B only, which the stories of the conformance run check.
 */
import { CODE_BITS, CODES, END_OF_STRING, SYMBOLS } from "../../src/wire/field-codec/huffman-code.ts";
import { STATIC_FIELDS } from "../../src/wire/hpack/static-table.ts";

export type PlainField = readonly [name: string, value: string];

/** Octets behind the prefix of an integer: no valid block needs more, and ours takes no more. */
const MAX_MORE_OCTETS = 4;

/** Symbols by their codes, as text of bits. */
const BY_CODE = new Map<string, number>(
  Array.from({ length: SYMBOLS }, (_, symbol) => [bitsOf(symbol), symbol]),
);

export class PlainHpackDecoder {
  readonly #table: PlainField[] = [];
  #tableLimit = 4096;
  #maxBytes = 4096;
  /** The smallest limit since the last block. */
  #lowestLimit = 4096;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  setTableLimit(bytes: number): void {
    this.#tableLimit = bytes;
    this.#lowestLimit = Math.min(this.#lowestLimit, bytes);
  }

  /** The fields of a block. Throws when it is no valid one. */
  decode(block: Buffer): PlainField[] {
    this.#bytes = block;
    this.#at = 0;
    this.#sizeUpdates();
    const fields: PlainField[] = [];
    while (this.#at < block.length) fields.push(this.#field());
    return fields;
  }

  /** Section 4.2: at most two at the beginning, and one that keeps to a limit that was lowered. */
  #sizeUpdates(): void {
    const mustShrink = this.#maxBytes > this.#lowestLimit;
    let lowest = this.#maxBytes;
    for (let count = 0; this.#at < this.#bytes.length && this.#peek() >> 5 === 1; count++) {
      if (count === 2) throw new Error("a third update");
      const size = this.#integer(5);
      if (size > this.#tableLimit) throw new Error("an update above the limit");
      this.#maxBytes = size;
      lowest = Math.min(lowest, size);
      this.#evict();
    }
    if (mustShrink && lowest > this.#lowestLimit) throw new Error("no update");
    this.#lowestLimit = this.#tableLimit;
  }

  #field(): PlainField {
    const first = this.#peek();
    if (first >> 7 === 1) return this.#entry(this.#integer(7));
    if (first >> 5 === 1) throw new Error("an update behind a field");
    const indexed = first >> 6 === 1;
    const index = this.#integer(indexed ? 6 : 4);
    const name = index === 0 ? this.#string() : this.#entry(index)[0];
    const field: PlainField = [name, this.#string()];
    if (!indexed) return field;
    this.#table.unshift(field);
    this.#evict();
    return field;
  }

  #entry(index: number): PlainField {
    const entry =
      index < STATIC_FIELDS.length ? STATIC_FIELDS[index] : this.#table[index - STATIC_FIELDS.length];
    if (index === 0 || entry === undefined) throw new Error(`index ${index}`);
    return entry;
  }

  #evict(): void {
    const size = (): number =>
      this.#table.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    while (size() > this.#maxBytes) this.#table.pop();
  }

  #peek(): number {
    const octet = this.#bytes[this.#at];
    if (octet === undefined) throw new Error("cut");
    return octet;
  }

  /** Section 5.1. */
  #integer(prefixBits: number): number {
    const mask = 2 ** prefixBits - 1;
    let value = this.#peek() & mask;
    this.#at++;
    if (value < mask) return value;
    for (let octets = 0; octets < MAX_MORE_OCTETS; octets++) {
      const octet = this.#peek();
      this.#at++;
      value += (octet & 127) * 2 ** (7 * octets);
      if (octet < 128) return value;
    }
    throw new Error("an integer that is too large");
  }

  /** Section 5.2. */
  #string(): string {
    const isHuffman = this.#peek() >> 7 === 1;
    const length = this.#integer(7);
    const octets = this.#bytes.subarray(this.#at, this.#at + length);
    if (octets.length < length) throw new Error("cut");
    this.#at += length;
    return isHuffman ? unpack(octets) : octets.latin1Slice();
  }
}

/** A string out of the Huffman code. Throws when it is in none. */
export function unpack(octets: Buffer): string {
  let text = "";
  let code = "";
  for (const octet of octets) {
    for (const bit of octet.toString(2).padStart(8, "0")) {
      code += bit;
      const symbol = BY_CODE.get(code);
      if (symbol === undefined) continue;
      if (symbol === END_OF_STRING) throw new Error("the end of a string within it");
      text += String.fromCharCode(symbol);
      code = "";
    }
  }
  if (code.length > 7 || code.includes("0")) throw new Error("padding");
  return text;
}

function bitsOf(symbol: number): string {
  return (CODES[symbol] as number).toString(2).padStart(CODE_BITS[symbol] as number, "0");
}
