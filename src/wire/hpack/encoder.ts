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
import type { ByteStore } from "../field-codec/byte-store.ts";
import { MAX_OWN_TABLE_BYTES } from "../field-codec/field-limits.ts";
import { FieldScratch } from "../field-codec/field-scratch.ts";
import { IndexPolicy } from "../field-codec/index-policy.ts";
import { MAX_INTEGER_BYTES, writeInteger } from "../field-codec/integer.ts";
import { PseudoId } from "../field-codec/name-id.ts";
import { OwnField } from "../field-codec/own-field.ts";
import { NAME_LENGTHS } from "../field-codec/own-names.ts";
import { OwnTable } from "../field-codec/own-table.ts";
import { writeString } from "../field-codec/string-writer.ts";
import { FieldId } from "../http/field-id.ts";
import type { Fields } from "../http/fields.ts";
import { writeBytes } from "../http/write.ts";
import { DEFAULT_TABLE_BYTES } from "./hpack-limits.ts";
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
import { NAME_LITERALS, STATIC_NAMES, STATIC_VALUES } from "./static-names.ts";
import { FIRST_DYNAMIC_INDEX, STATIC_FIELDS, STATIC_LINES } from "./static-table.ts";

/** What a field takes beyond its octets: two lengths, an index, and a name that has an id. */
const MAX_FIELD_OVERHEAD_BYTES: number = 3 * MAX_INTEGER_BYTES + Math.max(...NAME_LENGTHS);

/** Two table size updates. */
const MAX_BLOCK_OVERHEAD_BYTES: number = 2 * MAX_INTEGER_BYTES;

const NO_BYTES: Buffer = Buffer.alloc(0);

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
  readonly #table: OwnTable = new OwnTable(DEFAULT_TABLE_BYTES);
  /** The field that is being added. */
  readonly #field: OwnField;
  /** The limit that our table has to have, and the smallest that it had since the last block. */
  #tableBytes = DEFAULT_TABLE_BYTES;
  #lowestTableBytes = DEFAULT_TABLE_BYTES;
  #target: Buffer = NO_BYTES;
  #at = 0;

  constructor(scratch: FieldScratch = new FieldScratch()) {
    this.#field = new OwnField(scratch);
  }

  /**
   * The peer's SETTINGS_HEADER_TABLE_SIZE, from our acknowledgement on. We use at most
   * `MAX_OWN_TABLE_BYTES` of it; the next block says so (RFC 7541 section 4.2).
   */
  setPeerTableLimit(bytes: number): void {
    this.#tableBytes = Math.min(bytes, MAX_OWN_TABLE_BYTES);
    this.#lowestTableBytes = Math.min(this.#lowestTableBytes, this.#tableBytes);
  }

  /** Begins a block at `offset` in `target`, which has room for `encodedBound`. */
  begin(target: Buffer, offset: number): void {
    this.#target = target;
    this.#at = offset;
    const { entries } = this.#table;
    if (this.#lowestTableBytes < entries.maxBytes) this.#updateSize(this.#lowestTableBytes);
    if (this.#tableBytes !== entries.maxBytes) this.#updateSize(this.#tableBytes);
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
    this.#field.setText(id, value);
    this.#add();
  }

  /** As `addText`, with a whole number as the value, in decimal. */
  addNumber(id: number, value: number): void {
    this.#field.setNumber(id, value);
    this.#add();
  }

  /** As `addText`, with the value in `store.bytes[start, end)`: a path in the store of `Fields`, a crumb of a cookie. */
  addSpan(id: number, store: ByteStore, start: number, end: number): void {
    this.#field.setSpan(id, store, start, end);
    this.#add();
  }

  /** A field of a list that is not removed there; its name becomes lower-case. */
  addField(fields: Fields, index: number): void {
    this.#field.setField(fields, index);
    this.#add();
  }

  /** Ends the block; returns the offset behind it. */
  end(): number {
    this.#target = NO_BYTES;
    this.#field.release();
    return this.#at;
  }

  #updateSize(bytes: number): void {
    this.#table.entries.resize(bytes);
    this.#at = writeInteger(this.#target, this.#at, bytes, SIZE_UPDATE_MASK, SIZE_UPDATE);
  }

  #add(): void {
    const field = this.#field;
    const table = this.#table;
    if (field.isSecret()) return this.#writeLiteral(NEVER_INDEXED, LITERAL_MASK);
    const index = staticIndexOf(field);
    if (index !== 0) return this.#writeIndex(index);
    const { policy } = field;
    if (policy === IndexPolicy.plain || !table.fits(field)) return this.#writeLiteral(0, LITERAL_MASK);
    const hash = field.hash();
    const age = table.ageOf(field, hash);
    if (age !== -1) return this.#writeIndex(FIRST_DYNAMIC_INDEX + age);
    if (policy !== IndexPolicy.eager && !table.wasSeen(hash)) return this.#writeLiteral(0, LITERAL_MASK);
    this.#writeLiteral(INCREMENTAL, INCREMENTAL_MASK);
    table.insert(field, hash);
  }

  #writeIndex(index: number): void {
    this.#at = writeInteger(this.#target, this.#at, index, INDEXED_MASK, INDEXED);
  }

  #writeLiteral(flags: number, mask: number): void {
    const field = this.#field;
    const { id } = field;
    const target = this.#target;
    const nameIndex = STATIC_NAMES[id] as number;
    let at = writeInteger(target, this.#at, nameIndex, mask, flags);
    if (id === FieldId.other) at = writeString(target, at, field.nameBytes, 0, field.nameLength);
    else if (nameIndex === 0) at = writeBytes(target, at, NAME_LITERALS[id] as Uint8Array);
    this.#at = writeString(target, at, field.bytes, field.start, field.end);
  }
}

/** The index of the static table whose value is this one; 0 when there is none. */
function staticIndexOf(field: OwnField): number {
  const first = STATIC_NAMES[field.id] as number;
  const limit = first + (STATIC_VALUES[field.id] as number);
  for (let index = first; index < limit; index++) if (field.isStaticValue(STATIC_LINES, index)) return index;
  return 0;
}
