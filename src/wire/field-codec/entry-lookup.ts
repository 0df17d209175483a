/**
 * Finds entries of the encoder's dynamic table by a hash of name and value, and remembers which were
 * sent not long ago without becoming entries. One small array; nothing is done when an entry is evicted,
 * as the table knows which numbers it has.
 */
import { FIELD_OVERHEAD_BYTES, MAX_OWN_TABLE_BYTES } from "./field-limits.ts";

/** More than the table can hold at once; a power of two. */
const ENTRIES: number = MAX_OWN_TABLE_BYTES / FIELD_OVERHEAD_BYTES;
const ENTRY_MASK: number = ENTRIES - 1;

/** Powers of two: chains of entries, and fields that are remembered. */
const CHAINS = 64;
const REMEMBERED = 64;

/** Where the array's parts begin. */
const HASHES = 0;
const OLDER = ENTRIES;
const NEWEST: number = OLDER + ENTRIES;
const SEEN: number = NEWEST + CHAINS;
const WORDS: number = SEEN + REMEMBERED;

export class EntryLookup {
  readonly #words: Int32Array = new Int32Array(WORDS);

  /** The number of the newest entry in the chain of this hash; it may have been evicted, or never have been. */
  newest(hash: number): number {
    return this.#words[NEWEST + (hash & (CHAINS - 1))] as number;
  }

  /** The number of the entry before this one in its chain; it may have been evicted. */
  older(number: number): number {
    return this.#words[OLDER + (number & ENTRY_MASK)] as number;
  }

  hash(number: number): number {
    return this.#words[HASHES + (number & ENTRY_MASK)] as number;
  }

  /** A new entry of the table. */
  add(number: number, hash: number): void {
    const words = this.#words;
    const chain = NEWEST + (hash & (CHAINS - 1));
    words[HASHES + (number & ENTRY_MASK)] = hash;
    words[OLDER + (number & ENTRY_MASK)] = words[chain] as number;
    words[chain] = number;
  }

  /** Whether a field of this hash was asked for before; it is remembered until another takes its place. */
  wasSeen(hash: number): boolean {
    const at = SEEN + ((hash >>> 8) & (REMEMBERED - 1));
    if (this.#words[at] === hash) return true;
    this.#words[at] = hash;
    return false;
  }
}
