/** What a run of load comes to, whichever program made it. */

export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Failed connects, reads, writes, timeouts, and statuses of 400 and more. */
  readonly errors: number;
  /** NaN where the program does not tell. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}
