/**
 * Decodes the header blocks of one connection and direction (RFC 7541). Strict and bounded: whatever the
 * bytes are, it ends with an outcome, and memory and work are bounded by the block and by the limits.
 *
 * Called by the HTTP/2 codec with each whole block (HEADERS with its CONTINUATIONs), in the order in
 * which they came, those of refused streams included, as each may change the table. Hands each field to
 * the sink, as spans.
 */
import { WORD_SLACK_BYTES } from "../../base/word-text.ts";
import { COLON, CR, LF, SP } from "../http/octets.ts";
import { writeSpan } from "../http/write.ts";
import { DynamicTable } from "./dynamic-table.ts";
import { GOOD_NAME, ID_MASK, markName, markValue, WELL_FORMED } from "./field-octets.ts";
import { type FieldSink, FieldView, LINE_END_BYTES, SEPARATOR_BYTES } from "./field-view.ts";
import {
  DEFAULT_TABLE_BYTES,
  FIELD_OVERHEAD_BYTES,
  type HpackDecoderLimits,
  LIST_ABORT_FACTOR,
} from "./hpack-limits.ts";
import { IntegerReader } from "./integer.ts";
import {
  INCREMENTAL,
  INCREMENTAL_MASK,
  INDEXED,
  INDEXED_MASK,
  LITERAL_MASK,
  NEVER_INDEXED,
  SIZE_UPDATE,
  SIZE_UPDATE_MASK,
  STRING_MASK,
} from "./representation.ts";
import { HpackScratch } from "./scratch.ts";
import {
  FIRST_DYNAMIC_INDEX,
  STATIC_BYTES,
  STATIC_IDS,
  STATIC_SPANS,
  STATIC_STRIDE,
  STATIC_VIEW,
} from "./static-table.ts";
import { StringReader } from "./string-reader.ts";

export const HpackOutcome = {
  /** The sink has every field. */
  complete: 0,
  /** The list is over a limit: the sink has its beginning, and the table is as the peer's. Refuse the message. */
  tooLarge: 1,
  /** The list is far over its limit, and decoding stopped: end the connection with ENHANCE_YOUR_CALM. */
  bomb: 2,
  /** The block is not HPACK, `reason` says why: end the connection with COMPRESSION_ERROR. */
  error: 3,
} as const;
export type HpackOutcome = (typeof HpackOutcome)[keyof typeof HpackOutcome];

/** At most so many may open a block: the smallest size since the last block, and the present one. */
const MAX_SIZE_UPDATES = 2;

const BAD_INTEGER = "an integer is cut or too large";
const BAD_INDEX = "an index that is in no table";
const BAD_STRING = "a string is cut, or its Huffman code is wrong";
const TOO_MANY_UPDATES = "too many table size updates";
const UPDATE_TOO_LARGE = "a table size update above our limit";
const UPDATE_MISSING = "no table size update after our limit was lowered";
const UPDATE_MISPLACED = "a table size update behind a field";
const LIST_BOMB = "the field list is many times over its limit";

export class HpackDecoder {
  /** After `bomb` and `error`: what was wrong, for the log. */
  reason = "";
  /** Size of the last list, as SETTINGS_MAX_HEADER_LIST_SIZE counts, and its number of fields. */
  listBytes = 0;
  fieldCount = 0;

  readonly #limits: HpackDecoderLimits;
  readonly #scratch: HpackScratch;
  readonly #table: DynamicTable = new DynamicTable(DEFAULT_TABLE_BYTES);
  readonly #integer: IntegerReader = new IntegerReader();
  readonly #name: StringReader = new StringReader();
  readonly #value: StringReader = new StringReader();
  readonly #field: FieldView = new FieldView();
  #outcome: HpackOutcome = HpackOutcome.complete;
  /** What `field-octets.ts` says of the field that is shown. */
  #mark = 0;
  /** Our SETTINGS_HEADER_TABLE_SIZE, and its smallest value since the last block. */
  #tableLimit = DEFAULT_TABLE_BYTES;
  #lowestLimit = DEFAULT_TABLE_BYTES;

