/** What the parts of one connection share: its engine, its streams, what its peer may still ask for. */
import type { Clock } from "../../base/clock.ts";
import type { QuicConnectionEngine } from "../../fastpath/quic-engine.ts";
import type { OctetBudget } from "./octet-budget.ts";
import type { StreamTable } from "./stream-table.ts";

export interface ConnectionCore {
  readonly engine: QuicConnectionEngine;
  readonly table: StreamTable;
  readonly budget: OctetBudget;
  readonly clock: Clock;
  /** The worker's; see `QuicEnvironment`. */
  readonly arena: Buffer;
  /** Our side has ended the connection: its owner hears of nothing but the end. */
  silent: boolean;
}
