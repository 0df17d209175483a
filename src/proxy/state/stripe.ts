/**
 * A worker's view of the shared region: its own stripe to write, all stripes to sum. The worker
 * opens one when it starts; the hot path adds to `counters` directly (`counters[slot] += 1`), with
 * slots that the plan names (`proxy/plan.ts`).
 */
import { assert } from "../../base/assert.ts";
import { COUNTER_SLOTS } from "../../base/limits.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import {
  PER_IP_TABLE_WORDS,
  readRegion,
  STRIPE_COUNTERS_BYTE,
  STRIPE_HEARTBEAT_BYTE,
  STRIPE_PER_IP_BYTE,
  STRIPE_WORD_COUNT,
  STRIPE_WORD_FENCE,
  STRIPE_WORD_FLAGS,
  STRIPE_WORD_PID,
  STRIPE_WORDS_BYTE,
  stripeByte,
} from "./layout.ts";
import { PerIpTable } from "./per-ip-table.ts";

/** Bits of a worker's flags: it serves its listeners; it is draining. */
export const WORKER_READY = 1;
export const WORKER_DRAINING = 2;

export class Stripe {
  readonly index: number;
  /** One number per slot; only this worker writes them. */
  readonly counters: Float64Array;
  readonly perIp: PerIpTable;
  readonly #heartbeat: Float64Array;
  readonly #words: Int32Array;
  /** The counters of every stripe, this one's among them. */
  readonly #all: readonly Float64Array[];

  /** Opens stripe `index` of an initialised region. */
  constructor(buffer: ArrayBuffer, index: number) {
    const { workers, seed } = readRegion(buffer);
    assert(Number.isInteger(index) && index >= 0 && index < workers, "stripe index out of range");
    const indexes = Array.from({ length: workers }, (_, stripe) => stripe);
    this.index = index;
    this.#all = indexes.map((stripe) => counterView(buffer, stripe));
    this.counters = counterView(buffer, index);
    this.#heartbeat = heartbeatView(buffer, index);
    this.#words = wordView(buffer, index);
    this.perIp = new PerIpTable({
      tables: indexes.map((stripe) => perIpView(buffer, stripe)),
      own: index,
      seed,
      counters: this.counters,
      uncountedSlot: GLOBAL_SLOTS.connections_per_ip_uncounted_total,
    });
  }

  /** Shows life. `nowMs` is the clock that all processes share: `monotonicMs` of `monotonic-clock.ts`. */
  beat(nowMs: number): void {
    this.#heartbeat[0] = nowMs;
  }

  /** Says who owns the stripe now. */
  setPid(pid: number): void {
    Atomics.store(this.#words, STRIPE_WORD_PID, pid);
  }

  /** A union of `WORKER_READY` and `WORKER_DRAINING`. */
  setFlags(flags: number): void {
    Atomics.store(this.#words, STRIPE_WORD_FLAGS, flags);
  }

  /**
   * The sum of a slot over all workers. For an exact cap, add to the own slot first, then sum, and
   * take the addition back when the sum is over: of two workers that do so at the same time at
   * least one sees both additions, because the fence keeps the addition before the reads. So the
   * cap is never passed; in a tie for the last place both may be refused.
   */
  sum(slot: number): number {
    Atomics.add(this.#words, STRIPE_WORD_FENCE, 1);
    const all = this.#all;
    let total = 0;
    for (let i = 0; i < all.length; i++) total += (all[i] as Float64Array)[slot] as number;
    return total;
  }
}

export function counterView(buffer: ArrayBuffer, index: number): Float64Array {
  return new Float64Array(buffer, stripeByte(index) + STRIPE_COUNTERS_BYTE, COUNTER_SLOTS);
}

export function heartbeatView(buffer: ArrayBuffer, index: number): Float64Array {
  return new Float64Array(buffer, stripeByte(index) + STRIPE_HEARTBEAT_BYTE, 1);
}

export function wordView(buffer: ArrayBuffer, index: number): Int32Array {
  return new Int32Array(buffer, stripeByte(index) + STRIPE_WORDS_BYTE, STRIPE_WORD_COUNT);
}

export function perIpView(buffer: ArrayBuffer, index: number): Int32Array {
  return new Int32Array(buffer, stripeByte(index) + STRIPE_PER_IP_BYTE, PER_IP_TABLE_WORDS);
}