  /** Decoders that share `scratch` must not be called from each other's sinks. */
  constructor(limits: HpackDecoderLimits, scratch: HpackScratch = new HpackScratch()) {
    this.#limits = limits;
    this.#scratch = scratch;
  }

  /**
   * Our SETTINGS_HEADER_TABLE_SIZE, when the peer has acknowledged it: from then on it must keep to it,
   * and after a lower one say so in its next block (RFC 7541 section 4.2).
   */
  setTableLimit(bytes: number): void {
    this.#tableLimit = bytes;
    this.#lowestLimit = Math.min(this.#lowestLimit, bytes);
  }

  /** Decodes the block in `block[start, end)`. After `bomb` and `error` the decoder is of no more use. */
  decode(block: Buffer, start: number, end: number, sink: FieldSink): HpackOutcome {
    if (this.#outcome >= HpackOutcome.bomb) return this.#outcome;
    this.#outcome = HpackOutcome.complete;
    this.listBytes = 0;
    this.fieldCount = 0;
    let pos = this.#readSizeUpdates(block, start, end);
    while (pos < end) {
      const first = block[pos] as number;
      pos = first >= INDEXED ? this.#readIndexed(block, pos, end) : this.#readLiteral(block, pos, end);
      if (this.#outcome === HpackOutcome.complete) sink.onField(this.#field);
      else if (this.#outcome !== HpackOutcome.tooLarge) break;
    }
    this.#field.release();
    this.#scratch.release();
    return this.#outcome;
  }

  #readSizeUpdates(block: Buffer, start: number, end: number): number {
    const table = this.#table;
    const missing = table.maxBytes > this.#lowestLimit;
    let lowest = table.maxBytes;
    let pos = start;
    for (let updates = 1; pos < end && isSizeUpdate(block[pos] as number); updates++) {
      if (updates > MAX_SIZE_UPDATES) return this.#fail(TOO_MANY_UPDATES, end);
      pos = this.#integer.read(block, pos, end, SIZE_UPDATE_MASK);
      if (pos === -1) return this.#fail(BAD_INTEGER, end);
      const size = this.#integer.value;
      if (size > this.#tableLimit) return this.#fail(UPDATE_TOO_LARGE, end);
      table.resize(size);
      lowest = Math.min(lowest, size);
    }
    if (missing && lowest > this.#lowestLimit) return this.#fail(UPDATE_MISSING, end);
    this.#lowestLimit = this.#tableLimit;
    return pos;
  }

  #readIndexed(block: Buffer, start: number, end: number): number {
    const pos = this.#integer.read(block, start, end, INDEXED_MASK);
    if (pos === -1) return this.#fail(BAD_INTEGER, end);
    if (!this.#find(this.#integer.value)) return this.#fail(BAD_INDEX, end);
    this.#field.neverIndexed = false;
    return this.#isOverLimit() ? this.#fail(LIST_BOMB, end, HpackOutcome.bomb) : pos;
  }

  #readLiteral(block: Buffer, start: number, end: number): number {
    const first = block[start] as number;
    if (isSizeUpdate(first)) return this.#fail(UPDATE_MISPLACED, end);
    const incremental = first >= INCREMENTAL;
    let pos = this.#integer.read(block, start, end, incremental ? INCREMENTAL_MASK : LITERAL_MASK);
    if (pos === -1) return this.#fail(BAD_INTEGER, end);
    const index = this.#integer.value;
    if (index === 0) pos = this.#name.read(block, pos, end, STRING_MASK);
    else if (!this.#find(index)) return this.#fail(BAD_INDEX, end);
    if (pos !== -1) pos = this.#value.read(block, pos, end, STRING_MASK);
    if (pos === -1 || !this.#compose(block, index === 0)) return this.#fail(BAD_STRING, end);
    this.#judge(index === 0);
    this.#field.neverIndexed = !incremental && first >= NEVER_INDEXED;
    if (this.#isOverLimit()) return this.#fail(LIST_BOMB, end, HpackOutcome.bomb);
    if (incremental) this.#insert();
    return pos;
  }

  /** Shows the entry of a table; false when there is none of this index. */
  #find(index: number): boolean {
    const field = this.#field;
    if (index >= FIRST_DYNAMIC_INDEX) return this.#findDynamic(index - FIRST_DYNAMIC_INDEX);
    if (index === 0) return false;
    const at = index * STATIC_STRIDE;
    const nameEnd = STATIC_SPANS[at + 1] as number;
    field.source = STATIC_BYTES;
    field.view = STATIC_VIEW;
    field.nameStart = STATIC_SPANS[at] as number;
    field.nameEnd = nameEnd;
    field.valueStart = nameEnd + SEPARATOR_BYTES;
    field.valueEnd = STATIC_SPANS[at + 2] as number;
    this.#setMark((STATIC_IDS[index] as number) | WELL_FORMED);
    return true;
  }

  #findDynamic(age: number): boolean {
    const table = this.#table;
    if (age >= table.count) return false;
    this.#setMark(table.show((table.newest - age) | 0, this.#field));
    return true;
  }

  /**
   * Shows the literal that was read, as a line in the scratch memory. Its name is a string of its own, or
   * that of the entry which is shown.
   */
  #compose(block: Buffer, ownName: boolean): boolean {
    const field = this.#field;
    const name = this.#name;
    const value = this.#value;
    const scratch = this.#scratch;
    const nameBytes = ownName ? name.roomBytes() : field.nameEnd - field.nameStart;
    scratch.reserve(0, nameBytes + value.roomBytes() + SEPARATOR_BYTES + LINE_END_BYTES + WORD_SLACK_BYTES);
    const target = scratch.bytes;
    const nameEnd = ownName
      ? name.writeTo(target, 0, block)
      : writeSpan(target, 0, field.source, field.nameStart, field.nameEnd);
    if (nameEnd === -1) return false;
    const valueEnd = value.writeTo(target, nameEnd + SEPARATOR_BYTES, block);
    if (valueEnd === -1) return false;
    target[nameEnd] = COLON;
    target[nameEnd + 1] = SP;
    target[valueEnd] = CR;
    target[valueEnd + 1] = LF;
    field.source = target;
    field.view = scratch.view;
    field.nameStart = 0;
    field.nameEnd = nameEnd;
    field.valueStart = nameEnd + SEPARATOR_BYTES;
    field.valueEnd = valueEnd;
    return true;
  }

  /** Judges the octets of the literal that is shown; those of a name from a table are judged already. */
  #judge(ownName: boolean): void {
    const { source, view, nameStart, nameEnd, valueStart, valueEnd } = this.#field;
    const name = ownName ? markName(source, nameStart, nameEnd) : this.#mark & (ID_MASK | GOOD_NAME);
    this.#setMark(name | markValue(source, view, valueStart, valueEnd));
  }

  #setMark(mark: number): void {
    this.#mark = mark;
    this.#field.id = mark & ID_MASK;
    this.#field.wellFormed = (mark & WELL_FORMED) === WELL_FORMED;
  }

  #insert(): void {
    const { source, nameStart, nameEnd, valueStart, valueEnd } = this.#field;
    const table = this.#table;
    if (!table.makeRoom(nameEnd - nameStart + valueEnd - valueStart)) return;
    table.add(source, nameStart, nameEnd, this.#mark);
    table.addValue(source, valueStart, valueEnd);
  }

  /** Counts the field that is shown; true when the list has become a bomb. */
  #isOverLimit(): boolean {
    const { nameStart, nameEnd, valueStart, valueEnd } = this.#field;
    const { maxListBytes, maxFields } = this.#limits;
    this.listBytes += nameEnd - nameStart + valueEnd - valueStart + FIELD_OVERHEAD_BYTES;
    this.fieldCount++;
    if (this.listBytes <= maxListBytes && this.fieldCount <= maxFields) return false;
    this.#outcome = HpackOutcome.tooLarge;
    return this.listBytes > maxListBytes * LIST_ABORT_FACTOR;
  }

  #fail(reason: string, end: number, outcome: HpackOutcome = HpackOutcome.error): number {
    this.reason = reason;
    this.#outcome = outcome;
    return end;
  }
}

function isSizeUpdate(octet: number): boolean {
  return (octet & ~SIZE_UPDATE_MASK) === SIZE_UPDATE;
}
