/** What the QUIC of a worker counts, added to the worker's stripe: each counter is the global slot of its name. */
import { GLOBAL_SLOTS } from "./global-slots.ts";
import type { QuicCounter, QuicCounters } from "./quic/quic-counters.ts";
import type { QuicRelayCounter, QuicRelayCounters } from "./relay/quic-relay-counters.ts";

export class SlotCounters implements QuicCounters, QuicRelayCounters {
  readonly #counters: Float64Array;

  /** `counters`: those of the worker's stripe. */
  constructor(counters: Float64Array) {
    this.#counters = counters;
  }

  add(counter: QuicCounter | QuicRelayCounter, amount: number): void {
    (this.#counters[GLOBAL_SLOTS[counter]] as number) += amount;
  }
}
