/**
 * Waiting for a condition instead of sleeping for luck. Every test that waits for something that
 * another process does goes through here, so every wait has a bound and says what it waited for.
 */

export interface WaitOptions {
  /** Default 5,000: far above what anything here takes, far below a test's own time limit. */
  readonly timeoutMs?: number;
  readonly everyMs?: number;
  /** Added to the error when the wait fails, for example the tail of a log. */
  readonly context?: () => string;
}

type Probed<T> = T | undefined | false | null;

/** Calls `probe` until it gives something truthy, and returns that; throws with `what` when the time is up. */
export async function waitFor<T>(
  what: string,
  probe: () => Probed<T> | Promise<Probed<T>>,
  options: WaitOptions = {},
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? 5000;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const result = await probe();
    if (result !== undefined && result !== false && result !== null) return result;
    if (performance.now() > deadline) {
      const context = options.context === undefined ? "" : `\n${options.context()}`;
      throw new Error(`waited ${timeoutMs} ms in vain for ${what}${context}`);
    }
    await pause(options.everyMs ?? 10);
  }
}

/** A pause that a test states as part of its behaviour: a slow client, a settle time. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** The promise, or an error that names what did not happen in time. */
export async function within<T>(what: string, timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${timeoutMs} ms in vain for ${what}`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
