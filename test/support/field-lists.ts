/** Field lists as pairs of text, as the tests of HPACK and QPACK write them down. */
import type { FieldSink, FieldView } from "../../src/wire/field-codec/field-view.ts";
import { nameIdOf } from "../../src/wire/field-codec/name-id.ts";
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

/** What a list is for an encoder. */
export interface SplitList {
  /** Pseudo-header fields, by id. */
  readonly pseudo: readonly (readonly [id: number, value: string])[];
  readonly pseudoBytes: number;
  readonly fields: Fields;
}

/** Pseudo-header fields as texts, and the others as fields of a list. */
export function splitList(list: FieldList): SplitList {
  const fields = new Fields();
  const pseudo: [number, string][] = [];
  let pseudoBytes = 0;
  for (const [name, value] of list) {
    if (name.startsWith(":")) {
      pseudo.push([idOf(name), value]);
      pseudoBytes += value.length;
    } else {
      addField(fields, name, value);
    }
  }
  return { pseudo, pseudoBytes, fields };
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
