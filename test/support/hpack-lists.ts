/** Field lists as pairs of text, to and from header blocks. */
import { type HpackDecoder, HpackOutcome } from "../../src/wire/hpack/decoder.ts";
import { encodedBound, type HpackEncoder } from "../../src/wire/hpack/encoder.ts";
import type { FieldSink, FieldView } from "../../src/wire/hpack/field-view.ts";
import { nameIdOf } from "../../src/wire/hpack/name-id.ts";
import { FieldId } from "../../src/wire/http/field-id.ts";
import { Fields } from "../../src/wire/http/fields.ts";

export type FieldList = readonly (readonly [name: string, value: string])[];

/** Takes a list down as text. */
export class ListSink implements FieldSink {
  readonly list: [name: string, value: string][] = [];
  /** Names of those that are never indexed, and of those that are not well-formed. */
  readonly never: string[] = [];
  readonly malformed: string[] = [];
  readonly ids: number[] = [];

  onField(field: FieldView): void {
    const { source, nameStart, nameEnd, valueStart, valueEnd } = field;
    const name = source.latin1Slice(nameStart, nameEnd);
    this.list.push([name, source.latin1Slice(valueStart, valueEnd)]);
    this.ids.push(field.id);
    if (field.neverIndexed) this.never.push(name);
    if (!field.wellFormed) this.malformed.push(name);
  }
}

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
  const fields = new Fields();
  const pseudo = list.filter(([name]) => name.startsWith(":"));
  for (const [name, value] of list) if (!name.startsWith(":")) addField(fields, name, value);
  const ownBytes = pseudo.reduce((sum, [, value]) => sum + value.length, 0);
  const target = Buffer.alloc(encodedBound(fields, pseudo.length, ownBytes));
  encoder.begin(target, 0);
  for (const [name, value] of pseudo) encoder.addText(idOf(name), value);
  for (let i = 0; i < fields.count; i++) encoder.addField(fields, i);
  const end = encoder.end();
  if (end > target.length) throw new Error("a block that is larger than its bound");
  return target.subarray(0, end);
}

/** Adds a field from any octets; returns its index. */
export function addField(fields: Fields, name: string, value: string): number {
  const bytes = Buffer.from(name + value, "latin1");
  return fields.addBytes(bytes, 0, name.length, name.length, bytes.length);
}

function idOf(name: string): number {
  const bytes = Buffer.from(name, "latin1");
  const id = nameIdOf(bytes, 0, bytes.length);
  if (id === FieldId.other) throw new Error(`no id for ${name}`);
  return id;
}
