/**
 * Reads the series of a slot family from shared memory, summed over all workers. A histogram's
 * buckets are stored apart and become cumulative here, as the Prometheus text format wants them.
 */
import { DURATION_BUCKETS_S, HISTOGRAM_SLOTS } from "../../proxy/plan.ts";
import type { Region } from "../../proxy/state/region.ts";
import type { Sample } from "./exposed-metric.ts";
import type { SlotFamily } from "./family.ts";
import type { SeriesBlock } from "./series-registry.ts";

const NO_LABELS = {};
const BUCKET_LABELS = [...DURATION_BUCKETS_S.map((bound) => ({ le: String(bound) })), { le: "+Inf" }];
const SUM_OFFSET = HISTOGRAM_SLOTS - 1;

/** Adds the samples of one block. */
export function readBlock(family: SlotFamily, block: SeriesBlock, region: Region, samples: Sample[]): void {
  const { first, series } = block;
  for (let row = 0; row < series.length; row++) {
    const labels = series[row];
    if (labels === null || labels === undefined) continue;
    if (family.kind === "histogram") {
      readHistogram({ family, labels, region, samples }, first + row * HISTOGRAM_SLOTS);
      continue;
    }
    const value = region.sum(first + row);
    if (value !== 0 || !family.sparse) samples.push({ labels: NO_LABELS, sharedLabels: labels, value });
  }
}

interface HistogramReading {
  readonly family: SlotFamily;
  readonly labels: Readonly<Record<string, string>>;
  readonly region: Region;
  readonly samples: Sample[];
}

function readHistogram({ family, labels, region, samples }: HistogramReading, first: number): void {
  const buckets = BUCKET_LABELS.map((_, bucket) => region.sum(first + bucket));
  let count = 0;
  for (const bucket of buckets) count += bucket;
  if (count === 0 && family.sparse) return;
  let below = 0;
  buckets.forEach((bucket, index) => {
    below += bucket;
    const le = BUCKET_LABELS[index] ?? NO_LABELS;
    samples.push({ metricName: `${family.name}_bucket`, labels: le, sharedLabels: labels, value: below });
  });
  samples.push({
    metricName: `${family.name}_sum`,
    labels: NO_LABELS,
    sharedLabels: labels,
    value: region.sum(first + SUM_OFFSET),
  });
  samples.push({ metricName: `${family.name}_count`, labels: NO_LABELS, sharedLabels: labels, value: count });
}
