/**
 * Finds workers whose event loop stands still, by the heartbeat that each writes to shared memory.
 * The supervisor calls `check` at a fixed pace and kills what is returned.
 *
 * It counts checks without a new beat and not the time since the last one: when the machine was
 * suspended, or the main process itself was held up, every worker is late, and none is to blame.
 */

/** How often a worker beats. */
export const HEARTBEAT_INTERVAL_MS = 250;

export const WATCHDOG_INTERVAL_MS = 1_000;

/** A worker is killed after so many checks without a beat: 10 s, far above any pause that work or garbage collection makes. */
export const MAX_SILENT_CHECKS = 10;

interface Watched {
  beatMs: number;
  silentChecks: number;
}

export class HeartbeatWatchdog {
  readonly #readBeatMs: (index: number) => number;
  readonly #watched = new Map<number, Watched>();

  /** `readBeatMs`: when worker `index` last beat; 0: not yet. */
  constructor(readBeatMs: (index: number) => number) {
    this.#readBeatMs = readBeatMs;
  }

  /** Starts, or starts anew, to watch a worker. */
  watch(index: number): void {
    this.#watched.set(index, { beatMs: this.#readBeatMs(index), silentChecks: 0 });
  }

  unwatch(index: number): void {
    this.#watched.delete(index);
  }

  /** Indexes of the workers that are stalled now; each is told once. */
  check(): number[] {
    const stalled: number[] = [];
    for (const [index, watched] of this.#watched) {
      const beatMs = this.#readBeatMs(index);
      watched.silentChecks = beatMs === watched.beatMs ? watched.silentChecks + 1 : 0;
      watched.beatMs = beatMs;
      if (watched.silentChecks === MAX_SILENT_CHECKS) stalled.push(index);
    }
    return stalled;
  }

  /** Whether every watched worker has beaten lately: half of the patience is left. */
  get healthy(): boolean {
    for (const watched of this.#watched.values()) {
      if (watched.silentChecks > MAX_SILENT_CHECKS / 2) return false;
    }
    return true;
  }
}
