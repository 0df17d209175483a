/**
 * Encodes the field sections that one HTTP/3 connection sends (RFC 9204): from the static table and as
 * literals, which never blocks, or with a dynamic table besides, as `index-policy.ts` says.
 *
 * Called by the HTTP/3 codec:
 *
 *   encoder.begin(streamId, target, offset); encoder.addStatus(200); encoder.addField(fields, 0);
 *   end = encoder.end();
 *
 * The section is `target[encoder.start, end)` then. Sections of one stream must be sent in the order in
 * which they were encoded, and none may be left out unless its stream is reset.
 */
import { assert } from "../../../base/assert.ts";
import type { ByteStore } from "../../field-codec/byte-store.ts";
import { MAX_OWN_TABLE_BYTES } from "../../field-codec/field-limits.ts";
import { FieldScratch } from "../../field-codec/field-scratch.ts";
import { IndexPolicy } from "../../field-codec/index-policy.ts";
import { MAX_INTEGER_BYTES, writeInteger } from "../../field-codec/integer.ts";
import { PseudoId } from "../../field-codec/name-id.ts";
import { OwnField } from "../../field-codec/own-field.ts";
import { writeString } from "../../field-codec/string-writer.ts";
import type { Fields } from "../../http/fields.ts";
import { encodeInsertCount } from "./insert-count.ts";
import {
  SECTION_ACKNOWLEDGMENT,
  SECTION_ACKNOWLEDGMENT_MASK,
  INCREMENT_MASK,
  STREAM_CANCELLATION,
  STREAM_CANCELLATION_MASK,
} from "./instruction.ts";
import { InstructionQueue } from "./instruction-queue.ts";
import { LongIntegerReader } from "./long-integer.ts";
import { OwnEntries } from "./own-entries.ts";
import { MAX_FIELD_OVERHEAD_BYTES } from "./qpack-limits.ts";
import {
  BASE_MASK,
  COUNT_MASK,
  INDEXED,
  INDEXED_MASK,
  INDEXED_STATIC,
  LITERAL_NEVER,
  NAMED,
  NAMED_MASK,
  NAMED_NEVER,
  NAMED_STATIC,
} from "./representation.ts";
import { LINE_NAME, NO_INDEX, STATIC_NAMES, staticIndexOf, writeName } from "./static-names.ts";
import { STATIC_FIELDS } from "./static-table.ts";

/** Required Insert Count and Base: of a section without references, and at most. */
const STATIC_PREFIX_BYTES = 2;
const MAX_PREFIX_BYTES: number = 2 * MAX_INTEGER_BYTES;

const NO_BYTES: Buffer = Buffer.alloc(0);

/** Indices of the static table by status code; 0: none has it. */
const STATUS_INDICES: Uint8Array = new Uint8Array(1000);
STATIC_FIELDS.forEach(([name, value], index) => {
  if (name === ":status") STATUS_INDICES[Number(value)] = index;
});

const BAD_ACKNOWLEDGMENT = "an acknowledgment of a section that there is not";
const BAD_INCREMENT = "an Insert Count Increment of 0, or beyond what was inserted";
const BAD_INTEGER = "an integer is too large";

/**
 * Room that a section needs at most: all fields of a list, and `ownFields` more whose values are of
 * `ownBytes` together (pseudo-header fields, numbers with 16).
 */
export function encodedSectionBound(fields: Fields, ownFields: number, ownBytes: number): number {
  const overhead = (fields.count + ownFields) * MAX_FIELD_OVERHEAD_BYTES + MAX_PREFIX_BYTES;
  return fields.wireLength() + ownBytes + overhead;
}

export class QpackEncoder {
  /** After `receiveDecoderStream` has returned false: what was wrong, for the log. */
  reason = "";
  /** After `end`: where the section begins, at the `offset` that `begin` got or a few octets behind. */
  start = 0;
  /** To be sent on our encoder stream (stream type 0x02); it may hold something after `end` and `setPeerSettings`. Always empty without a dynamic table. */
  readonly instructions: InstructionQueue = new InstructionQueue();
  readonly #field: OwnField;
  readonly #dynamicTableBytes: number;
  /** Null: by our configuration or by the peer's SETTINGS, or until they come, there is no dynamic table. */
  #entries: OwnEntries | null = null;
  readonly #integer: LongIntegerReader = new LongIntegerReader();
  /** The first octet of the instruction that `#integer` belongs to. */
  #instruction = 0;
  #peerTableBytes = 0;
  #streamId = 0;
  #target: Buffer = NO_BYTES;
  #offset = 0;
  #firstLine = 0;
  #at = 0;

  /** `dynamicTableBytes`: 0 to `MAX_OWN_TABLE_BYTES`; with 0 there is no dynamic table, and nothing ever blocks. */
  constructor(dynamicTableBytes: number, scratch: FieldScratch = new FieldScratch()) {
    assert(dynamicTableBytes >= 0 && dynamicTableBytes <= MAX_OWN_TABLE_BYTES, "the size of a table of ours");
    this.#field = new OwnField(scratch);
    this.#dynamicTableBytes = dynamicTableBytes;
  }

