/**
 * When the series of old plans may be given up. A connection keeps the plan that it started with and
 * nobody tells when the last one has ended; after a time that is longer than nearly every connection's
 * life, a plan that was superseded counts as dead. What a longer one still counts then goes to a wrong
 * series, which is better than to run out of slots.
 */
import type { SeriesRegistry } from "./metrics/series-registry.ts";
import type { Timers } from "./timers.ts";

/** Far above the largest drain budget (5 minutes) and the default of every timeout. */
export const SERIES_KEEP_MS = 60 * 60 * 1000;

interface Superseded {
  readonly generation: number;
  readonly atMs: number;
}

export class SeriesRetirement {
  readonly #registry: Pick<SeriesRegistry, "retire">;
  readonly #timers: Timers;
  /** In order; those at the front are the oldest. */
  #superseded: Superseded[] = [];
  #live = 0;

  constructor(registry: Pick<SeriesRegistry, "retire">, timers: Timers) {
    this.#registry = registry;
    this.#timers = timers;
  }

  /** `generation` went live, in place of the one before it. */
  live(generation: number): void {
    const nowMs = this.#timers.nowMs();
    if (this.#live !== 0) this.#superseded.push({ generation: this.#live, atMs: nowMs });
    this.#live = generation;
    this.#superseded = this.#superseded.filter(({ atMs }) => nowMs - atMs < SERIES_KEEP_MS);
    this.#registry.retire(this.#superseded[0]?.generation ?? generation);
  }
}
