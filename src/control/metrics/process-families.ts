/**
 * The families about processes: what is running, each worker's life signs and usage, the usage of
 * the main process (under the names that Prometheus client libraries share).
 */
import type { Region } from "../../proxy/state/region.ts";
import { WORKER_READY } from "../../proxy/state/stripe.ts";
import type { SampledFamily } from "./family.ts";
import type { ProcessUsage } from "./process-usage.ts";

export interface BuildInfo {
  readonly version: string;
  readonly node: string;
  readonly transport: string;
}

/** Taken once per scrape, so that all families tell of the same moment. */
export interface ProcessSnapshot {
  readonly region: Region;
  /** Places of the region that have a worker. */
  readonly places: readonly number[];
  readonly info: BuildInfo;
  /** On the clock of `monotonicMs`. */
  readonly nowMs: number;
  readonly startTimeSeconds: number;
  readonly main: ProcessUsage | null;
  /** By worker; null: it is not running, or it is the main process. */
  readonly workers: readonly (ProcessUsage | null)[];
}

export const PROCESS_FAMILIES: readonly SampledFamily<ProcessSnapshot>[] = [
  {
    name: "expressgateway_info",
    kind: "gauge",
    help: "Always 1; the labels tell what is running.",
    labels: ["version", "node", "transport"],
    sample: ({ info }, add) => add([info.version, info.node, info.transport], 1),
  },
  {
    name: "expressgateway_transport_info",
    kind: "gauge",
    help: "Always 1; the label tells what moves the bytes: `net`, `epoll` or `io_uring`.",
    labels: ["transport"],
    sample: ({ info }, add) => {
      if (info.transport !== "") add([info.transport], 1);
    },
  },
  {
    name: "worker_up",
    kind: "gauge",
    help: "1: the worker serves its listeners.",
    labels: ["worker"],
    sample: ({ region, places }, add) => {
      for (const worker of places) add([String(worker)], (region.flags(worker) & WORKER_READY) === 0 ? 0 : 1);
    },
  },
  {
    name: "worker_heartbeat_age_seconds",
    kind: "gauge",
    help: "Time since the worker last showed that its event loop turns.",
    labels: ["worker"],
    sample: ({ region, nowMs }, add) => {
      for (let worker = 0; worker < region.workers; worker++) {
        const heartbeatMs = region.heartbeatMs(worker);
        if (heartbeatMs > 0) add([String(worker)], Math.max(0, nowMs - heartbeatMs) / 1000);
      }
    },
  },
  workerUsage(
    "worker_cpu_seconds_total",
    "counter",
    "Processor time of the worker, user and system.",
    (usage) => usage.cpuSeconds,
  ),
  workerUsage(
    "worker_resident_memory_bytes",
    "gauge",
    "Resident memory of the worker.",
    (usage) => usage.residentBytes,
  ),
  workerUsage(
    "worker_open_fds",
    "gauge",
    "Open file descriptors of the worker.",
    (usage) => usage.openDescriptors,
  ),
  mainUsage(
    "process_cpu_seconds_total",
    "counter",
    "Processor time of the main process, user and system.",
    (usage) => usage.cpuSeconds,
  ),
  mainUsage(
    "process_resident_memory_bytes",
    "gauge",
    "Resident memory of the main process.",
    (usage) => usage.residentBytes,
  ),
  mainUsage(
    "process_virtual_memory_bytes",
    "gauge",
    "Virtual memory of the main process.",
    (usage) => usage.virtualBytes,
  ),
  mainUsage(
    "process_open_fds",
    "gauge",
    "Open file descriptors of the main process.",
    (usage) => usage.openDescriptors,
  ),
  {
    name: "process_start_time_seconds",
    kind: "gauge",
    help: "When the main process started, in seconds since 1970.",
    labels: [],
    sample: ({ startTimeSeconds }, add) => add([], startTimeSeconds),
  },
];

function workerUsage(
  name: string,
  kind: "counter" | "gauge",
  help: string,
  read: (usage: ProcessUsage) => number,
): SampledFamily<ProcessSnapshot> {
  return {
    name,
    kind,
    help,
    labels: ["worker"],
    sample: ({ workers }, add) => {
      workers.forEach((usage, worker) => {
        if (usage !== null) add([String(worker)], read(usage));
      });
    },
  };
}

function mainUsage(
  name: string,
  kind: "counter" | "gauge",
  help: string,
  read: (usage: ProcessUsage) => number,
): SampledFamily<ProcessSnapshot> {
  return {
    name,
    kind,
    help,
    labels: [],
    sample: ({ main }, add) => {
      if (main !== null) add([], read(main));
    },
  };
}
