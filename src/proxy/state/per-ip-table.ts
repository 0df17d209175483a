/**
 * Connections per client address, exact over all workers: feature row A2.12. Each worker's stripe
 * holds a set-associative hash table that it alone writes; a check adds to the own table, then sums
 * the address over all tables. The listener calls `acquire` at accept and `release` at close.
 *
 * The key is a 64-bit seeded hash of the address, not the address: two addresses share an entry with
 * a chance of 2^-64, and no peer can aim at a set. When the set of an address is full, the
 * connection is admitted uncounted and a counter says so: a full table must not turn clients away.
 */
import { assert } from "../../base/assert.ts";
import { PER_IP_SETS, PER_IP_WAYS } from "../../base/limits.ts";
import { AddressHash } from "./address-hash.ts";
import { PER_IP_SET_WORDS } from "./layout.ts";

/** The address is at its cap: no connection. Falsy, unlike every ticket that admits. */
export const PER_IP_REFUSED = 0;

/** Admitted uncounted: the set was full, or the text is no address (the peer has gone already). */
export const PER_IP_UNCOUNTED = -1;

export interface PerIpTableOptions {
  /** The tables of all workers, in order; `own` is the index of the one that this worker writes. */
  readonly tables: readonly Int32Array[];
  readonly own: number;
  readonly seed: Int32Array;
  /** The worker's counters, and the slot that counts connections admitted uncounted. */
  readonly counters: Float64Array;
  readonly uncountedSlot: number;
}

/*
 * Order of memory operations, so that readers in other processes see a count under the right key:
 * a writer stores the second key word, the first one, then the count; a reader loads the first key
 * word, the second one, the count, then the first key word again. First words and counts go through
 * Atomics, which are sequentially consistent: of two workers that add and then sum, at least one
 * sees both additions.
 */
export class PerIpTable {
  readonly #tables: readonly Int32Array[];
  readonly #own: Int32Array;
  readonly #hash: AddressHash;
  readonly #counters: Float64Array;
  readonly #uncountedSlot: number;

  constructor(options: PerIpTableOptions) {
    const own = options.tables[options.own];
    assert(own !== undefined, "own table is not among the tables");
    this.#tables = options.tables;
    this.#own = own;
    this.#hash = new AddressHash(options.seed);
    this.#counters = options.counters;
    this.#uncountedSlot = options.uncountedSlot;
  }

  /**
   * Counts a connection from `ip` (a numeric address). Returns a ticket for `release`, or
   * `PER_IP_REFUSED` when `cap` connections are open already. Never admits more than `cap` counted
   * connections; when two workers take the last place at the same moment, both may be refused.
   */
  acquire(ip: string, cap: number): number {
    const hash = this.#hash;
    const own = this.#own;
    const set = hash.update(ip) ? setStart(hash.high) : -1;
    const way = set < 0 ? -1 : findWay(own, set, hash.low, hash.high);
    if (way < 0) {
      (this.#counters[this.#uncountedSlot] as number) += 1;
      return PER_IP_UNCOUNTED;
    }
    const count = set + 2 * PER_IP_WAYS + way;
    if (Atomics.load(own, count) === 0) {
      own[set + PER_IP_WAYS + way] = hash.high;
      Atomics.store(own, set + way, hash.low);
    }
    Atomics.add(own, count, 1);
    if (this.#sum(set, hash.low, hash.high) <= cap) return count;
    Atomics.sub(own, count, 1);
    return PER_IP_REFUSED;
  }

  /** Gives back what `acquire` returned, once. */
  release(ticket: number): void {
    if (ticket <= 0) return;
    const before = Atomics.sub(this.#own, ticket, 1);
    assert(before > 0, "per-IP count released twice");
  }

  /** Connections that are counted for `ip` now, over all workers. */
  count(ip: string): number {
    if (!this.#hash.update(ip)) return 0;
    return this.#sum(setStart(this.#hash.high), this.#hash.low, this.#hash.high);
  }

  #sum(set: number, low: number, high: number): number {
    const tables = this.#tables;
    let total = 0;
    for (let i = 0; i < tables.length; i++) total += readCount(tables[i] as Int32Array, set, low, high);
    return total;
  }
}

/** The way that holds the key, else a free one, else -1. */
function findWay(table: Int32Array, set: number, low: number, high: number): number {
  let free = -1;
  for (let way = 0; way < PER_IP_WAYS; way++) {
    if (table[set + way] === low && table[set + PER_IP_WAYS + way] === high) return way;
    if (free < 0 && table[set + 2 * PER_IP_WAYS + way] === 0) free = way;
  }
  return free;
}

function readCount(table: Int32Array, set: number, low: number, high: number): number {
  for (let way = 0; way < PER_IP_WAYS; way++) {
    if (Atomics.load(table, set + way) !== low) continue;
    if (table[set + PER_IP_WAYS + way] !== high) continue;
    const count = Atomics.load(table, set + 2 * PER_IP_WAYS + way);
    // The entry may have been given to another address meanwhile: then this one's count is 0.
    return Atomics.load(table, set + way) === low ? count : 0;
  }
  return 0;
}

function setStart(high: number): number {
  return ((high >>> 0) % PER_IP_SETS) * PER_IP_SET_WORDS;
}
