/**
 * How long to wait before a worker that died is started again: at once at first, slower the more
 * often it dies soon after it started. One per worker index; the supervisor asks it at each death.
 */

/** The first wait: as good as at once. */
export const FIRST_RESPAWN_DELAY_MS = 1;

export const RESPAWN_DELAY_FACTOR = 4;

/** The longest wait, so that a cause that goes away is found out soon. */
export const MAX_RESPAWN_DELAY_MS = 5_000;

/** A worker that lived this long did not die in a loop: the next wait is the first one again. */
export const STABLE_LIFE_MS = 10_000;

export class RespawnBackoff {
  #nextDelayMs = FIRST_RESPAWN_DELAY_MS;

  /** The wait after a worker that lived for `lifeMs`. */
  delayMs(lifeMs: number): number {
    if (lifeMs >= STABLE_LIFE_MS) this.#nextDelayMs = FIRST_RESPAWN_DELAY_MS;
    const delayMs = this.#nextDelayMs;
    this.#nextDelayMs = Math.min(delayMs * RESPAWN_DELAY_FACTOR, MAX_RESPAWN_DELAY_MS);
    return delayMs;
  }
}
