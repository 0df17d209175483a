/** Fields that many messages get, encoded once: `Fields.addTemplate` copies them word by word. */
import { type WordText, wordText } from "../../base/word-text.ts";
import type { Fields } from "./fields.ts";

export class FieldTemplate {
  /** The lines, one behind the other. */
  readonly text: WordText;
  /** Per field: start of the name, end of the name, end of the value, id; offsets count in `text`. */
  readonly spans: Int32Array;

  /** `fields`: nothing but ASCII, none of them removed, and nothing else in their store. */
  constructor(fields: Fields) {
    const spans: number[] = [];
    for (let i = 0; i < fields.count; i++)
      spans.push(fields.nameStart(i), fields.nameEnd(i), fields.valueEnd(i), fields.id(i));
    this.text = wordText(fields.bytes.latin1Slice(0, fields.length));
    this.spans = Int32Array.from(spans);
  }
}
