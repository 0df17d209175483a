/** What the pools of a worker count together, and are bounded by together. */
import { IdleTotal } from "./idle-total.ts";
import { QuicTotal } from "./quic-total.ts";

export class WorkerTotals {
  /** Idle connections, and sessions without streams. */
  readonly idle: IdleTotal;
  /** QUIC connections of HTTP/3. */
  readonly quic = new QuicTotal();

  constructor(counters: Float64Array) {
    this.idle = new IdleTotal(counters);
  }
}
