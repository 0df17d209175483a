/**
 * What the encoder knows of a name, by its id: where it is in the static table, its policy, and how it
 * is written when it is in no table. Names of `OTHER_NAMES` have ids here that nobody else sees.
 */
import { assert } from "../../base/assert.ts";
import { FIELD_NAMES, FieldId } from "../http/field-id.ts";
import { huffmanEncode } from "./huffman-encode.ts";
import { IndexPolicy, OTHER_NAMES, POLICIES_BY_ID } from "./index-policy.ts";
import { PSEUDO_NAMES } from "./name-id.ts";
import { STATIC_FIELDS } from "./static-table.ts";

/** Behind those of `PseudoId`. */
const FIRST_OTHER_ID = 80;

const IDS: number = FIRST_OTHER_ID + OTHER_NAMES.length;

/** Lower-case names by id; empty where no name has the id. */
export const NAMES: readonly Buffer[] = names();

export const NAME_LENGTHS: Uint8Array = Uint8Array.from(NAMES, (name) => name.length);

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

/** An `IndexPolicy` by id. */
export const POLICIES: Uint8Array = new Uint8Array(IDS).fill(IndexPolicy.repeated);
for (const [policy, ids] of POLICIES_BY_ID) for (const id of ids) POLICIES[id] = policy;
OTHER_NAMES.forEach(([, policy], i) => (POLICIES[FIRST_OTHER_ID + i] = policy));

/** The name as a string literal (RFC 7541 section 5.2), with its length. */
export const NAME_LITERALS: readonly Uint8Array[] = NAMES.map(literal);

/** Slots of the lookup of other names, a power of two; in each the first id, and behind it those of the same slot. */
const SLOTS = 256;
const firstIds = new Uint8Array(SLOTS);
const nextIds = new Uint8Array(IDS);
for (let id = FIRST_OTHER_ID; id < IDS; id++) {
  const slot = slotOf(NAMES[id] as Buffer, (NAMES[id] as Buffer).length);
  nextIds[id] = firstIds[slot] as number;
  firstIds[slot] = id;
}

/** The id of the lower-case name in `bytes[0, length)`, which has no `FieldId`; `FieldId.other` when it has none here either. */
export function otherIdOf(bytes: Uint8Array, length: number): number {
  let id = firstIds[slotOf(bytes, length)] as number;
  while (id !== 0 && !isName(bytes, length, NAMES[id] as Buffer)) id = nextIds[id] as number;
  return id;
}

function slotOf(bytes: Uint8Array, length: number): number {
  return (length * 37 + (bytes[0] as number) * 7 + (bytes[length - 1] as number)) & (SLOTS - 1);
}

function isName(bytes: Uint8Array, length: number, name: Uint8Array): boolean {
  if (length !== name.length) return false;
  for (let i = 0; i < length; i++) if (bytes[i] !== name[i]) return false;
  return true;
}

function names(): Buffer[] {
  const byId = Array.from({ length: IDS }, () => "");
  FIELD_NAMES.forEach((name, id) => (byId[id] = name.toLowerCase()));
  for (const [id, name] of PSEUDO_NAMES) byId[id] = name;
  OTHER_NAMES.forEach(([name], i) => (byId[FIRST_OTHER_ID + i] = name));
  assert(byId[FieldId.other] === "", "the id of every other name");
  return byId.map((name) => Buffer.from(name, "latin1"));
}

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
