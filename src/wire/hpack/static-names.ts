/**
 * What HPACK's encoder knows of a name, by its id of `own-names.ts`: where it is in the static table, and
 * how it is written when it is not there.
 */
import { assert } from "../../base/assert.ts";
import { huffmanEncode } from "../field-codec/huffman-encode.ts";
import { IDS, NAMES } from "../field-codec/own-names.ts";
import { STATIC_FIELDS } from "./static-table.ts";

/** The first index of the static table that has the name; 0 when none has. */
export const STATIC_NAMES: Uint8Array = new Uint8Array(IDS);

/** From that index on, how many have the name and a value that is not empty. */
export const STATIC_VALUES: Uint8Array = new Uint8Array(IDS);

STATIC_FIELDS.forEach(([name, value], index) => {
  const id = NAMES.findIndex((bytes) => bytes.length > 0 && bytes.latin1Slice() === name);
  if (id === -1) return;
  if (STATIC_NAMES[id] === 0) STATIC_NAMES[id] = index;
  if (value !== "") STATIC_VALUES[id] = (STATIC_VALUES[id] as number) + 1;
});

/** The name as a string literal (RFC 7541 section 5.2), with its length. */
export const NAME_LITERALS: readonly Uint8Array[] = NAMES.map(literal);

function literal(name: Buffer): Uint8Array {
  const target = new Uint8Array(1 + name.length);
  const end = huffmanEncode(name, 0, name.length, target, 1);
  assert(name.length < 0x7f, "the length of a known name is one octet");
  if (end === -1) {
    target.set(name, 1);
    target[0] = name.length;
    return target;
  }
  target[0] = 0x80 | (end - 1);
  return target.subarray(0, end);
}
