/**
 * From a connection ID, as it stands in a packet, to what it belongs to, without a string per packet. Open
 * addressing with linear probing over words of the IDs; the hash is keyed, as clients choose IDs too. The
 * endpoint looks up every packet here.
 */
import { HalfSipHash } from "./half-sip-hash.ts";
import { MAX_CONNECTION_ID_BYTES } from "./packet-header.ts";

/** Slots of an empty table, and the least that it shrinks to. A power of two. */
const MIN_SLOTS = 64;
/** A table has at least so many slots for an entry, so that a search takes one or two steps. */
const SLOTS_PER_ENTRY = 2;
/** It shrinks when it has more than so many. */
const MAX_SLOTS_PER_ENTRY = 8;

/** In words, of a slot: its hash; octets of the ID, 0 when it is free; the ID; one to spare, for a power of two. */
const SLOT_WORDS = 8;
const LENGTH = 1;
const ID = 2;
const ID_WORDS: number = MAX_CONNECTION_ID_BYTES / 4;

export class ConnectionIdMap<T extends object> {
  readonly #maxEntries: number;
  readonly #hash: HalfSipHash;
  /** The ID that is looked for, zeroes behind it: one word more than an ID can have. */
  readonly #wanted = new Int32Array(ID_WORDS + 1);
  #wantedHash = 0;
  #wantedBytes = 0;
  #slots = new Int32Array(MIN_SLOTS * SLOT_WORDS);
  #values: (T | null)[] = emptyValues<T>(MIN_SLOTS);
  #mask: number = MIN_SLOTS - 1;
  #size = 0;

  /** `maxEntries`: it takes no more; each costs 80 to 160 octets, while many are deleted up to 320. `hashKey`: 8 random octets. */
  constructor(maxEntries: number, hashKey: Uint8Array) {
    this.#maxEntries = maxEntries;
    this.#hash = new HalfSipHash(hashKey);
  }

  get size(): number {
    return this.#size;
  }

  /** What was inserted for the connection ID `bytes[start, end)`; `null`: nothing. Of any length. */
  find(bytes: Uint8Array, start: number, end: number): T | null {
    if (!this.#want(bytes, start, end)) return null;
    return this.#values[this.#search()] as T | null;
  }

  /** Of 1 to 20 octets. Replaces what was there. False: there are `maxEntries`, or the length is another. */
  insert(bytes: Uint8Array, start: number, end: number, value: T): boolean {
    if (!this.#want(bytes, start, end)) return false;
    let slot = this.#search();
    if (this.#values[slot] === null) {
      if (this.#size >= this.#maxEntries) return false;
      this.#size++;
      if (this.#size * SLOTS_PER_ENTRY > this.#values.length) {
        this.#resize(this.#values.length * 2);
        slot = this.#search();
      }
      const at = slot * SLOT_WORDS;
      this.#slots[at] = this.#wantedHash;
      this.#slots[at + LENGTH] = this.#wantedBytes;
      for (let i = 0; i < ID_WORDS; i++) this.#slots[at + ID + i] = this.#wanted[i] as number;
    }
    this.#values[slot] = value;
    return true;
  }

  /** False: it was not there. */
  delete(bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.#want(bytes, start, end)) return false;
    const slot = this.#search();
    if (this.#values[slot] === null) return false;
    this.#free(slot);
    this.#size--;
    const slots = this.#values.length;
    if (slots > MIN_SLOTS && this.#size * MAX_SLOTS_PER_ENTRY < slots) this.#resize(slots / 2);
    return true;
  }

  /** Notes what the next `#search` is for. */
  #want(bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (length < 1 || length > MAX_CONNECTION_ID_BYTES) return false;
    const wanted = this.#wanted;
    const whole = length >> 2;
    let at = start;
    for (let i = 0; i < whole; i++, at += 4) {
      const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
      wanted[i] = low | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
    }
    let rest = 0;
    for (let shift = 0; at < end; at++, shift += 8) rest |= (bytes[at] as number) << shift;
    wanted[whole] = rest;
    for (let i = whole + 1; i <= ID_WORDS; i++) wanted[i] = 0;
    this.#wantedBytes = length;
    this.#wantedHash = this.#hash.hash(wanted, length);
    return true;
  }

  /** The slot of the wanted ID, or the free one where it belongs. There always is a free one. */
  #search(): number {
    const hash = this.#wantedHash;
    let slot = hash & this.#mask;
    for (;;) {
      const at = slot * SLOT_WORDS;
      if (this.#slots[at + LENGTH] === 0) return slot;
      if (this.#slots[at] === hash && this.#isWanted(at)) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }

  #isWanted(at: number): boolean {
    if (this.#slots[at + LENGTH] !== this.#wantedBytes) return false;
    for (let i = 0; i < ID_WORDS; i++) if (this.#slots[at + ID + i] !== this.#wanted[i]) return false;
    return true;
  }

  /** Frees a slot, and moves up what a search would no longer find behind the gap. */
  #free(slot: number): void {
    const mask = this.#mask;
    let gap = slot;
    let next = (slot + 1) & mask;
    for (; this.#slots[next * SLOT_WORDS + LENGTH] !== 0; next = (next + 1) & mask) {
      const home = (this.#slots[next * SLOT_WORDS] as number) & mask;
      if (((next - home) & mask) < ((next - gap) & mask)) continue;
      this.#slots.copyWithin(gap * SLOT_WORDS, next * SLOT_WORDS, (next + 1) * SLOT_WORDS);
      this.#values[gap] = this.#values[next] as T;
      gap = next;
    }
    this.#slots[gap * SLOT_WORDS + LENGTH] = 0;
    this.#values[gap] = null;
  }

  #resize(count: number): void {
    const oldSlots = this.#slots;
    const oldValues = this.#values;
    const mask = count - 1;
    const slots = new Int32Array(count * SLOT_WORDS);
    const values = emptyValues<T>(count);
    for (let old = 0; old < oldValues.length; old++) {
      const from = old * SLOT_WORDS;
      if (oldSlots[from + LENGTH] === 0) continue;
      let slot = (oldSlots[from] as number) & mask;
      while (values[slot] !== null) slot = (slot + 1) & mask;
      for (let i = 0; i < SLOT_WORDS; i++) slots[slot * SLOT_WORDS + i] = oldSlots[from + i] as number;
      values[slot] = oldValues[old] as T;
    }
    this.#slots = slots;
    this.#values = values;
    this.#mask = mask;
  }
}

function emptyValues<T>(count: number): (T | null)[] {
  return Array.from<T | null>({ length: count }).fill(null);
}
