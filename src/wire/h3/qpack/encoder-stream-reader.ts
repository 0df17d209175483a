/**
 * Applies the instructions of the peer's encoder stream to the decoder's dynamic table (RFC 9204 section
 * 4.3). They come cut anywhere: what is not whole is kept and read again with what follows, which costs
 * little, as the length of a string is known before its octets are there. One in each `QpackDecoder`.
 */
import { DynamicTable } from "../../field-codec/dynamic-table.ts";
import { FieldComposer } from "../../field-codec/field-composer.ts";
import type { FieldScratch } from "../../field-codec/field-scratch.ts";
import { IntegerReader, MAX_INTEGER_BYTES } from "../../field-codec/integer.ts";
import type { StringReader } from "../../field-codec/string-reader.ts";
import {
  DUPLICATE_MASK,
  INSERT_LITERAL,
  INSERT_LITERAL_MASK,
  INSERT_NAMED,
  INSERT_NAMED_MASK,
  INSERT_NAMED_STATIC,
  SET_CAPACITY,
  SET_CAPACITY_MASK,
} from "./instruction.ts";
import { InstructionQueue } from "./instruction-queue.ts";
import { VALUE_MASK } from "./representation.ts";
import { STATIC_FIELDS, STATIC_LINES } from "./static-table.ts";

/** The longest code has 30 bits: a string that is so many times longer than the table fits into it in no code. */
const MAX_CODE_FACTOR = 4;

/** Nothing was read: the instruction is not whole, or `reason` is set. */
const NOTHING = -1;

const BAD_INTEGER = "an integer is too large";
const BAD_INDEX = "an index that is in no table";
const BAD_STRING = "the Huffman code of a string is wrong";
const BAD_CAPACITY = "a table capacity above our limit";
const TOO_LARGE = "an entry that is larger than the table";

export class EncoderStreamReader {
  /** What was wrong; empty while nothing is. */
  reason = "";
  readonly table: DynamicTable = new DynamicTable(0);
  /** Entries that were ever inserted. */
  insertCount = 0;
  readonly #maxTableBytes: number;
  readonly #composer: FieldComposer;
  readonly #integer: IntegerReader = new IntegerReader();
  /** The beginning of an instruction that is not whole. */
  readonly #kept: InstructionQueue = new InstructionQueue();

  constructor(maxTableBytes: number, scratch: FieldScratch) {
    this.#maxTableBytes = maxTableBytes;
    this.#composer = new FieldComposer(scratch);
  }

  /** False: the stream is wrong. */
  receive(bytes: Buffer, start: number, end: number): boolean {
    const kept = this.#kept;
    if (kept.length === 0) {
      const pos = this.#readAll(bytes, start, end);
      if (this.reason === "") kept.append(bytes, pos, end);
    } else {
      kept.append(bytes, start, end);
      kept.consume(this.#readAll(kept.bytes, 0, kept.length));
    }
    this.#composer.release();
    return this.reason === "";
  }

  /** Returns the offset behind the last whole instruction. */
  #readAll(bytes: Buffer, start: number, end: number): number {
    let pos = start;
    while (pos < end) {
      const next = this.#readOne(bytes, pos, end);
      if (next === NOTHING) break;
      pos = next;
    }
    return pos;
  }

  #readOne(bytes: Buffer, start: number, end: number): number {
    const first = bytes[start] as number;
    if (first >= INSERT_NAMED) return this.#readInsertNamed(bytes, start, end);
    if (first >= INSERT_LITERAL) return this.#readInsertLiteral(bytes, start, end);
    const sets = first >= SET_CAPACITY;
    const pos = this.#readInteger(bytes, start, end, sets ? SET_CAPACITY_MASK : DUPLICATE_MASK);
    if (pos === NOTHING) return NOTHING;
    const { value } = this.#integer;
    return (sets ? this.#setCapacity(value) : this.#duplicate(value)) ? pos : NOTHING;
  }

  #readInsertNamed(bytes: Buffer, start: number, end: number): number {
    const composer = this.#composer;
    const isStatic = ((bytes[start] as number) & INSERT_NAMED_STATIC) !== 0;
    let pos = this.#readInteger(bytes, start, end, INSERT_NAMED_MASK);
    if (pos === NOTHING || !this.#find(isStatic, this.#integer.value)) return NOTHING;
    pos = this.#readString(composer.value, bytes, pos, end, VALUE_MASK);
    return pos !== NOTHING && this.#insert(bytes, false) ? pos : NOTHING;
  }

  #readInsertLiteral(bytes: Buffer, start: number, end: number): number {
    const composer = this.#composer;
    let pos = this.#readString(composer.name, bytes, start, end, INSERT_LITERAL_MASK);
    if (pos !== NOTHING) pos = this.#readString(composer.value, bytes, pos, end, VALUE_MASK);
    return pos !== NOTHING && this.#insert(bytes, true) ? pos : NOTHING;
  }

  #readInteger(bytes: Buffer, start: number, end: number, mask: number): number {
    const pos = this.#integer.read(bytes, start, end, mask);
    if (pos === -1 && end - start >= MAX_INTEGER_BYTES) return this.#fail(BAD_INTEGER);
    return pos;
  }

  /** Fails as soon as the length is there and no entry could hold the string, so that nothing of it is kept. */
  #readString(reader: StringReader, bytes: Buffer, start: number, end: number, mask: number): number {
    if (start === end) return NOTHING;
    const pos = reader.read(bytes, start, end, mask);
    if (reader.start === -1) return end - start >= MAX_INTEGER_BYTES ? this.#fail(BAD_INTEGER) : NOTHING;
    if (reader.end - reader.start > this.table.maxBytes * MAX_CODE_FACTOR) return this.#fail(TOO_LARGE);
    return pos;
  }

  /** Shows the entry whose name is referred to. */
  #find(isStatic: boolean, index: number): boolean {
    if (isStatic && index < STATIC_FIELDS.length) {
      this.#composer.showStatic(STATIC_LINES, index);
      return true;
    }
    if (!isStatic && index < this.table.count) {
      this.#composer.showEntry(this.table, (this.table.newest - index) | 0);
      return true;
    }
    this.#fail(BAD_INDEX);
    return false;
  }

  #setCapacity(bytes: number): boolean {
    if (bytes > this.#maxTableBytes) this.#fail(BAD_CAPACITY);
    else this.table.resize(bytes);
    return this.reason === "";
  }

  #duplicate(index: number): boolean {
    if (!this.#find(false, index)) return false;
    this.#composer.copy();
    return this.#insertShown();
  }

  #insert(bytes: Buffer, ownName: boolean): boolean {
    if (this.#composer.compose(bytes, ownName)) return this.#insertShown();
    this.#fail(BAD_STRING);
    return false;
  }

  #insertShown(): boolean {
    if (this.#composer.insertInto(this.table)) this.insertCount++;
    else this.#fail(TOO_LARGE);
    return this.reason === "";
  }

  #fail(reason: string): number {
    this.reason = reason;
    return NOTHING;
  }
}
