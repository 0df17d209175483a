/**
 * So many a second of what strangers can make us do, and as many at once: stateless resets (RFC 9000 section
 * 10.3.3), refusals, ClientHellos that are decrypted.
 */
export class RateAllowance {
  readonly #perSecond: number;
  #left: number;
  #refilledMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
    this.#refilledMs = nowMs;
  }

  /** Whether there may be one more now; it then counts. */
  take(nowMs: number): boolean {
    const earned = ((nowMs - this.#refilledMs) * this.#perSecond) / 1000;
    this.#left = Math.min(this.#perSecond, this.#left + earned);
    this.#refilledMs = nowMs;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
