/**
 * The field that an encoder is adding: the id of its name, and where its value is. A value or a name
 * that lies nowhere yet is put into the scratch memory. One in each of `HpackEncoder` and `QpackEncoder`.
 */
import { assert } from "../../base/assert.ts";
import { FieldId } from "../http/field-id.ts";
import type { Fields } from "../http/fields.ts";
import { FIELD_VALUE_OCTETS } from "../http/octets.ts";
import { writeText } from "../http/text.ts";
import { writeDecimal } from "../http/write.ts";
import type { ByteStore } from "./byte-store.ts";
import type { DynamicTable } from "./dynamic-table.ts";
import { FIELD_OVERHEAD_BYTES } from "./field-limits.ts";
import type { FieldScratch } from "./field-scratch.ts";
import { SEPARATOR_BYTES } from "./field-view.ts";
import { IndexPolicy, MIN_UNGUARDED_BYTES } from "./index-policy.ts";
import { equalOctets, hashOctets } from "./octet-words.ts";
import { NAME_LENGTHS, NAMES, otherIdOf, POLICIES } from "./own-names.ts";
import { STATIC_STRIDE, type StaticLines } from "./static-lines.ts";

const MAX_DECIMAL_DIGITS = 16;

/** Mixed into the hash of a value for a name with an id, so that equal values of two names differ. */
const ID_SPREAD = 0x85ebca6b;

const NO_BYTES: Buffer = Buffer.alloc(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));

export class OwnField {
  /** As `own-names.ts` has it; `FieldId.other`: the name is `nameBytes[0, nameLength)`. */
  id: number = FieldId.other;
  nameLength = 0;
  /** An `IndexPolicy`. */
  policy: number = IndexPolicy.repeated;
  /** Holds the value. */
  bytes: Buffer = NO_BYTES;
  /** The same memory. */
  view: DataView = NO_VIEW;
  start = 0;
  end = 0;
  readonly #scratch: FieldScratch;

  constructor(scratch: FieldScratch) {
    this.#scratch = scratch;
  }

  /** A field whose name has an id, a `FieldId` or `PseudoId`. */
  setSpan(id: number, store: ByteStore, start: number, end: number): void {
    assert(id !== FieldId.other, "a field without a name");
    this.id = id;
    this.nameLength = NAME_LENGTHS[id] as number;
    this.policy = POLICIES[id] as number;
    this.#setValue(store, start, end);
  }

  setText(id: number, value: string): void {
    this.#scratch.reserve(0, value.length);
    const end = writeText(this.#scratch.bytes, 0, value, FIELD_VALUE_OCTETS);
    this.setSpan(id, this.#scratch, 0, end);
  }

  setNumber(id: number, value: number): void {
    this.#scratch.reserve(0, MAX_DECIMAL_DIGITS);
    this.setSpan(id, this.#scratch, 0, writeDecimal(this.#scratch.bytes, 0, value));
  }

  /** A field of a list; its name becomes lower-case. */
  setField(fields: Fields, index: number): void {
    const id = fields.id(index);
    if (id === FieldId.other) {
      this.#takeName(fields, index);
    } else {
      this.id = id;
      this.nameLength = NAME_LENGTHS[id] as number;
    }
    this.policy = fields.neverIndexed(index) ? IndexPolicy.never : (POLICIES[this.id] as number);
    this.#setValue(fields, fields.valueStart(index), fields.valueEnd(index));
  }

  /** What holds the name, from its beginning on. */
  get nameBytes(): Buffer {
    return this.id === FieldId.other ? this.#scratch.bytes : (NAMES[this.id] as Buffer);
  }

  /** What an entry of a table with this field counts. */
  get sizeBytes(): number {
    return this.nameLength + this.end - this.start + FIELD_OVERHEAD_BYTES;
  }

  /** Whether no table on the way may hold it. */
  isSecret(): boolean {
    const { policy } = this;
    if (policy === IndexPolicy.never) return true;
    return policy === IndexPolicy.guarded && this.end - this.start < MIN_UNGUARDED_BYTES;
  }

  hash(): number {
    const { id } = this;
    const seed =
      id === FieldId.other ? hashOctets(this.#scratch.view, 0, this.nameLength, 0) : Math.imul(id, ID_SPREAD);
    return hashOctets(this.view, this.start, this.end, seed);
  }

  /** Whether an entry of the encoder's table, whose marks are ids, is this field. */
  isEntry(table: DynamicTable, number: number): boolean {
    const { id } = this;
    if (table.mark(number) !== id) return false;
    const valueStart = table.valueStart(number);
    const length = table.valueEnd(number) - valueStart;
    if (length !== this.end - this.start) return false;
    if (!equalOctets(table.view, valueStart, this.view, this.start, length)) return false;
    if (id !== FieldId.other) return true;
    const nameStart = table.nameStart(number);
    const nameLength = table.nameEnd(number) - nameStart;
    return (
      nameLength === this.nameLength && equalOctets(table.view, nameStart, this.#scratch.view, 0, nameLength)
    );
  }

  /** Whether an entry of a static table, with the same name, has this value. */
  isStaticValue(lines: StaticLines, index: number): boolean {
    const { spans } = lines;
    const valueStart = (spans[index * STATIC_STRIDE + 1] as number) + SEPARATOR_BYTES;
    const length = (spans[index * STATIC_STRIDE + 2] as number) - valueStart;
    if (length !== this.end - this.start) return false;
    return equalOctets(this.view, this.start, lines.view, valueStart, length);
  }

  /** Lets the memory go. */
  release(): void {
    this.bytes = NO_BYTES;
    this.view = NO_VIEW;
    this.#scratch.release();
  }

  #setValue(store: ByteStore, start: number, end: number): void {
    this.bytes = store.bytes;
    this.view = store.view;
    this.start = start;
    this.end = end;
  }

  /** Puts the name into the scratch memory, lower-case; the id is the one that it has here. */
  #takeName(fields: Fields, index: number): void {
    const start = fields.nameStart(index);
    const length = fields.nameEnd(index) - start;
    this.#scratch.reserve(0, length);
    const name = this.#scratch.bytes;
    const { bytes } = fields;
    for (let i = 0; i < length; i++) {
      const octet = bytes[start + i] as number;
      name[i] = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
    }
    this.nameLength = length;
    this.id = otherIdOf(name, length);
  }
}
