/**
 * Counts what a peer has cost, by the table in `abuse-budget.ts`. Time and honest work give back when
 * something is charged, so that neither costs anything while nothing is.
 */
import { ABUSE_BUDGETS, type MeteredBudget } from "./abuse-budget.ts";

const KINDS = Object.keys(ABUSE_BUDGETS) as readonly MeteredBudget[];
const BUDGET_PERIOD_MS = 10_000;

/** Shares do not add up exactly. */
const ROUNDING = 1e-9;

/** Words per budget: what is spent, when it was counted, frames and streams by then. */
const STRIDE = 4;

/** The time as the current batch of events sees it; `Clock` of `base/` is one. */
interface MeterClock {
  /** Monotonic milliseconds. */
  readonly nowMs: number;
}

export class BudgetMeter {
  /** DATA frames that made progress; counted by those who send and receive them. */
  frames = 0;
  /** Streams that came to their proper end. */
  streams = 0;
  readonly #clock: MeterClock;
  #counts: Float64Array | null = null;

  constructor(clock: MeterClock) {
    this.#clock = clock;
  }

  /**
   * Charges `cost`; a completed stream gives back `refund` units of the table's (for `resets`, which is
   * counted in shares). False: the budget is overdrawn.
   */
  charge(kind: MeteredBudget, cost = 1, refund = 1): boolean {
    const counts = (this.#counts ??= new Float64Array(KINDS.length * STRIDE));
    const row = ABUSE_BUDGETS[kind];
    const at = KINDS.indexOf(kind) * STRIDE;
    const { nowMs } = this.#clock;
    const back =
      ((nowMs - (counts[at + 1] as number)) / BUDGET_PERIOD_MS) * row.per10s +
      (this.frames - (counts[at + 2] as number)) * row.perFrame +
      (this.streams - (counts[at + 3] as number)) * row.perStream * refund;
    const spent = Math.max(0, (counts[at] as number) - back) + cost;
    counts[at] = spent;
    counts[at + 1] = nowMs;
    counts[at + 2] = this.frames;
    counts[at + 3] = this.streams;
    return spent <= row.burst + ROUNDING;
  }
}
