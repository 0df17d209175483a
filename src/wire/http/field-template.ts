/** Fields that many messages get, encoded once: `Fields.addTemplate` copies them all together. */
import type { Fields } from "./fields.ts";

export class FieldTemplate {
  /** The lines, one behind the other. */
  readonly lines: Uint8Array;
  /** Per field: start of the name, end of the name, end of the value, id; offsets count in `lines`. */
  readonly spans: Int32Array;

  /** `fields`: none of them removed, and nothing else in their store. */
  constructor(fields: Fields) {
    const spans: number[] = [];
    for (let i = 0; i < fields.count; i++)
      spans.push(fields.nameStart(i), fields.nameEnd(i), fields.valueEnd(i), fields.id(i));
    this.lines = Uint8Array.from(fields.bytes.subarray(0, fields.length));
    this.spans = Int32Array.from(spans);
  }
}
