/**
 * What `/metrics` answers: every family of the gateway in the Prometheus text format 0.0.4, written by
 * prom-client from a registry of our own. The admin listener calls `scrape`. Feature row A17.2.
 */
import { Registry } from "prom-client";
import { monotonicMs } from "../../proxy/state/monotonic-clock.ts";
import type { Region } from "../../proxy/state/region.ts";
import { CONTROL_FAMILIES } from "./control-families.ts";
import type { ControlMetrics } from "./control-metrics.ts";
import { ExposedMetric } from "./exposed-metric.ts";
import { type AddSample, labelObject, type SampledFamily } from "./family.ts";
import { GLOBAL_FAMILIES } from "./global-families.ts";
import { PROCESS_FAMILIES, type ProcessSnapshot } from "./process-families.ts";
import { readProcessUsage } from "./process-usage.ts";
import type { SeriesRegistry } from "./series-registry.ts";
import { SLOT_FAMILIES } from "./slot-families.ts";
import { readBlock } from "./slot-samples.ts";

export interface ExpositionOptions {
  readonly region: Region;
  readonly series: SeriesRegistry;
  readonly control: ControlMetrics;
  /** The gateway's version. */
  readonly version: string;
}

export class Exposition {
  /** For the Content-Type field. */
  readonly contentType: string = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #options: ExpositionOptions;
  readonly #registry = new Registry();
  readonly #startTimeSeconds = Date.now() / 1000 - process.uptime();
  #snapshot: ProcessSnapshot;

  constructor(options: ExpositionOptions) {
    this.#options = options;
    this.#snapshot = this.#takeSnapshot();
    this.#registerSlots();
    this.#registerGlobals();
    this.#registerSampled(CONTROL_FAMILIES, () => this.#options.control);
    this.#registerSampled(PROCESS_FAMILIES, () => this.#snapshot);
    this.#registry.registerMetric(options.control.drainGlobal);
    this.#registry.registerMetric(options.control.drainListener);
  }

  /** The text of all families now. */
  scrape(): Promise<string> {
    this.#snapshot = this.#takeSnapshot();
    return this.#registry.metrics();
  }

  #registerSlots(): void {
    const { region, series } = this.#options;
    for (const family of Object.values(SLOT_FAMILIES)) {
      this.#register(
        new ExposedMetric(family, (samples) => {
          for (const block of series.blocks(family)) readBlock(family, block, region, samples);
        }),
      );
    }
  }

  #registerGlobals(): void {
    for (const family of GLOBAL_FAMILIES) {
      this.#register(
        new ExposedMetric(family, (samples) => {
          samples.push({ labels: {}, value: this.#options.region.sum(family.slot) });
        }),
      );
    }
  }

  #registerSampled<Source>(families: readonly SampledFamily<Source>[], source: () => Source): void {
    for (const family of families) {
      this.#register(
        new ExposedMetric(family, (samples) => {
          const add: AddSample = (labels, value) => {
            samples.push({ labels: labelObject(family.labels, labels), value });
          };
          family.sample(source(), add);
        }),
      );
    }
  }

  #register(metric: ExposedMetric): void {
    this.#registry.registerMetric(metric.asPromMetric());
  }

  #takeSnapshot(): ProcessSnapshot {
    const { region, control, version } = this.#options;
    const pids = Array.from({ length: region.workers }, (_, worker) => region.pid(worker));
    return {
      region,
      places: control.workerPlaces(),
      info: { version, node: process.versions.node, transport: control.transport },
      nowMs: monotonicMs(),
      startTimeSeconds: this.#startTimeSeconds,
      main: readProcessUsage(process.pid),
      workers: pids.map((pid) => (pid === 0 || pid === process.pid ? null : readProcessUsage(pid))),
    };
  }
}
