/** Field lists to and from HPACK's header blocks. */
import { type HpackDecoder, HpackOutcome } from "../../src/wire/hpack/decoder.ts";
import { encodedBound, type HpackEncoder } from "../../src/wire/hpack/encoder.ts";
import { type FieldList, ListSink, splitList } from "./field-lists.ts";

export const ROOMY_LIMITS = { maxListBytes: 65_536, maxFields: 256 };

/** The sink of a block that must decode; `block` may be hex with blanks. */
export function decodeList(decoder: HpackDecoder, block: Buffer | string): ListSink {
  const bytes = typeof block === "string" ? Buffer.from(block.replaceAll(" ", ""), "hex") : block;
  const sink = new ListSink();
  const outcome = decoder.decode(bytes, 0, bytes.length, sink);
  if (outcome !== HpackOutcome.complete) throw new Error(`outcome ${outcome}: ${decoder.reason}`);
  return sink;
}

/** One block: pseudo-header fields as texts, in front, and the others as fields of a list. */
export function encodeList(encoder: HpackEncoder, list: FieldList): Buffer {
  const { pseudo, pseudoBytes, fields } = splitList(list);
  const target = Buffer.alloc(encodedBound(fields, pseudo.length, pseudoBytes));
  encoder.begin(target, 0);
  for (const [id, value] of pseudo) encoder.addText(id, value);
  for (let i = 0; i < fields.count; i++) encoder.addField(fields, i);
  const end = encoder.end();
  if (end > target.length) throw new Error("a block that is larger than its bound");
  return target.subarray(0, end);
}