  /** The peer's SETTINGS_QPACK_MAX_TABLE_CAPACITY and SETTINGS_QPACK_BLOCKED_STREAMS, 0 where absent. Called once; until then nothing is inserted. */
  setPeerSettings(maxTableBytes: number, maxBlockedStreams: number): void {
    const tableBytes = Math.min(maxTableBytes, this.#dynamicTableBytes);
    if (tableBytes === 0) return;
    assert(this.#entries === null, "the peer's settings come once");
    this.#peerTableBytes = maxTableBytes;
    this.#entries = new OwnEntries(this.instructions, tableBytes, maxBlockedStreams);
  }

  /**
   * Octets of the peer's decoder stream, behind its stream type, cut anywhere. False: end the connection
   * with QPACK_DECODER_STREAM_ERROR; `reason` says why.
   */
  receiveDecoderStream(bytes: Buffer, start: number, end: number): boolean {
    const integer = this.#integer;
    for (let pos = start; pos < end && this.reason === ""; pos++) {
      const octet = bytes[pos] as number;
      if (integer.complete) this.#beginInstruction(octet);
      else integer.add(octet);
      if (integer.failed) this.reason = BAD_INTEGER;
      else if (integer.complete) this.#takeInstruction();
    }
    return this.reason === "";
  }

  /** Begins a section at `offset` in `target`, which has room for `encodedSectionBound`. */
  begin(streamId: number, target: Buffer, offset: number): void {
    this.#streamId = streamId;
    this.#target = target;
    this.#offset = offset;
    this.#firstLine = offset + STATIC_PREFIX_BYTES;
    if (this.#entries !== null) {
      this.#firstLine = offset + MAX_PREFIX_BYTES;
      this.#entries.begin();
    }
    this.#at = this.#firstLine;
  }

  /** `:status`, of 100 to 999. */
  addStatus(status: number): void {
    const index = STATUS_INDICES[status] as number;
    if (index === 0) this.addNumber(PseudoId.status, status);
    else this.#writeIndex(index, INDEXED | INDEXED_STATIC);
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

  /** As `addText`, with the value in `store.bytes[start, end)`: a path in the store of `Fields`. */
  addSpan(id: number, store: ByteStore, start: number, end: number): void {
    this.#field.setSpan(id, store, start, end);
    this.#add();
  }

  /** A field of a list that is not removed there; its name becomes lower-case. */
  addField(fields: Fields, index: number): void {
    this.#field.setField(fields, index);
    this.#add();
  }

  /** Ends the section; returns the offset behind it. */
  end(): number {
    const entries = this.#entries;
    if (entries !== null && entries.requiredCount > 0) this.#writePrefix(entries);
    else this.#writeStaticPrefix();
    this.#target = NO_BYTES;
    this.#field.release();
    return this.#at;
  }

  #add(): void {
    const field = this.#field;
    if (field.isSecret()) return this.#writeLiteral(true);
    const index = staticIndexOf(field);
    if (index !== NO_INDEX) return this.#writeIndex(index, INDEXED | INDEXED_STATIC);
    const entries = this.#entries;
    if (entries !== null && field.policy !== IndexPolicy.plain && entries.fits(field))
      this.#addIndexed(entries);
    else this.#writeLiteral(false);
  }

  /** A field that may be in the dynamic table, or enter it. */
  #addIndexed(entries: OwnEntries): void {
    const field = this.#field;
    const hash = field.hash();
    const age = entries.ageOf(field, hash);
    if (age !== -1 && !entries.isDraining(age)) {
      const index = entries.refer(age);
      if (index === -1) this.#writeLiteral(false);
      else this.#writeIndex(index, INDEXED);
      return;
    }
    if (age !== -1 || field.policy === IndexPolicy.eager || entries.wasSeen(hash))
      entries.insert(field, hash, age);
    this.#writeLiteral(false);
  }

  #writeIndex(index: number, flags: number): void {
    this.#at = writeInteger(this.#target, this.#at, index, INDEXED_MASK, flags);
  }

  #writeLiteral(never: boolean): void {
    const field = this.#field;
    const target = this.#target;
    const start = this.#at;
    const index = STATIC_NAMES[field.id] as number;
    let at: number;
    if (index === NO_INDEX) {
      at = writeName(target, start, field, LINE_NAME);
      if (never) target[start] = (target[start] as number) | LITERAL_NEVER;
    } else {
      const flags = NAMED | NAMED_STATIC | (never ? NAMED_NEVER : 0);
      at = writeInteger(target, start, index, NAMED_MASK, flags);
    }
    this.#at = writeString(target, at, field.bytes, field.start, field.end);
  }

  #writeStaticPrefix(): void {
    const start = this.#firstLine - STATIC_PREFIX_BYTES;
    this.#target[start] = 0;
    this.#target[start + 1] = 0;
    this.start = start;
  }

  /** Written where the room for it begins, then moved to the lines. */
  #writePrefix(entries: OwnEntries): void {
    const target = this.#target;
    const { requiredCount, base } = entries;
    const encoded = encodeInsertCount(requiredCount, this.#peerTableBytes);
    let at = writeInteger(target, this.#offset, encoded, COUNT_MASK, 0);
    at = writeInteger(target, at, base - requiredCount, BASE_MASK, 0);
    this.start = this.#firstLine - (at - this.#offset);
    target.copyWithin(this.start, this.#offset, at);
    entries.end(this.#streamId);
  }

  #beginInstruction(octet: number): void {
    this.#instruction = octet;
    if (octet >= SECTION_ACKNOWLEDGMENT) this.#integer.begin(octet, SECTION_ACKNOWLEDGMENT_MASK);
    else if (octet >= STREAM_CANCELLATION) this.#integer.begin(octet, STREAM_CANCELLATION_MASK);
    else this.#integer.begin(octet, INCREMENT_MASK);
  }

  #takeInstruction(): void {
    const entries = this.#entries;
    const { value } = this.#integer;
    if (this.#instruction >= SECTION_ACKNOWLEDGMENT) {
      if (entries === null || !entries.acknowledge(value)) this.reason = BAD_ACKNOWLEDGMENT;
    } else if (this.#instruction >= STREAM_CANCELLATION) {
      if (entries !== null) entries.cancel(value);
    } else if (entries === null || !entries.increment(value)) {
      this.reason = BAD_INCREMENT;
    }
  }
}
