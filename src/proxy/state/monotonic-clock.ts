/**
 * The clock of the heartbeats: CLOCK_MONOTONIC, the same in every process of the machine, unlike
 * `performance.now()`, which counts from each process's own start. Workers beat with it and the
 * control plane compares with it.
 */

/** Milliseconds since an arbitrary start, common to all processes. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}
