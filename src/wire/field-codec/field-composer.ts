/**
 * The field that a decoder shows: an entry of a table as it lies there, or a literal, put together as a
 * line in the scratch memory. One in each of `HpackDecoder`, `QpackDecoder` and QPACK's reader of
 * insertions.
 */
import { WORD_SLACK_BYTES } from "../../base/word-text.ts";
import { COLON, CR, LF, SP } from "../http/octets.ts";
import { writeSpan } from "../http/write.ts";
import type { DynamicTable } from "./dynamic-table.ts";
import { FIELD_OVERHEAD_BYTES } from "./field-limits.ts";
import { GOOD_NAME, ID_MASK, markName, markValue, WELL_FORMED } from "./field-octets.ts";
import type { FieldScratch } from "./field-scratch.ts";
import { FieldView, LINE_END_BYTES, SEPARATOR_BYTES } from "./field-view.ts";
import { STATIC_STRIDE, type StaticLines } from "./static-lines.ts";
import { StringReader } from "./string-reader.ts";

export class FieldComposer {
  readonly field: FieldView = new FieldView();
  /** The strings of a literal, as its decoder has read them. */
  readonly name: StringReader = new StringReader();
  readonly value: StringReader = new StringReader();
  readonly #scratch: FieldScratch;
  /** What `field-octets.ts` says of the field that is shown. */
  #mark = 0;

  constructor(scratch: FieldScratch) {
    this.#scratch = scratch;
  }

  /** Shows an entry of the static table, which has one of this index. */
  showStatic(lines: StaticLines, index: number): void {
    const { field } = this;
    const { spans } = lines;
    const at = index * STATIC_STRIDE;
    const nameEnd = spans[at + 1] as number;
    field.source = lines.bytes;
    field.view = lines.view;
    field.nameStart = spans[at] as number;
    field.nameEnd = nameEnd;
    field.valueStart = nameEnd + SEPARATOR_BYTES;
    field.valueEnd = spans[at + 2] as number;
    this.#setMark((lines.ids[index] as number) | WELL_FORMED);
  }

  /** Shows an entry of the dynamic table, which has one of this number. */
  showEntry(table: DynamicTable, number: number): void {
    this.#setMark(table.show(number, this.field));
  }

  /**
   * Shows the literal whose strings are in `block`. Its name is `name`, or that of the entry which is
   * shown. False: a string is not in the Huffman code that it claims.
   */
  compose(block: Buffer, ownName: boolean): boolean {
    const { field, name, value } = this;
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
    this.#judge(ownName);
    return true;
  }

  /** Shows a copy of the entry that is shown, which does not lie in the table. */
  copy(): void {
    const { field, value } = this;
    value.huffman = false;
    value.start = field.valueStart;
    value.end = field.valueEnd;
    this.compose(field.source, false);
  }

  /** What the field that is shown counts, in tables and in lists. */
  sizeBytes(): number {
    const { nameStart, nameEnd, valueStart, valueEnd } = this.field;
    return nameEnd - nameStart + valueEnd - valueStart + FIELD_OVERHEAD_BYTES;
  }

  /** Adds the field that is shown, which must not lie in the table; false: it is larger than the table may be. */
  insertInto(table: DynamicTable): boolean {
    const { source, nameStart, nameEnd, valueStart, valueEnd } = this.field;
    if (!table.makeRoom(nameEnd - nameStart + valueEnd - valueStart)) return false;
    table.add(source, nameStart, nameEnd, this.#mark);
    table.addValue(source, valueStart, valueEnd);
    return true;
  }

  /** Lets the memory go. */
  release(): void {
    this.field.release();
    this.#scratch.release();
  }

  /** Judges the octets of the literal that is shown; those of a name from a table are judged already. */
  #judge(ownName: boolean): void {
    const { source, view, nameStart, nameEnd, valueStart, valueEnd } = this.field;
    const name = ownName ? markName(source, nameStart, nameEnd) : this.#mark & (ID_MASK | GOOD_NAME);
    this.#setMark(name | markValue(source, view, valueStart, valueEnd));
  }

  #setMark(mark: number): void {
    this.#mark = mark;
    this.field.id = mark & ID_MASK;
    this.field.wellFormed = (mark & WELL_FORMED) === WELL_FORMED;
  }
}
