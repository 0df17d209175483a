/**
 * Compares the process's limit of open files with what the configuration lets in, so that an operator
 * reads about it at start and not as EMFILE under load. The gateway calls it when it starts and
 * after a reload.
 */
import type { Log } from "../base/log.ts";
import { nativeAddon } from "../fastpath/native-addon.ts";

/** Descriptors of a worker that are not connections: runtime, listeners, log, channel. */
const RESERVED_DESCRIPTORS = 64;

/** A proxied connection takes one descriptor towards the client and one towards the backend. */
const DESCRIPTORS_PER_CONNECTION = 2;

export interface DescriptorNeed {
  readonly listeners: number;
  readonly maxInflightConnections: number;
  /** Processes that share the connections; 0 with the data plane in the main process. */
  readonly workers: number;
}

/** Descriptors that each process needs when every listener is at its cap. */
export function neededDescriptors(need: DescriptorNeed): number {
  const connections = Math.ceil((need.listeners * need.maxInflightConnections) / Math.max(1, need.workers));
  return connections * DESCRIPTORS_PER_CONNECTION + RESERVED_DESCRIPTORS;
}

/** This process's soft limit, which its workers inherit. `Infinity` without a limit, or without the addon that asks. */
export function openFileLimit(): number {
  return nativeAddon()?.openFileLimit().soft ?? Infinity;
}

/** Warns when the limit is below the need, with the number to set. */
export function warnOfDescriptorLimit(log: Log, need: DescriptorNeed, limit: number): void {
  const needed = neededDescriptors(need);
  if (limit >= needed) return;
  log.warn(
    { nofile_limit: limit, nofile_needed: needed, ...snake(need) },
    `the limit of open files is below what max_inflight_connections allows: raise it (ulimit -n, LimitNOFILE) to ${needed}`,
  );
}

function snake(need: DescriptorNeed): object {
  return {
    listeners: need.listeners,
    max_inflight_connections: need.maxInflightConnections,
    workers: need.workers,
  };
}
