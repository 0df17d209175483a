/**
 * A static table (RFC 7541 appendix A, RFC 9204 appendix A) as lines of one buffer, spelt as those of
 * `Fields`. Made once by each codec's `static-table.ts`.
 */
import { WORD_SLACK_BYTES } from "../../base/word-text.ts";
import { LINE_END_BYTES, SEPARATOR_BYTES } from "./field-view.ts";
import { nameIdOf } from "./name-id.ts";

/** Per entry of `spans`: start of the name, end of the name, end of the value. */
export const STATIC_STRIDE = 3;

export interface StaticLines {
  /** Field lines, one behind the other, and room to read the last one in words. */
  readonly bytes: Buffer;
  /** The same memory; its offsets are those of `bytes`. */
  readonly view: DataView;
  readonly spans: Int32Array;
  /** The id of each entry's name. */
  readonly ids: Uint8Array;
}

export function staticLines(fields: readonly (readonly [name: string, value: string])[]): StaticLines {
  const text = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const bytes = Buffer.from(text + " ".repeat(WORD_SLACK_BYTES), "latin1");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const spans = new Int32Array(fields.length * STATIC_STRIDE);
  const ids = new Uint8Array(fields.length);
  let offset = 0;
  fields.forEach(([name, value], index) => {
    const nameEnd = offset + name.length;
    const valueEnd = nameEnd + SEPARATOR_BYTES + value.length;
    spans.set([offset, nameEnd, valueEnd], index * STATIC_STRIDE);
    ids[index] = nameIdOf(bytes, offset, nameEnd);
    offset = valueEnd + LINE_END_BYTES;
  });
  return { bytes, view, spans, ids };
}
