/**
 * Encodes the header blocks of one connection and direction (RFC 7541). What repeats costs one octet and
 * a lookup: it is in the static table, or enters the dynamic one as `index-policy.ts` says.
 *
 * Called by the HTTP/2 codec:
 *
 *   encoder.begin(target, offset); encoder.addStatus(200); encoder.addField(fields, 0); end = encoder.end()
 *
 * Blocks must be sent in the order in which they were encoded, and none may be left out.
 */
import { assert } from "../../base/assert.ts";
import { FieldId } from "../http/field-id.ts";
import type { Fields } from "../http/fields.ts";
import { FIELD_VALUE_OCTETS } from "../http/octets.ts";
import { writeText } from "../http/text.ts";
import { writeBytes, writeDecimal } from "../http/write.ts";
import type { ByteStore } from "./byte-store.ts";
import { DynamicTable } from "./dynamic-table.ts";
import {
  NAME_LENGTHS,
  NAME_LITERALS,
  NAMES,
  otherIdOf,
  POLICIES,
  STATIC_NAMES,
  STATIC_VALUES,
} from "./encoder-names.ts";
import { EntryLookup } from "./entry-lookup.ts";
import { SEPARATOR_BYTES } from "./field-view.ts";
import { DEFAULT_TABLE_BYTES, FIELD_OVERHEAD_BYTES } from "./hpack-limits.ts";
import { IndexPolicy, MIN_UNGUARDED_BYTES } from "./index-policy.ts";
import { MAX_INTEGER_BYTES, writeInteger } from "./integer.ts";
import { PseudoId } from "./name-id.ts";
import { equalOctets, hashOctets } from "./octet-words.ts";
import {
  INCREMENTAL,
  INCREMENTAL_MASK,
  INDEXED,
  INDEXED_MASK,
  LITERAL_MASK,
  NEVER_INDEXED,
  SIZE_UPDATE,
  SIZE_UPDATE_MASK,
} from "./representation.ts";
import { HpackScratch } from "./scratch.ts";
import {
  FIRST_DYNAMIC_INDEX,
  STATIC_FIELDS,
  STATIC_SPANS,
  STATIC_STRIDE,
  STATIC_VIEW,
} from "./static-table.ts";
import { writeString } from "./string-writer.ts";

/** One entry may take the table's size shifted by this: a larger one would evict too many that repeat more often. */
const ENTRY_SHARE_SHIFT = 2;

/** What a field takes beyond its octets: two lengths, an index, and a name that has an id. */
const MAX_FIELD_OVERHEAD_BYTES: number = 3 * MAX_INTEGER_BYTES + Math.max(...NAME_LENGTHS);

/** Two table size updates. */
const MAX_BLOCK_OVERHEAD_BYTES: number = 2 * MAX_INTEGER_BYTES;

const MAX_DECIMAL_DIGITS = 16;

/** Mixed into the hash of a value for a name with an id, so that equal values of two names differ. */
const ID_SPREAD = 0x85ebca6b;

const NO_BYTES: Buffer = Buffer.alloc(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));

/** Indices of the static table by status code. */
const STATUS_INDICES: Uint8Array = new Uint8Array(1000);
STATIC_FIELDS.forEach(([name, value], index) => {
  if (name === ":status") STATUS_INDICES[Number(value)] = index;
});

/**
 * Room that a block needs at most: all fields of a list, and `ownFields` more whose values are of
 * `ownBytes` together (pseudo-header fields, numbers with 16).
 */
export function encodedBound(fields: Fields, ownFields: number, ownBytes: number): number {
  const overhead = (fields.count + ownFields) * MAX_FIELD_OVERHEAD_BYTES + MAX_BLOCK_OVERHEAD_BYTES;
  return fields.wireLength() + ownBytes + overhead;
}

export class HpackEncoder {
  readonly #scratch: HpackScratch;
  readonly #table: DynamicTable = new DynamicTable(DEFAULT_TABLE_BYTES);
  readonly #lookup: EntryLookup = new EntryLookup();
  /** The limit that our table has to have, and the smallest that it had since the last block. */
  #tableBytes = DEFAULT_TABLE_BYTES;
  #lowestTableBytes = DEFAULT_TABLE_BYTES;
  #target: Buffer = NO_BYTES;
  #at = 0;
  /** The field that is being added: the id of its name, and its value. */
  #id: number = FieldId.other;
  #bytes: Buffer = NO_BYTES;
  #view: DataView = NO_VIEW;
  #start = 0;
  #end = 0;
  /** Length of the name without id that lies in the scratch memory. */
  #nameLength = 0;

