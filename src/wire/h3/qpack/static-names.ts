/**
 * What QPACK's encoder knows of a name, by its id of `own-names.ts`: where it is in the static table, and
 * how it is written when it is not there.
 */
import { huffmanEncode, huffmanLength } from "../../field-codec/huffman-encode.ts";
import { writeInteger } from "../../field-codec/integer.ts";
import type { OwnField } from "../../field-codec/own-field.ts";
import { IDS, NAMES } from "../../field-codec/own-names.ts";
import { writeBytes, writeSpan } from "../../http/write.ts";
import { FieldId } from "../../http/field-id.ts";
import { INSERT_LITERAL, INSERT_LITERAL_MASK } from "./instruction.ts";
import { LITERAL, LITERAL_MASK } from "./representation.ts";
import { STATIC_FIELDS, STATIC_LINES } from "./static-table.ts";

/** Stands for no index: the table is shorter. */
export const NO_INDEX = 255;

/** The first index of the static table that has the name; `NO_INDEX` when none has. */
export const STATIC_NAMES: Uint8Array = new Uint8Array(IDS).fill(NO_INDEX);

/** By index, the next index with the same name; `NO_INDEX`: none. */
const NEXT_INDICES: Uint8Array = new Uint8Array(STATIC_FIELDS.length).fill(NO_INDEX);

for (let index = STATIC_FIELDS.length - 1; index >= 0; index--) {
  const [name] = STATIC_FIELDS[index] as (typeof STATIC_FIELDS)[number];
  const id = NAMES.findIndex((bytes) => bytes.length > 0 && bytes.latin1Slice() === name);
  if (id === -1) continue;
  NEXT_INDICES[index] = STATIC_NAMES[id] as number;
  STATIC_NAMES[id] = index;
}

/** The index of the static table that is this field; `NO_INDEX` when there is none. */
export function staticIndexOf(field: OwnField): number {
  let index = STATIC_NAMES[field.id] as number;
  while (index !== NO_INDEX && !field.isStaticValue(STATIC_LINES, index))
    index = NEXT_INDICES[index] as number;
  return index;
}

/** Where the literal name of a field line or of an insertion stands: first bits, and the mask of its length; the bit above the mask says Huffman. */
export interface NamePlace {
  readonly flags: number;
  readonly mask: number;
  /** The names with ids, as they are written there. */
  readonly literals: readonly Uint8Array[];
}

export const LINE_NAME: NamePlace = placeOf(LITERAL, LITERAL_MASK);
export const INSERTED_NAME: NamePlace = placeOf(INSERT_LITERAL, INSERT_LITERAL_MASK);

/** Writes the name of a field that is in no table; returns the offset behind it. */
export function writeName(target: Buffer, offset: number, field: OwnField, place: NamePlace): number {
  if (field.id !== FieldId.other) return writeBytes(target, offset, place.literals[field.id] as Uint8Array);
  const { nameBytes, nameLength } = field;
  const length = huffmanLength(nameBytes, 0, nameLength);
  const { flags, mask } = place;
  if (length === nameLength) {
    const at = writeInteger(target, offset, length, mask, flags);
    return writeSpan(target, at, nameBytes, 0, nameLength);
  }
  const at = writeInteger(target, offset, length, mask, flags | (mask + 1));
  return huffmanEncode(nameBytes, 0, nameLength, target, at);
}

function placeOf(flags: number, mask: number): NamePlace {
  const literals = NAMES.map((name) => {
    const length = huffmanLength(name, 0, name.length);
    const target = Buffer.alloc(name.length + 2);
    if (length === name.length) {
      const at = writeInteger(target, 0, length, mask, flags);
      return target.subarray(0, at + name.copy(target, at));
    }
    const at = writeInteger(target, 0, length, mask, flags | (mask + 1));
    return target.subarray(0, huffmanEncode(name, 0, name.length, target, at));
  });
  return { flags, mask, literals };
}
