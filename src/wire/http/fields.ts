/**
 * The field section of a message (RFC 9110 section 5), in wire order, neutral to the HTTP version.
 *
 * Every field is kept as an HTTP/1 line, `name: value CRLF`, in one byte store that only grows, with
 * an index of offsets beside it. So an HTTP/1 reader copies a run of lines at once, an HTTP/1 writer
 * does the same with the lines that are left, the HPACK and QPACK codecs read and write spans, and
 * nobody makes a string that nobody reads. Only the index says what is a field: the store may hold
 * bytes that no field refers to.
 *
 * Filled by the codecs, edited by normalisation and middleware, read by the writers. An instance
 * belongs to one message and is reused for the next by `clear()`.
 */
import "../../base/latin1.ts";
import { assert } from "../../base/assert.ts";
import { copyStepped, isStepped } from "../../base/word-copy.ts";
import { WORD_SLACK_BYTES, type WordText, writeWords } from "../../base/word-text.ts";
import { equalsLower, fieldIdOf, FIELD_NAMES, FieldId } from "./field-id.ts";
import { COLON, CR, FIELD_VALUE_OCTETS, LF, SP, TOKEN_OCTETS } from "./octets.ts";
import type { FieldTemplate } from "./field-template.ts";
import { writeText } from "./text.ts";
import { writeSpan } from "./write.ts";

/** First size of a byte store and of an index; both start empty, as most trailer sections stay so. */
const FIRST_BYTES = 1024;
const FIRST_FIELDS = 24;

/** A store or an index that one large message made longer than this is given back by `clear()`. */
const KEPT_BYTES = 8192;
const KEPT_FIELDS = 96;

/** The index has per field: start of the name, end of the name, end of the value, id with `REMOVED`. */
const STRIDE = 4;
const REMOVED = 0x100;

/** Up to so many octets of a line are copied as words, which is cheaper than the call that copies any number. */
const COPY_WORDS_BYTES = 96;

const ALL_OCTETS: Uint8Array = new Uint8Array(256).fill(1);
const NO_BYTES: Buffer = Buffer.alloc(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));
const NO_INDEX = new Int32Array(0);
const NO_MARKS = new Uint8Array(0);

/** A field in another memory, which is spelt there as a line is here, and has `WORD_SLACK_BYTES` behind it. */
export interface FieldLine {
  readonly source: Buffer;
  /** The same memory. */
  readonly view: DataView;
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly valueEnd: number;
  /** A `FieldId`. */
  readonly id: number;
}

export class Fields {
  /** Field lines; `bytes[lineStart(i), lineEnd(i))` is `name: value CRLF`. */
  bytes: Buffer = NO_BYTES;
  /** The same memory, for writing words. */
  view: DataView = NO_VIEW;
  /** How much of `bytes` is in use. */
  length = 0;
  /** Number of fields, those removed included: check `removed(i)` in loops. */
  count = 0;
  /** How much the store takes without the slack that words need. */
  #roomBytes = 0;
  #index: Int32Array = NO_INDEX;
  /** Per field 1 where it is never indexed; without length while none is, which is nearly always so. */
  #neverIndexed: Uint8Array = NO_MARKS;

