/**
 * QPACK decoding (RFC 9204) as the RFC tells it, without any care for speed: an oracle for ours. Of the code
 * under test it has the static table and the table of the Huffman code only, which the vectors of the
 * conformance run check.
 */
import { STATIC_FIELDS } from "../../src/wire/h3/qpack/static-table.ts";
import { type PlainField, unpack } from "./plain-hpack.ts";

/** Octets behind the prefix of an integer: no valid input needs more, and ours takes no more. */
const MAX_MORE_OCTETS = 4;

/** The input ends within something that may go on. */
export class Cut extends Error {}

/** The section needs entries that have not come. */
export class Blocked extends Error {}

export class PlainQpackDecoder {
  /** Every entry that was ever inserted, by absolute index. */
  readonly #entries: PlainField[] = [];
  /** Those below are evicted. */
  #evicted = 0;
  #capacity = 0;
  readonly #maxCapacity: number;
  #kept: Buffer = Buffer.alloc(0);

  constructor(maxCapacity: number) {
    this.#maxCapacity = maxCapacity;
  }

  /** Whether the encoder stream ends within an instruction. */
  get isCut(): boolean {
    return this.#kept.length > 0;
  }

  /** Section 4.3. Throws when the stream is wrong; what is not whole is kept. */
  receiveEncoderStream(bytes: Buffer): void {
    const reader = new Reader(Buffer.concat([this.#kept, bytes]));
    while (!reader.ended) {
      this.#kept = reader.rest();
      try {
        this.#instruction(reader);
      } catch (error) {
        if (!(error instanceof Cut)) throw error;
        return;
      }
    }
    this.#kept = Buffer.alloc(0);
  }

  /** Sections 4.5.1 to 4.5.6. Throws when the section is wrong, or blocked. */
  decode(section: Buffer): PlainField[] {
    const reader = new Reader(section);
    const required = this.#requiredCount(reader.integer(8));
    const sign = reader.peek() >> 7;
    const difference = reader.integer(7);
    const base = sign === 0 ? required + difference : required - difference - 1;
    if (base < 0) throw new Error("Base");
    if (required > this.#entries.length) throw new Blocked();
    const fields: PlainField[] = [];
    while (!reader.ended) fields.push(this.#line(reader, base, required));
    return fields;
  }

  #instruction(reader: Reader): void {
    const first = reader.peek();
    if (first >> 7 === 1) {
      const isStatic = (first & 0x40) !== 0;
      const index = reader.integer(6);
      const [name] = isStatic ? staticEntry(index) : this.#entry(this.#entries.length - 1 - index);
      this.#insert([name, reader.string(7)]);
    } else if (first >> 6 === 1) {
      const [name, value] = [reader.octets(5), reader.octets(7)];
      this.#insert([name(), value()]);
    } else if (first >> 5 === 1) {
      const capacity = reader.integer(5);
      if (capacity > this.#maxCapacity) throw new Error("capacity");
      this.#capacity = capacity;
      this.#evictTo(capacity);
    } else {
      this.#insert(this.#entry(this.#entries.length - 1 - reader.integer(5)));
    }
  }

  #line(reader: Reader, base: number, required: number): PlainField {
    const dynamic = (absolute: number): PlainField => {
      if (absolute >= required) throw new Error("beyond the Required Insert Count");
      return this.#entry(absolute);
    };
    const first = reader.peek();
    if (first >> 7 === 1) {
      const isStatic = (first & 0x40) !== 0;
      const index = reader.integer(6);
      return isStatic ? staticEntry(index) : dynamic(base - 1 - index);
    }
    if (first >> 6 === 1) {
      const isStatic = (first & 0x10) !== 0;
      const index = reader.integer(4);
      const [name] = isStatic ? staticEntry(index) : dynamic(base - 1 - index);
      return [name, reader.string(7)];
    }
    if (first >> 5 === 1) return [reader.string(3), reader.string(7)];
    if (first >> 4 === 1) return dynamic(base + reader.integer(4));
    const [name] = dynamic(base + reader.integer(3));
    return [name, reader.string(7)];
  }

  /** Section 4.5.1.1, by trying. */
  #requiredCount(encoded: number): number {
    if (encoded === 0) return 0;
    const maxEntries = Math.floor(this.#maxCapacity / 32);
    const lowest = Math.max(1, this.#entries.length - maxEntries + 1);
    for (let count = lowest; count <= this.#entries.length + maxEntries; count++)
      if ((count % (2 * maxEntries)) + 1 === encoded) return count;
    throw new Error("Required Insert Count");
  }

  #entry(absolute: number): PlainField {
    const entry = absolute < this.#evicted ? undefined : this.#entries[absolute];
    if (entry === undefined) throw new Error(`entry ${absolute}`);
    return entry;
  }

  #insert(entry: PlainField): void {
    if (sizeOf(entry) > this.#capacity) throw new Error("larger than the table");
    this.#evictTo(this.#capacity - sizeOf(entry));
    this.#entries.push(entry);
  }

  #evictTo(bytes: number): void {
    const size = (): number =>
      this.#entries.slice(this.#evicted).reduce((sum, entry) => sum + sizeOf(entry), 0);
    while (size() > bytes) this.#evicted++;
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  peek(): number {
    const octet = this.#bytes[this.#at];
    if (octet === undefined) throw new Cut();
    return octet;
  }

  integer(prefixBits: number): number {
    const mask = 2 ** prefixBits - 1;
    let value = this.peek() & mask;
    this.#at++;
    if (value < mask) return value;
    for (let octets = 0; octets < MAX_MORE_OCTETS; octets++) {
      const octet = this.peek();
      this.#at++;
      value += (octet & 127) * 2 ** (7 * octets);
      if (octet < 128) return value;
    }
    throw new Error("an integer that is too large");
  }

  string(lengthBits: number): string {
    return this.octets(lengthBits)();
  }

  /** A string that is there as a whole; whether its code is right is another question. */
  octets(lengthBits: number): () => string {
    const isHuffman = ((this.peek() >> lengthBits) & 1) === 1;
    const length = this.integer(lengthBits);
    const octets = this.#bytes.subarray(this.#at, this.#at + length);
    if (octets.length < length) throw new Cut();
    this.#at += length;
    return () => (isHuffman ? unpack(octets) : octets.latin1Slice());
  }
}

function staticEntry(index: number): PlainField {
  const entry = STATIC_FIELDS[index];
  if (entry === undefined) throw new Error(`static entry ${index}`);
  return entry;
}

function sizeOf([name, value]: PlainField): number {
  return name.length + value.length + 32;
}
