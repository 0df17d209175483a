/**
 * Keeps a flood of one log line from filling the disk: a line is the same when its component, its
 * sentence and what it is about are (other fields differ). What was held back is counted and told.
 * Every log goes through it; debug lines are exempt, because who turns them on wants them all.
 */

/** Lines of one kind in one window: enough to see a pattern, too few to hurt. */
export const MAX_REPEATS_PER_WINDOW = 20;

export const REPEAT_WINDOW_MS = 10_000;

/** Kinds that are counted apart; beyond, they share one count. A configuration has fewer backends that fail at once. */
export const MAX_REPEAT_KINDS = 1024;

const OVERFLOW_KIND = "";

interface Repeats {
  windowStartMs: number;
  passed: number;
  suppressed: number;
}

export class RepeatLimiter {
  readonly #nowMs: () => number;
  readonly #kinds = new Map<string, Repeats>();

  /** `nowMs`: any monotonic clock. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Whether this line may be written; false counts it as suppressed. */
  admit(kind: string): boolean {
    const repeats = this.#repeats(kind);
    const nowMs = this.#nowMs();
    if (nowMs - repeats.windowStartMs >= REPEAT_WINDOW_MS && repeats.suppressed === 0) {
      repeats.windowStartMs = nowMs;
      repeats.passed = 0;
    }
    if (repeats.passed < MAX_REPEATS_PER_WINDOW) {
      repeats.passed += 1;
      return true;
    }
    repeats.suppressed += 1;
    return false;
  }

  /** Calls `tell` for every kind whose window is over (or for `all`) and that held lines back, and forgets them. */
  sweep(tell: (kind: string, suppressed: number) => void, all = false): void {
    const nowMs = this.#nowMs();
    for (const [kind, repeats] of this.#kinds) {
      if (!all && nowMs - repeats.windowStartMs < REPEAT_WINDOW_MS) continue;
      this.#kinds.delete(kind);
      if (repeats.suppressed > 0) tell(kind, repeats.suppressed);
    }
  }

  #repeats(kind: string): Repeats {
    const known = this.#kinds.get(kind);
    if (known !== undefined) return known;
    if (this.#kinds.size >= MAX_REPEAT_KINDS && kind !== OVERFLOW_KIND) return this.#repeats(OVERFLOW_KIND);
    const repeats = { windowStartMs: this.#nowMs(), passed: 0, suppressed: 0 };
    this.#kinds.set(kind, repeats);
    return repeats;
  }
}
