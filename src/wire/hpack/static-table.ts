/** The static table of RFC 7541 appendix A, as lines of one buffer, spelt as those of `Fields`. */
import { WORD_SLACK_BYTES } from "../../base/word-text.ts";
import { LINE_END_BYTES, SEPARATOR_BYTES } from "./field-view.ts";
import { nameIdOf } from "./name-id.ts";

/** By index; there is none of index 0. */
export const STATIC_FIELDS: readonly (readonly [name: string, value: string])[] = [
  ["", ""],
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""],
];

/** The index of the first entry of the dynamic table. */
export const FIRST_DYNAMIC_INDEX: number = STATIC_FIELDS.length;

/** Field lines, one behind the other, and room to read the last one in words. */
export const STATIC_BYTES: Buffer = Buffer.from(
  STATIC_FIELDS.map(([name, value]) => `${name}: ${value}\r\n`).join("") + " ".repeat(WORD_SLACK_BYTES),
  "latin1",
);

/** The same memory; its offsets are those of `STATIC_BYTES`. */
export const STATIC_VIEW: DataView = new DataView(
  STATIC_BYTES.buffer,
  STATIC_BYTES.byteOffset,
  STATIC_BYTES.length,
);

/** Per entry: start of the name, end of the name, end of the value. */
export const STATIC_STRIDE = 3;
export const STATIC_SPANS: Int32Array = staticSpans();

/** The id of each entry's name. */
export const STATIC_IDS: Uint8Array = Uint8Array.from(STATIC_FIELDS, (_, index) =>
  nameIdOf(
    STATIC_BYTES,
    STATIC_SPANS[index * STATIC_STRIDE] as number,
    STATIC_SPANS[index * STATIC_STRIDE + 1] as number,
  ),
);

function staticSpans(): Int32Array {
  const spans = new Int32Array(STATIC_FIELDS.length * STATIC_STRIDE);
  let offset = 0;
  STATIC_FIELDS.forEach(([name, value], index) => {
    const nameEnd = offset + name.length;
    const valueEnd = nameEnd + SEPARATOR_BYTES + value.length;
    spans.set([offset, nameEnd, valueEnd], index * STATIC_STRIDE);
    offset = valueEnd + LINE_END_BYTES;
  });
  return spans;
}
