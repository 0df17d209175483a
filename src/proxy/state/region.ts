/**
 * The control plane's view of the shared region: sums over all stripes, life signs of each worker,
 * and what to clear when one has died. `control/metrics` reads through it at scrape time, the
 * supervisor watches heartbeats.
 */
import { assert } from "../../base/assert.ts";
import { readRegion, STRIPE_WORD_FLAGS, STRIPE_WORD_PID } from "./layout.ts";
import { counterView, heartbeatView, perIpView, wordView } from "./stripe.ts";

interface WorkerView {
  readonly counters: Float64Array;
  readonly perIp: Int32Array;
  readonly heartbeat: Float64Array;
  readonly words: Int32Array;
}

export class Region {
  readonly workers: number;
  readonly #views: readonly WorkerView[];

  /** Opens an initialised region. */
  constructor(buffer: ArrayBuffer) {
    this.workers = readRegion(buffer).workers;
    this.#views = Array.from({ length: this.workers }, (_, index) => ({
      counters: counterView(buffer, index),
      perIp: perIpView(buffer, index),
      heartbeat: heartbeatView(buffer, index),
      words: wordView(buffer, index),
    }));
  }

  /** The sum of a slot over all workers. */
  sum(slot: number): number {
    const views = this.#views;
    let total = 0;
    for (let i = 0; i < views.length; i++) total += (views[i] as WorkerView).counters[slot] as number;
    return total;
  }

  /** When the worker last beat, on the clock of `monotonicMs`; 0: not since it was started. */
  heartbeatMs(index: number): number {
    return this.#view(index).heartbeat[0] as number;
  }

  /** Process id of the stripe's owner; 0: none. */
  pid(index: number): number {
    return Atomics.load(this.#view(index).words, STRIPE_WORD_PID);
  }

  /** A union of `WORKER_READY` and `WORKER_DRAINING`. */
  flags(index: number): number {
    return Atomics.load(this.#view(index).words, STRIPE_WORD_FLAGS);
  }

  /**
   * Clears what a dead worker can no longer take back: its gauges, its per-IP counts, and its life
   * signs. Its monotonic counters stay, so that sums never fall. Call it after the process has been
   * reaped and before its successor starts.
   */
  resetDeadWorker(index: number, gaugeSlots: readonly number[]): void {
    const view = this.#view(index);
    for (const slot of gaugeSlots) view.counters[slot] = 0;
    view.perIp.fill(0);
    view.heartbeat[0] = 0;
    view.words.fill(0);
  }

  /** Zeroes slots in every stripe, for a series that takes over the slots of a retired one. */
  clearSlots(first: number, count: number): void {
    for (const view of this.#views) view.counters.fill(0, first, first + count);
  }

  #view(index: number): WorkerView {
    const view = this.#views[index];
    assert(view !== undefined, "worker index out of range");
    return view;
  }
}
