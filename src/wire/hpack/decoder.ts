/**
 * Decodes the header blocks of one connection and direction (RFC 7541). Strict and bounded: whatever the
 * bytes are, it ends with an outcome, and memory and work are bounded by the block and by the limits.
 *
 * Called by the HTTP/2 codec with each whole block (HEADERS with its CONTINUATIONs), in the order in
 * which they came, those of refused streams included, as each may change the table. Hands each field to
 * the sink, as spans.
 */
import { DynamicTable } from "../field-codec/dynamic-table.ts";
import { FieldComposer } from "../field-codec/field-composer.ts";
import { FieldScratch } from "../field-codec/field-scratch.ts";
import type { FieldSink } from "../field-codec/field-view.ts";
import { IntegerReader } from "../field-codec/integer.ts";
import { DEFAULT_TABLE_BYTES, type HpackDecoderLimits, LIST_ABORT_FACTOR } from "./hpack-limits.ts";
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
import { FIRST_DYNAMIC_INDEX, STATIC_LINES } from "./static-table.ts";

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
  readonly #composer: FieldComposer;
  readonly #table: DynamicTable = new DynamicTable(DEFAULT_TABLE_BYTES);
  readonly #integer: IntegerReader = new IntegerReader();
  #outcome: HpackOutcome = HpackOutcome.complete;
  /** Our SETTINGS_HEADER_TABLE_SIZE, and its smallest value since the last block. */
  #tableLimit = DEFAULT_TABLE_BYTES;
  #lowestLimit = DEFAULT_TABLE_BYTES;

  /** Decoders that share `scratch` must not be called from each other's sinks. */
  constructor(limits: HpackDecoderLimits, scratch: FieldScratch = new FieldScratch()) {
    this.#limits = limits;
    this.#composer = new FieldComposer(scratch);
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
    const { field } = this.#composer;
    let pos = this.#readSizeUpdates(block, start, end);
    while (pos < end) {
      const first = block[pos] as number;
      pos = first >= INDEXED ? this.#readIndexed(block, pos, end) : this.#readLiteral(block, pos, end);
      if (this.#outcome === HpackOutcome.complete) sink.onField(field);
      else if (this.#outcome !== HpackOutcome.tooLarge) break;
    }
    this.#composer.release();
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
    this.#composer.field.neverIndexed = false;
    return this.#isOverLimit() ? this.#fail(LIST_BOMB, end, HpackOutcome.bomb) : pos;
  }

  #readLiteral(block: Buffer, start: number, end: number): number {
    const first = block[start] as number;
    if (isSizeUpdate(first)) return this.#fail(UPDATE_MISPLACED, end);
    const incremental = first >= INCREMENTAL;
    let pos = this.#integer.read(block, start, end, incremental ? INCREMENTAL_MASK : LITERAL_MASK);
    if (pos === -1) return this.#fail(BAD_INTEGER, end);
    const index = this.#integer.value;
    const composer = this.#composer;
    if (index === 0) pos = composer.name.read(block, pos, end, STRING_MASK);
    else if (!this.#find(index)) return this.#fail(BAD_INDEX, end);
    if (pos !== -1) pos = composer.value.read(block, pos, end, STRING_MASK);
    if (pos === -1 || !composer.compose(block, index === 0)) return this.#fail(BAD_STRING, end);
    composer.field.neverIndexed = !incremental && first >= NEVER_INDEXED;
    if (this.#isOverLimit()) return this.#fail(LIST_BOMB, end, HpackOutcome.bomb);
    // What does not fit has emptied the table, and is no mistake (RFC 7541 section 4.4).
    if (incremental) composer.insertInto(this.#table);
    return pos;
  }

  /** Shows the entry of a table; false when there is none of this index. */
  #find(index: number): boolean {
    if (index >= FIRST_DYNAMIC_INDEX) return this.#findDynamic(index - FIRST_DYNAMIC_INDEX);
    if (index === 0) return false;
    this.#composer.showStatic(STATIC_LINES, index);
    return true;
  }

  #findDynamic(age: number): boolean {
    const table = this.#table;
    if (age >= table.count) return false;
    this.#composer.showEntry(table, (table.newest - age) | 0);
    return true;
  }

  /** Counts the field that is shown; true when the list has become a bomb. */
  #isOverLimit(): boolean {
    const { maxListBytes, maxFields } = this.#limits;
    this.listBytes += this.#composer.sizeBytes();
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
