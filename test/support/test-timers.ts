/** Timers for whatever takes them as a parameter. */
import type { Timers } from "../../src/control/timers.ts";

/** Time that stands still until a test moves it. */
export class TestTimers implements Timers {
  #nowMs = 0;
  readonly #pending = new Set<{ readonly atMs: number; readonly action: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, action };
    this.#pending.add(timer);
    return () => this.#pending.delete(timer);
  }

  get armed(): number {
    return this.#pending.size;
  }

  /** Moves time on, timer by timer, and lets promises settle after each. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settled();
    for (let steps = 0; steps < 1000; steps++) {
      const next = [...this.#pending]
        .filter((timer) => timer.atMs <= endMs)
        .toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#pending.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.action();
      await settled();
    }
    this.#nowMs = endMs;
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
