/**
 * One connection to a backend as its pool counts it, from the dial to the close, whatever it runs over
 * and whatever is spoken on it. The adapter that speaks on the connection keeps it and says when it closed.
 */
import type { BackendSlots } from "../plan.ts";
import type { Backend } from "./backend.ts";

export class ConnectionAccount {
  readonly backend: Backend;
  /** Where its gauges are counted, up and down: a reload may give the backend others. */
  readonly slots: BackendSlots;
  /** Monotonic milliseconds when it was dialled, and from which it begins nothing more. */
  readonly openedMs: number;
  readonly retiresMs: number;
  readonly #counters: Float64Array;

  constructor(backend: Backend) {
    this.backend = backend;
    this.slots = backend.slots;
    this.#counters = backend.context.counters;
    this.openedMs = backend.context.clock.nowMs;
    this.retiresMs = this.openedMs + backend.settings.pool.maxAgeMs;
    (this.#counters[this.slots.connections] as number) += 1;
  }

  /** Last call; to be made once. */
  closed(): void {
    (this.#counters[this.slots.connections] as number) -= 1;
    this.backend.closed();
  }

  /** An exchange has begun on it (1), or has ended (-1). */
  countExchange(by: 1 | -1): void {
    (this.#counters[this.slots.inflight] as number) += by;
  }
}
