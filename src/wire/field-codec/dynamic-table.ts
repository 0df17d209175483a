/**
 * The dynamic table of RFC 7541 section 2.3.2 and of RFC 9204 section 3.2: entries as lines in one byte
 * store, spelt as those of `Fields`, an index of offsets beside it, no object for an entry. New entries
 * go behind the others; when the store is full, those that are left move to its front. The store has
 * twice the bytes that the table may hold, so they move less often than the table is filled anew. Both
 * grow with what is in them: a connection that sends little costs little.
 *
 * An entry is named by its number: entries are counted as they come, from 1 on, modulo 2^32. Used by the
 * decoders and by the encoders, which each have their own.
 */
import { assert } from "../../base/assert.ts";
import { WORD_SLACK_BYTES } from "../../base/word-text.ts";
import { COLON, CR, LF, SP } from "../http/octets.ts";
import { writeSpan } from "../http/write.ts";
import type { ByteStore } from "./byte-store.ts";
import { type FieldView, LINE_END_BYTES, SEPARATOR_BYTES } from "./field-view.ts";
import { FIELD_OVERHEAD_BYTES } from "./field-limits.ts";

/** First sizes of store and index. */
const FIRST_BYTES = 1024;
const FIRST_ENTRIES = 16;

/** The index has per entry: start of the name, end of the name, end of the value, mark. */
const STRIDE = 4;

const NO_BYTES: Buffer = Buffer.alloc(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));
const NO_INDEX = new Int32Array(0);

export class DynamicTable implements ByteStore {
  bytes: Buffer = NO_BYTES;
  view: DataView = NO_VIEW;
  /** Entries that are in the table. */
  count = 0;
  /** The number of the newest entry. */
  newest = 0;
  /** Size and its limit, as RFC 7541 section 4.1 and RFC 9204 section 3.2.1 count. */
  sizeBytes = 0;
  maxBytes: number;
  /** Bytes of entries are in `bytes[#start, #end)`. */
  #start = 0;
  #end = 0;
  #index: Int32Array = NO_INDEX;
  /** Places in the index, a power of two, less one. */
  #mask = -1;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Whether an entry of this number is in the table. */
  has(number: number): boolean {
    return (this.newest - number) >>> 0 < this.count;
  }

  nameStart(number: number): number {
    return this.#index[(number & this.#mask) * STRIDE] as number;
  }

  nameEnd(number: number): number {
    return this.#index[(number & this.#mask) * STRIDE + 1] as number;
  }

  valueStart(number: number): number {
    return this.nameEnd(number) + SEPARATOR_BYTES;
  }

  valueEnd(number: number): number {
    return this.#index[(number & this.#mask) * STRIDE + 2] as number;
  }

  /** What was given to `add`. */
  mark(number: number): number {
    return this.#index[(number & this.#mask) * STRIDE + 3] as number;
  }

  /** Shows an entry; returns its mark. */
  show(number: number, field: FieldView): number {
    const index = this.#index;
    const at = (number & this.#mask) * STRIDE;
    const nameEnd = index[at + 1] as number;
    field.source = this.bytes;
    field.view = this.view;
    field.nameStart = index[at] as number;
    field.nameEnd = nameEnd;
    field.valueStart = nameEnd + SEPARATOR_BYTES;
    field.valueEnd = index[at + 2] as number;
    return index[at + 3] as number;
  }

  /** Changes the limit; the oldest entries go until what is left fits (RFC 7541 section 4.3). */
  resize(maxBytes: number): void {
    this.maxBytes = maxBytes;
    this.#evictTo(maxBytes);
  }

  /**
   * Evicts what is in the way of an entry with a name and a value of so many bytes together (RFC 7541
   * section 4.4); returns false when it does not fit into the empty table, as which the table is left.
   */
  makeRoom(length: number): boolean {
    const size = length + FIELD_OVERHEAD_BYTES;
    this.#evictTo(Math.max(0, this.maxBytes - size));
    if (size > this.maxBytes) return false;
    const lineBytes = length + SEPARATOR_BYTES + LINE_END_BYTES;
    if (this.#end + lineBytes + WORD_SLACK_BYTES > this.bytes.length) this.#makeRoomInStore(lineBytes);
    if (this.count > this.#mask) this.#growIndex();
    return true;
  }

  /** Adds an entry after `makeRoom` for it, with its name, which is in another memory; `addValue` must follow. */
  add(source: Buffer, start: number, end: number, mark: number): void {
    assert(this.count <= this.#mask, "an entry without room");
    this.newest = (this.newest + 1) | 0;
    this.count++;
    const at = (this.newest & this.#mask) * STRIDE;
    const nameEnd = writeSpan(this.bytes, this.#end, source, start, end);
    this.bytes[nameEnd] = COLON;
    this.bytes[nameEnd + 1] = SP;
    this.#index[at] = this.#end;
    this.#index[at + 1] = nameEnd;
    this.#index[at + 3] = mark;
  }

  /** The value of the entry that was just added. */
  addValue(source: Buffer, start: number, end: number): void {
    const newest = this.newest;
    const valueEnd = writeSpan(this.bytes, this.valueStart(newest), source, start, end);
    this.bytes[valueEnd] = CR;
    this.bytes[valueEnd + 1] = LF;
    this.#end = valueEnd + LINE_END_BYTES;
    this.#index[(newest & this.#mask) * STRIDE + 2] = valueEnd;
    this.sizeBytes += this.entryBytes(newest);
  }

  /** Size of an entry, as `sizeBytes` counts. */
  entryBytes(number: number): number {
    const lineBytes = this.valueEnd(number) - this.nameStart(number);
    return lineBytes - SEPARATOR_BYTES + FIELD_OVERHEAD_BYTES;
  }

  #evictTo(bytes: number): void {
    while (this.sizeBytes > bytes) {
      const oldest = (this.newest - this.count + 1) | 0;
      this.sizeBytes -= this.entryBytes(oldest);
      this.#start = this.valueEnd(oldest) + LINE_END_BYTES;
      this.count--;
    }
    if (this.count === 0) {
      this.#start = 0;
      this.#end = 0;
    }
  }

  #makeRoomInStore(lineBytes: number): void {
    const used = this.#end - this.#start;
    const needed = used + lineBytes + WORD_SLACK_BYTES;
    const shift = this.#start;
    if (needed * 2 > this.bytes.length) this.#growStore(needed * 2);
    else this.bytes.copyWithin(0, this.#start, this.#end);
    this.#start = 0;
    this.#end = used;
    for (let i = 0; i < this.count; i++) {
      const at = (((this.newest - i) | 0) & this.#mask) * STRIDE;
      this.#index[at] = (this.#index[at] as number) - shift;
      this.#index[at + 1] = (this.#index[at + 1] as number) - shift;
      this.#index[at + 2] = (this.#index[at + 2] as number) - shift;
    }
  }

  #growStore(size: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, size));
    this.bytes.copy(grown, 0, this.#start, this.#end);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  #growIndex(): void {
    const grown = new Int32Array(Math.max(FIRST_ENTRIES * STRIDE, this.#index.length * 2));
    const mask = grown.length / STRIDE - 1;
    for (let i = 0; i < this.count; i++) {
      const number = (this.newest - i) | 0;
      const at = (number & this.#mask) * STRIDE;
      grown.set(this.#index.subarray(at, at + STRIDE), (number & mask) * STRIDE);
    }
    this.#index = grown;
    this.#mask = mask;
  }
}
