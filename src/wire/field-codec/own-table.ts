/** The dynamic table of an encoder, and the lookup of what is in it. */
import { assert } from "../../base/assert.ts";
import { DynamicTable } from "./dynamic-table.ts";
import { EntryLookup } from "./entry-lookup.ts";
import type { OwnField } from "./own-field.ts";

/** One entry may take the table's size shifted by this: a larger one would evict too many that repeat more often. */
const ENTRY_SHARE_SHIFT = 2;

export class OwnTable {
  readonly entries: DynamicTable;
  readonly #lookup: EntryLookup = new EntryLookup();

  /** `maxBytes`: at most `MAX_OWN_TABLE_BYTES`, now and later. */
  constructor(maxBytes: number) {
    this.entries = new DynamicTable(maxBytes);
  }

  /** Whether the field is small enough to become an entry. */
  fits(field: OwnField): boolean {
    return field.sizeBytes <= this.entries.maxBytes >>> ENTRY_SHARE_SHIFT;
  }

  /** How many entries came after the newest one that is this field; -1 when there is none. */
  ageOf(field: OwnField, hash: number): number {
    const { entries } = this;
    const lookup = this.#lookup;
    let number = lookup.newest(hash);
    for (let left = entries.count; left > 0 && entries.has(number); left--) {
      if (lookup.hash(number) === hash && field.isEntry(entries, number))
        return (entries.newest - number) | 0;
      number = lookup.older(number);
    }
    return -1;
  }

  /** Whether a field of this hash was asked for before; it is remembered until another takes its place. */
  wasSeen(hash: number): boolean {
    return this.#lookup.wasSeen(hash);
  }

  /** Adds a field that fits, and evicts what is in its way. */
  insert(field: OwnField, hash: number): void {
    const { entries } = this;
    const made = entries.makeRoom(field.nameLength + field.end - field.start);
    assert(made, "an entry that is larger than the table");
    entries.add(field.nameBytes, 0, field.nameLength, field.id);
    entries.addValue(field.bytes, field.start, field.end);
    this.#lookup.add(entries.newest, hash);
  }
}
