/**
 * One decoded field as the decoder shows it: where its name and value are, without a string or an
 * object of its own. Filled by `HpackDecoder` and `QpackDecoder`, read by their sinks.
 */
import { FieldId } from "../http/field-id.ts";
import type { FieldLine } from "../http/fields.ts";

/** Between name and value, and behind the value: the field is spelt as a line of `Fields`. */
export const SEPARATOR_BYTES = 2;
export const LINE_END_BYTES = 2;

const NO_BYTES: Buffer = Buffer.alloc(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));

export class FieldView implements FieldLine {
  /** Holds name and value; valid until the sink returns, as everything here. */
  source: Buffer = NO_BYTES;
  /** The same memory. */
  view: DataView = NO_VIEW;
  nameStart = 0;
  nameEnd = 0;
  valueStart = 0;
  valueEnd = 0;
  /** A `FieldId` or a `PseudoId`; `FieldId.other` for every other name, and for one that is not well-formed. */
  id: number = FieldId.other;
  /** Whoever sends the field on must use a never-indexed literal again (RFC 7541 section 6.2.3, RFC 9204 section 4.5.4). */
  neverIndexed = false;
  /**
   * The name is a lower-case token or one of the pseudo-header names that there are, the value holds no
   * control character but HTAB and no blank at its ends (RFC 9113 section 8.2.1, RFC 9114 section 4.2). False: the message is
   * malformed.
   */
  wellFormed = false;

  /** Lets the memory go. */
  release(): void {
    this.source = NO_BYTES;
    this.view = NO_VIEW;
  }
}

/** Whoever takes the fields of a block or section. */
export interface FieldSink {
  onField(field: FieldView): void;
}
