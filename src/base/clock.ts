/**
 * The time as one batch of events sees it: read once when a batch begins, the same for everything
 * that happens in it. Asking the system at every step would cost more than the steps.
 */
export class Clock {
  /** Monotonic milliseconds with fractions. */
  nowMs = performance.now();
  /** Milliseconds since 1970 that belong to `nowMs` 0; follows adjustments of the system's clock. */
  #originMs = Date.now() - this.nowMs;

  /** A batch begins. */
  refresh(): void {
    this.nowMs = performance.now();
  }

  /** Takes over adjustments of the system's clock; called once a tick. */
  synchronise(): void {
    this.nowMs = performance.now();
    this.#originMs = Date.now() - this.nowMs;
  }

  /** Milliseconds since 1970, whole. */
  get wallMs(): number {
    return Math.floor(this.#originMs + this.nowMs);
  }
}