  clear(): void {
    // A store that is too large to be kept has been more than half full, as it is doubled when it grows.
    if (this.length > KEPT_BYTES / 2 && this.bytes.length > KEPT_BYTES) this.#giveBytesBack();
    if (this.count > KEPT_FIELDS / 2 && this.#index.length > KEPT_FIELDS * STRIDE) this.#index = NO_INDEX;
    this.length = 0;
    this.removeEvery();
  }

  /** Appends a field from raw bytes, already validated by the codec. */
  addBytes(source: Buffer, nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): number {
    const start = this.#reserve(nameEnd - nameStart + valueEnd - valueStart + 4);
    const bytes = this.bytes;
    const separator = writeSpan(bytes, start, source, nameStart, nameEnd);
    const end = writeSpan(bytes, separator + 2, source, valueStart, valueEnd);
    return this.#close(start, separator, end, fieldIdOf(bytes, start, separator));
  }

  /** As `addBytes`, for a field that is a line already; returns its index. */
  addLine(line: FieldLine): number {
    const { view, nameStart, nameEnd, valueEnd } = line;
    const lineEnd = valueEnd + 2;
    const start = this.#reserve(lineEnd - nameStart);
    if (lineEnd - nameStart > COPY_WORDS_BYTES) line.source.copy(this.bytes, start, nameStart, lineEnd);
    else copyFourByFour(this.view, start, view, nameStart, lineEnd);
    const shift = start - nameStart;
    this.length = lineEnd + shift;
    this.addSpan(start, nameEnd + shift, valueEnd + shift, line.id);
    return this.count - 1;
  }

  /** Appends a field the gateway writes itself. The value must hold no CR, LF or NUL: `isFieldValue` tells. */
  add(id: number, value: string): number {
    return this.addNamed(FIELD_NAMES[id] as string, value, id);
  }

  /** As `add`, for a name without an id. The name must be a token: `isToken` tells. */
  addNamed(name: string, value: string, id: number = FieldId.other): number {
    assert(name.length > 0, "a field needs a name");
    const start = this.#reserve(name.length + value.length + 4);
    const separator = writeText(this.bytes, start, name, TOKEN_OCTETS);
    const valueEnd = writeText(this.bytes, separator + 2, value, FIELD_VALUE_OCTETS);
    return this.#close(start, separator, valueEnd, id);
  }

  /** Appends one field: its name with colon and blank, and a value as for `add`, both as words. */
  addWords(start: WordText, value: WordText, id: number): number {
    const offset = this.#reserve(start.length + value.length + 2);
    const valueStart = writeWords(this.view, offset, start);
    const valueEnd = writeWords(this.view, valueStart, value);
    return this.#close(offset, valueStart - 2, valueEnd, id);
  }

  /** Appends the fields of a template; returns the index of the first. */
  addTemplate(template: FieldTemplate): number {
    const { lines, spans } = template;
    const first = this.count;
    const offset = this.#reserve(lines.length);
    this.bytes.set(lines, offset);
    this.length = offset + lines.length;
    const at = first * STRIDE;
    while (at + spans.length > this.#index.length) this.#growIndex();
    const index = this.#index;
    for (let i = 0; i < spans.length; i += STRIDE) {
      index[at + i] = offset + (spans[i] as number);
      index[at + i + 1] = offset + (spans[i + 1] as number);
      index[at + i + 2] = offset + (spans[i + 2] as number);
      index[at + i + 3] = spans[i + 3] as number;
    }
    this.count = first + spans.length / STRIDE;
    return first;
  }

  /** Puts text into the store, Latin-1, as no field; returns where it is. */
  addText(text: string): number {
    const start = this.#reserve(text.length);
    this.length = writeText(this.bytes, start, text, ALL_OCTETS);
    return start;
  }

  /**
   * Copies whole field lines that are spelt `name: value CRLF` already, and returns where they went.
   * They become fields by `addSpan`, which may come before: the lines go to `length`. With a `view` of
   * the source, few lines cost less.
   */
  addLines(source: Buffer, start: number, end: number, view: DataView | null = null): number {
    const offset = this.#reserve(end - start);
    if (view !== null && isStepped(end - start)) copyStepped(this.view, offset, view, start, end);
    else source.copy(this.bytes, offset, start, end);
    this.length = offset + end - start;
    return offset;
  }

  /** Makes a field of a line that `addLines` copies; offsets count in `bytes`. */
  addSpan(nameStart: number, nameEnd: number, valueEnd: number, id: number): void {
    const at = this.count * STRIDE;
    if (at === this.#index.length) this.#growIndex();
    const index = this.#index;
    index[at] = nameStart;
    index[at + 1] = nameEnd;
    index[at + 2] = valueEnd;
    index[at + 3] = id;
    this.count++;
  }

  /** No field is left; what else is in the store stays there. */
  removeEvery(): void {
    this.count = 0;
    if (this.#neverIndexed !== NO_MARKS) this.#neverIndexed = NO_MARKS;
  }

  /** The field came as a never-indexed literal, and must be one wherever it is sent on (RFC 7541 section 6.2.3). */
  markNeverIndexed(index: number): void {
    if (index >= this.#neverIndexed.length) {
      const grown = new Uint8Array(Math.max(FIRST_FIELDS, index * 2));
      grown.set(this.#neverIndexed);
      this.#neverIndexed = grown;
    }
    this.#neverIndexed[index] = 1;
  }

  neverIndexed(index: number): boolean {
    return index < this.#neverIndexed.length && this.#neverIndexed[index] === 1;
  }

  remove(index: number): void {
    this.#index[index * STRIDE + 3] = (this.#index[index * STRIDE + 3] as number) | REMOVED;
  }

  removed(index: number): boolean {
    return (this.#index[index * STRIDE + 3] as number) >= REMOVED;
  }

  removeAll(id: number): void {
    for (let i = 0; i < this.count; i++) if (this.#index[i * STRIDE + 3] === id) this.remove(i);
  }

  /** Replaces every field of this id by one. */
  set(id: number, value: string): void {
    this.removeAll(id);
    this.add(id, value);
  }

  id(index: number): number {
    return (this.#index[index * STRIDE + 3] as number) & (REMOVED - 1);
  }

  nameStart(index: number): number {
    return this.#index[index * STRIDE] as number;
  }

  nameEnd(index: number): number {
    return this.#index[index * STRIDE + 1] as number;
  }

  valueStart(index: number): number {
    return (this.#index[index * STRIDE + 1] as number) + 2;
  }

  valueEnd(index: number): number {
    return this.#index[index * STRIDE + 2] as number;
  }

  lineStart(index: number): number {
    return this.#index[index * STRIDE] as number;
  }

  lineEnd(index: number): number {
    return (this.#index[index * STRIDE + 2] as number) + 2;
  }

  /** The name as it was spelt. */
  name(index: number): string {
    return this.bytes.latin1Slice(this.nameStart(index), this.nameEnd(index));
  }

  value(index: number): string {
    return this.bytes.latin1Slice(this.valueStart(index), this.valueEnd(index));
  }

  /** Index of the first field with this id at or after `from`; -1 when there is none. */
  find(id: number, from = 0): number {
    const index = this.#index;
    for (let i = from; i < this.count; i++) if (index[i * STRIDE + 3] === id) return i;
    return -1;
  }

  /** As `find`, by a lower-case name; for names that have no id. */
  findNamed(lowerName: Uint8Array, from = 0): number {
    for (let i = from; i < this.count; i++) {
      if (!this.removed(i) && equalsLower(this.bytes, this.nameStart(i), this.nameEnd(i), lowerName))
        return i;
    }
    return -1;
  }

  /** The first value with this id; `undefined` when there is none. */
  get(id: number): string | undefined {
    const index = this.find(id);
    return index === -1 ? undefined : this.value(index);
  }

  /** All values with this id joined by a comma (RFC 9110 section 5.3); `undefined` when there is none. */
  joined(id: number): string | undefined {
    let index = this.find(id);
    if (index === -1) return undefined;
    let text = this.value(index);
    while ((index = this.find(id, index + 1)) !== -1) text += `, ${this.value(index)}`;
    return text;
  }

  /** Room that `writeTo` needs: an upper bound, as removed fields are counted. */
  wireLength(): number {
    return this.length;
  }

  /**
   * Writes every line that is not removed to `target` at `offset`, in runs; returns the new offset.
   * `target` must have room for `wireLength()` bytes. What is in `bytes[openingStart, openingEnd)` is
   * written first.
   */
  writeTo(target: Buffer, offset: number, openingStart = 0, openingEnd = 0): number {
    const index = this.#index;
    const limit = this.count * STRIDE;
    let runStart = openingStart;
    let runEnd = openingEnd;
    let to = offset;
    for (let at = 0; at < limit; at += STRIDE) {
      if ((index[at + 3] as number) >= REMOVED) continue;
      const lineStart = index[at] as number;
      if (lineStart !== runEnd) {
        to = writeSpan(target, to, this.bytes, runStart, runEnd);
        runStart = lineStart;
      }
      runEnd = (index[at + 2] as number) + 2;
    }
    return writeSpan(target, to, this.bytes, runStart, runEnd);
  }

  /** Appends all fields of another section that are not removed. */
  addAll(other: Fields): void {
    for (let i = 0; i < other.count; i++) {
      if (other.removed(i)) continue;
      const added = this.addBytes(
        other.bytes,
        other.nameStart(i),
        other.nameEnd(i),
        other.valueStart(i),
        other.valueEnd(i),
      );
      if (other.neverIndexed(i)) this.markNeverIndexed(added);
    }
  }

  /** Names and values in order, for tests and cold paths. */
  toArray(): [string, string][] {
    const list: [string, string][] = [];
    for (let i = 0; i < this.count; i++) if (!this.removed(i)) list.push([this.name(i), this.value(i)]);
    return list;
  }

  /** Makes room for so many bytes more; returns where they go. */
  #reserve(size: number): number {
    const start = this.length;
    if (start + size > this.#roomBytes) this.#growBytes(start + size + WORD_SLACK_BYTES);
    return start;
  }

  #growBytes(size: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, this.bytes.length * 2, size));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
    this.#roomBytes = grown.length - WORD_SLACK_BYTES;
  }

  #giveBytesBack(): void {
    this.bytes = NO_BYTES;
    this.view = NO_VIEW;
    this.#roomBytes = 0;
  }

  #close(nameStart: number, nameEnd: number, valueEnd: number, id: number): number {
    const bytes = this.bytes;
    bytes[nameEnd] = COLON;
    bytes[nameEnd + 1] = SP;
    bytes[valueEnd] = CR;
    bytes[valueEnd + 1] = LF;
    this.length = valueEnd + 2;
    this.addSpan(nameStart, nameEnd, valueEnd, id);
    return this.count - 1;
  }

  #growIndex(): void {
    const grown = new Int32Array(Math.max(FIRST_FIELDS * STRIDE, this.#index.length * 2));
    grown.set(this.#index);
    this.#index = grown;
  }
}

/** Copies `source[start, end)`, and up to 3 octets more. */
function copyFourByFour(
  target: DataView,
  offset: number,
  source: DataView,
  start: number,
  end: number,
): void {
  const shift = offset - start;
  for (let at = start; at < end; at += 4) target.setInt32(at + shift, source.getInt32(at, true), true);
}
