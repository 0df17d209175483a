/**
 * What the encoders know of a name, by its id: its spelling and its policy. Names of `OTHER_NAMES` have
 * ids here that nobody else sees.
 */
import { assert } from "../../base/assert.ts";
import { FIELD_NAMES, FieldId } from "../http/field-id.ts";
import { IndexPolicy, OTHER_NAMES, POLICIES_BY_ID } from "./index-policy.ts";
import { PSEUDO_NAMES } from "./name-id.ts";

/** Behind those of `PseudoId`. */
const FIRST_OTHER_ID = 80;

/** How many ids there are, those between the kinds included. */
export const IDS: number = FIRST_OTHER_ID + OTHER_NAMES.length;

/** Lower-case names by id; empty where no name has the id. */
export const NAMES: readonly Buffer[] = names();

export const NAME_LENGTHS: Uint8Array = Uint8Array.from(NAMES, (name) => name.length);

/** An `IndexPolicy` by id. */
export const POLICIES: Uint8Array = new Uint8Array(IDS).fill(IndexPolicy.repeated);
for (const [policy, ids] of POLICIES_BY_ID) for (const id of ids) POLICIES[id] = policy;
OTHER_NAMES.forEach(([, policy], i) => (POLICIES[FIRST_OTHER_ID + i] = policy));

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
