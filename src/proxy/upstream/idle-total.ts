/** Idle connections in all pools of a worker, HTTP/1 connections and HTTP/2 sessions without streams alike. */
import { GLOBAL_SLOTS } from "../global-slots.ts";

export class IdleTotal {
  count = 0;
  readonly #counters: Float64Array;

  constructor(counters: Float64Array) {
    this.#counters = counters;
  }

  change(by: 1 | -1): void {
    this.count += by;
    (this.#counters[GLOBAL_SLOTS.pool_idle_gauge] as number) += by;
  }
}
