/** One run: the load plays against one proxy, and what its processes used for it is read before and after. */
import { statSync, truncateSync } from "node:fs";
import type { Contestant } from "./stage.ts";
import { drive, type DriveOptions } from "./driver.ts";
import { warmPages } from "./warm-pages.ts";
import { cpuMicros, rssBytes } from "../../test/support/processes.ts";
import { waitFor } from "../../test/support/wait-for.ts";

export interface Sample {
  readonly cpuMicrosPerRequest: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly rssMib: number;
  /** CPU time of the proxy per time of the run; below the number of workers it was not at its limit. */
  readonly busyCpus: number;
  readonly logBytesPerRequest: number;
  readonly errors: number;
}

export type RunOptions = Omit<DriveOptions, "host" | "port">;

const MIB = 1024 * 1024;

/** Proxies write their logs in batches of a second. */
const LOG_TIMEOUT_MS = 5000;

export async function takeSample(contestant: Contestant, options: RunOptions): Promise<Sample> {
  const { proxy, host, port, name } = contestant;
  const pids = proxy.pids();
  warmPages(options.dir);
  const cpuBefore = total(pids, cpuMicros);
  const start = performance.now();
  const result = await drive({ ...options, host, port });
  const cpu = total(pids, cpuMicros) - cpuBefore;
  const wallMicros = (performance.now() - start) * 1000;
  const { requests, requestsPerSecond, p50Ms, p99Ms, p999Ms, errors } = result;
  if (requests === 0) throw new Error(`${name} answered nothing`);
  return {
    cpuMicrosPerRequest: cpu / requests,
    requestsPerSecond,
    p50Ms,
    p99Ms,
    p999Ms,
    rssMib: total(pids, rssBytes) / MIB,
    busyCpus: cpu / wallMicros,
    logBytesPerRequest: (await drainLog(name, proxy.accessLog)) / requests,
    errors,
  };
}

/** Sums a measure over processes. */
export function total(pids: readonly number[], measure: (pid: number) => number): number {
  return pids.reduce((sum, pid) => sum + measure(pid), 0);
}

/** Waits until something was logged, and empties the log: many runs make gigabytes. Gives its size. */
async function drainLog(name: string, file: string): Promise<number> {
  const size = await waitFor(`${name} to log`, () => statSync(file).size, { timeoutMs: LOG_TIMEOUT_MS });
  truncateSync(file);
  return size;
}
