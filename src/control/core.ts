/**
 * What a gateway has exactly one of for its whole life: the shared memory with its counters, the
 * series in it, the metrics, and the host of the data plane. Made by the gateway when it starts.
 */
import { availableParallelism } from "node:os";
import type { Environment } from "../base/environment.ts";
import { MAX_WORKERS } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import {
  chooseTransport,
  describeRefusal,
  type TransportChoice,
  type TransportSetting,
} from "../fastpath/choose-transport.ts";
import { nativeAddon, type NativeAddon } from "../fastpath/native-addon.ts";
import { probeTransport } from "../fastpath/open-transport.ts";
import { createPlainMemory, createSharedMemory, type SharedMemory } from "../fastpath/shared-memory.ts";
import { initRegion, regionBytes } from "../proxy/state/layout.ts";
import { Region } from "../proxy/state/region.ts";
import type { GatewayConfig } from "./config/gateway-config.ts";
import type { DataPlaneHost } from "./data-plane-host.ts";
import { InProcessHost } from "./in-process-host.ts";
import { ControlMetrics } from "./metrics/control-metrics.ts";
import { Exposition } from "./metrics/exposition.ts";
import { SeriesRegistry } from "./metrics/series-registry.ts";
import type { Timers } from "./timers.ts";
import { VERSION } from "./version.ts";
import { WorkerPool } from "./workers/worker-pool.ts";
import { WorkerProcess } from "./workers/worker-process.ts";

/**
 * Places for workers beyond those of the start: for a reload that asks for more, and for workers that
 * still drain while their successors run. Each costs a little at every accept, which sums over all.
 */
const SPARE_WORKER_PLACES = 4;

export interface CoreOptions {
  readonly log: (component: string) => Log;
  readonly timers: Timers;
  /** The environment that workers get. */
  readonly environment: Environment;
}

export interface Core {
  readonly region: Region;
  readonly registry: SeriesRegistry;
  readonly metrics: ControlMetrics;
  readonly exposition: Exposition;
  readonly host: DataPlaneHost;
  /** What moves the bytes in every worker, as long as this gateway lives. */
  readonly transport: TransportChoice;
  /** Whether a start with this setting would choose `transport`. */
  runs(setting: TransportSetting): boolean;
  /** For how many workers there is room. 1 with the data plane in this process. */
  readonly maxWorkers: number;
  /** Lets go of the memory, after the host has stopped. */
  close(): void;
}

/**
 * `config.runtime.workers` above 0 needs the native addon: see `hasWorkers`. Throws with a reason for
 * people when the transport that the configuration names cannot run here.
 */
export function createCore(config: GatewayConfig, options: CoreOptions): Core {
  const { workers } = config.runtime;
  const transport = transportFor(config.runtime.transport);
  const addon = nativeAddon();
  const maxWorkers = placesFor(workers);
  const bytes = regionBytes(maxWorkers);
  const memory = workers > 0 ? createSharedMemory(bytes) : createPlainMemory(bytes);
  initRegion(memory.buffer, { workers: maxWorkers, seed: crypto.getRandomValues(new Int32Array(2)) });
  const region = new Region(memory.buffer);
  const registry = new SeriesRegistry({ clearSlots: (first, count) => region.clearSlots(first, count) });
  const metrics = new ControlMetrics();
  const parts = { region, registry, metrics, transport };
  const host =
    addon === null || workers === 0
      ? inProcess(memory, transport, options)
      : pool({ memory, addon, ...parts }, options);
  metrics.workerPlaces = () => host.health().places;
  return {
    ...parts,
    host,
    exposition: new Exposition({ region, series: registry, control: metrics, version: VERSION }),
    maxWorkers,
    runs: (setting) => {
      const decision = chooseTransport(setting, probeTransport);
      return decision.kind === "chosen" && decision.choice.kind === transport.kind;
    },
    close: () => {
      if (memory.fd !== null) addon?.closeDescriptor(memory.fd);
    },
  };
}

/** Whether worker processes can run at all: they share memory through the native addon. */
export function hasWorkers(): boolean {
  return nativeAddon() !== null;
}

function placesFor(workers: number): number {
  if (workers === 0) return 1;
  return Math.min(MAX_WORKERS, Math.max(workers, availableParallelism()) + SPARE_WORKER_PLACES);
}

function transportFor(setting: TransportSetting): TransportChoice {
  const decision = chooseTransport(setting, probeTransport);
  if (decision.kind === "refused") throw new Error(describeRefusal(setting, decision.reason));
  return decision.choice;
}

function inProcess(
  memory: SharedMemory,
  { kind: transport }: TransportChoice,
  options: CoreOptions,
): DataPlaneHost {
  return new InProcessHost({ memory: memory.buffer, transport, log: options.log("data_plane") });
}

interface PoolParts {
  readonly memory: SharedMemory;
  readonly addon: NativeAddon;
  readonly region: Region;
  readonly registry: SeriesRegistry;
  readonly metrics: ControlMetrics;
  readonly transport: TransportChoice;
}

function pool(parts: PoolParts, options: CoreOptions): DataPlaneHost {
  const { memory, addon, region, registry, metrics, transport } = parts;
  const { timers, environment } = options;
  return new WorkerPool({
    spawn: (index) =>
      new WorkerProcess({
        index,
        memoryFd: memory.fd ?? -1,
        memoryBytes: memory.buffer.byteLength,
        transport: transport.kind,
        environment,
      }),
    region,
    addon,
    gaugeSlots: () => registry.gaugeSlots(),
    onLoss: (reason) => metrics.workerLost(reason),
    timers,
    log: options.log("workers"),
  });
}