  constructor(scratch: HpackScratch = new HpackScratch()) {
    this.#scratch = scratch;
  }

  /**
   * The peer's SETTINGS_HEADER_TABLE_SIZE, from our acknowledgement on. We use at most
   * `DEFAULT_TABLE_BYTES` of it; the next block says so (RFC 7541 section 4.2).
   */
  setPeerTableLimit(bytes: number): void {
    this.#tableBytes = Math.min(bytes, DEFAULT_TABLE_BYTES);
    this.#lowestTableBytes = Math.min(this.#lowestTableBytes, this.#tableBytes);
  }

  /** Begins a block at `offset` in `target`, which has room for `encodedBound`. */
  begin(target: Buffer, offset: number): void {
    this.#target = target;
    this.#at = offset;
    if (this.#lowestTableBytes < this.#table.maxBytes) this.#updateSize(this.#lowestTableBytes);
    if (this.#tableBytes !== this.#table.maxBytes) this.#updateSize(this.#tableBytes);
    this.#lowestTableBytes = this.#tableBytes;
  }

  /** `:status`, of 100 to 999. */
  addStatus(status: number): void {
    const index = STATUS_INDICES[status] as number;
    if (index === 0) this.addNumber(PseudoId.status, status);
    else this.#target[this.#at++] = INDEXED | index;
  }

  /** A field whose name has an id, a `FieldId` or `PseudoId`. The value must be a field value: `isFieldValue` tells. */
  addText(id: number, value: string): void {
    this.#scratch.reserve(0, value.length);
    const end = writeText(this.#scratch.bytes, 0, value, FIELD_VALUE_OCTETS);
    this.addSpan(id, this.#scratch, 0, end);
  }

  /** As `addText`, with a whole number as the value, in decimal. */
  addNumber(id: number, value: number): void {
    this.#scratch.reserve(0, MAX_DECIMAL_DIGITS);
    this.addSpan(id, this.#scratch, 0, writeDecimal(this.#scratch.bytes, 0, value));
  }

  /** As `addText`, with the value in `store.bytes[start, end)`: a path in the store of `Fields`, a crumb of a cookie. */
  addSpan(id: number, store: ByteStore, start: number, end: number): void {
    assert(id !== FieldId.other, "a field without a name");
    this.#add(id, POLICIES[id] as number, store, start, end);
  }

  /** A field of a list that is not removed there; its name becomes lower-case. */
  addField(fields: Fields, index: number): void {
    const id = fields.id(index);
    const known = id === FieldId.other ? this.#takeName(fields, index) : id;
    const policy = fields.neverIndexed(index) ? IndexPolicy.never : (POLICIES[known] as number);
    this.#add(known, policy, fields, fields.valueStart(index), fields.valueEnd(index));
  }

  /** Ends the block; returns the offset behind it. */
  end(): number {
    this.#target = NO_BYTES;
    this.#bytes = NO_BYTES;
    this.#view = NO_VIEW;
    this.#scratch.release();
    return this.#at;
  }

  #updateSize(bytes: number): void {
    this.#table.resize(bytes);
    this.#at = writeInteger(this.#target, this.#at, bytes, SIZE_UPDATE_MASK, SIZE_UPDATE);
  }

  /** Puts the name into the scratch memory, lower-case; returns the id that it has here. */
  #takeName(fields: Fields, index: number): number {
    const start = fields.nameStart(index);
    const length = fields.nameEnd(index) - start;
    this.#scratch.reserve(0, length);
    const name = this.#scratch.bytes;
    const { bytes } = fields;
    for (let i = 0; i < length; i++) {
      const octet = bytes[start + i] as number;
      name[i] = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
    }
    this.#nameLength = length;
    return otherIdOf(name, length);
  }

  #add(id: number, policy: number, store: ByteStore, start: number, end: number): void {
    this.#id = id;
    this.#bytes = store.bytes;
    this.#view = store.view;
    this.#start = start;
    this.#end = end;
    if (policy === IndexPolicy.never || (policy === IndexPolicy.guarded && end - start < MIN_UNGUARDED_BYTES))
      return this.#writeLiteral(NEVER_INDEXED, LITERAL_MASK);
    const index = staticIndexOf(id, store.view, start, end);
    if (index !== 0) return this.#writeIndex(index);
    if (policy === IndexPolicy.plain || !this.#fitsTable()) return this.#writeLiteral(0, LITERAL_MASK);
    const hash = this.#hash();
    const found = this.#find(hash);
    if (found !== 0) return this.#writeIndex(found);
    if (policy !== IndexPolicy.eager && !this.#lookup.wasSeen(hash))
      return this.#writeLiteral(0, LITERAL_MASK);
    this.#writeLiteral(INCREMENTAL, INCREMENTAL_MASK);
    this.#insert(hash);
  }

  #fitsTable(): boolean {
    const size = this.#nameBytes() + this.#end - this.#start + FIELD_OVERHEAD_BYTES;
    return size <= this.#table.maxBytes >>> ENTRY_SHARE_SHIFT;
  }

  #nameBytes(): number {
    return this.#id === FieldId.other ? this.#nameLength : (NAME_LENGTHS[this.#id] as number);
  }

  #hash(): number {
    const id = this.#id;
    const seed =
      id === FieldId.other
        ? hashOctets(this.#scratch.view, 0, this.#nameLength, 0)
        : Math.imul(id, ID_SPREAD);
    return hashOctets(this.#view, this.#start, this.#end, seed);
  }

  /** The index of the entry that is this field; 0 when there is none. */
  #find(hash: number): number {
    const table = this.#table;
    const lookup = this.#lookup;
    let number = lookup.newest(hash);
    for (let left = table.count; left > 0 && table.has(number); left--) {
      if (lookup.hash(number) === hash && this.#isEntry(number))
        return FIRST_DYNAMIC_INDEX + ((table.newest - number) | 0);
      number = lookup.older(number);
    }
    return 0;
  }

  #isEntry(number: number): boolean {
    const table = this.#table;
    const id = this.#id;
    if (table.mark(number) !== id) return false;
    const valueStart = table.valueStart(number);
    const length = table.valueEnd(number) - valueStart;
    if (length !== this.#end - this.#start) return false;
    if (!equalOctets(table.view, valueStart, this.#view, this.#start, length)) return false;
    if (id !== FieldId.other) return true;
    const nameStart = table.nameStart(number);
    const nameLength = table.nameEnd(number) - nameStart;
    return (
      nameLength === this.#nameLength && equalOctets(table.view, nameStart, this.#scratch.view, 0, nameLength)
    );
  }

  #insert(hash: number): void {
    const table = this.#table;
    const fits = table.makeRoom(this.#nameBytes() + this.#end - this.#start);
    assert(fits, "an entry that is larger than the table");
    const name = this.#id === FieldId.other ? this.#scratch.bytes : (NAMES[this.#id] as Buffer);
    table.add(name, 0, this.#nameBytes(), this.#id);
    table.addValue(this.#bytes, this.#start, this.#end);
    this.#lookup.add(table.newest, hash);
  }

  #writeIndex(index: number): void {
    this.#at = writeInteger(this.#target, this.#at, index, INDEXED_MASK, INDEXED);
  }

  #writeLiteral(flags: number, mask: number): void {
    const id = this.#id;
    const target = this.#target;
    const nameIndex = STATIC_NAMES[id] as number;
    let at = writeInteger(target, this.#at, nameIndex, mask, flags);
    if (id === FieldId.other) at = writeString(target, at, this.#scratch.bytes, 0, this.#nameLength);
    else if (nameIndex === 0) at = writeBytes(target, at, NAME_LITERALS[id] as Uint8Array);
    this.#at = writeString(target, at, this.#bytes, this.#start, this.#end);
  }
}

/** The index of the static table whose value is this one; 0 when there is none. */
function staticIndexOf(id: number, view: DataView, start: number, end: number): number {
  const first = STATIC_NAMES[id] as number;
  const limit = first + (STATIC_VALUES[id] as number);
  for (let index = first; index < limit; index++) {
    const valueStart = (STATIC_SPANS[index * STATIC_STRIDE + 1] as number) + SEPARATOR_BYTES;
    const length = (STATIC_SPANS[index * STATIC_STRIDE + 2] as number) - valueStart;
    if (length === end - start && equalOctets(view, start, STATIC_VIEW, valueStart, length)) return index;
  }
  return 0;
}
