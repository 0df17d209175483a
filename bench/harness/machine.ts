/** What the machine offers a bench: CPUs to pin to, file descriptors. */
import { readFileSync } from "node:fs";

export interface CpuPlan {
  readonly proxy: readonly number[];
  /** The load generator's and the backends'. */
  readonly load: readonly number[];
}

/** Load and backends need no more: a proxy with one worker is the bottleneck. */
const MAX_LOAD_CPUS = 2;

/** A CPU per worker of the proxy, others for the load; all of them for both when there are too few. */
export function planCpus(cpus: number, workers: number): CpuPlan {
  const all = Array.from({ length: cpus }, (_, i) => i);
  if (cpus <= workers) return { proxy: all, load: all };
  return { proxy: all.slice(0, workers), load: all.slice(workers, workers + MAX_LOAD_CPUS) };
}

/** File descriptors that a process may have at most (`ulimit -Hn`). */
export function descriptorLimit(): number {
  return readHardLimit(readFileSync("/proc/self/limits", "utf8"));
}

export function readHardLimit(limits: string): number {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  if (hard === undefined) throw new Error(`no limit of open files in: ${limits}`);
  return hard === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(hard);
}
