/**
 * One transport connection to a backend as its pool counts it, from the dial to the close, whatever is
 * spoken on it. Made by `Dial`; the adapter that the connection is handed to keeps it and says when it closed.
 */
import type { Connection } from "../../fastpath/transport.ts";
import type { BackendSlots } from "../plan.ts";
import type { Backend } from "./backend.ts";

export class BackendConnection {
  readonly backend: Backend;
  /** Where its gauges are counted, up and down: a reload may give the backend others. */
  readonly slots: BackendSlots;
  /** Monotonic milliseconds when it was dialled, and from which it begins nothing more. */
  readonly openedMs: number;
  readonly retiresMs: number;
  readonly #counters: Float64Array;
  /** Set by the dial. */
  socket!: Connection;

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
