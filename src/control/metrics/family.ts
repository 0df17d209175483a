/**
 * What a metric family is: the name, kind, help text and labels that `/metrics` and docs/METRICS.md
 * show. Every family that the gateway exposes is a value of one of these types, in one of the
 * `*-families.ts` tables of this folder.
 */
import { HISTOGRAM_SLOTS } from "../../proxy/plan.ts";

export type FamilyKind = "counter" | "gauge" | "histogram";

export interface Family {
  readonly name: string;
  readonly kind: FamilyKind;
  /** One sentence for operators, with the unit where the name does not tell it. */
  readonly help: string;
  readonly labels: readonly string[];
}

/** A family whose numbers the workers add up in slots of shared memory, a block of slots at a time. */
export interface SlotFamily extends Family {
  /**
   * The series of a block, in slot order: the values of the family's last labels. The first labels
   * are the same for the whole block (`listener`, `route`). Null: slots that belong to no series.
   */
  readonly rows: readonly (readonly string[] | null)[];
  /** Series that a block has at most, where its rows exclude each other; default: one for each row. */
  readonly maxSeries?: number;
  /** A series appears with its first event; most combinations of a block never occur. */
  readonly sparse: boolean;
}

/** Takes one sample: the values of the family's labels, in order, and the number. */
export type AddSample = (labels: readonly string[], value: number) => void;

/** A family that is read from `Source` at scrape time. Counters and gauges only. */
export interface SampledFamily<Source> extends Family {
  readonly kind: "counter" | "gauge";
  sample(source: Source, add: AddSample): void;
}

/** Slots of one series. */
export function seriesSlots(family: SlotFamily): number {
  return family.kind === "histogram" ? HISTOGRAM_SLOTS : 1;
}

/** Slots of one block: what `SeriesRegistry.allot` takes. */
export function blockSlots(family: SlotFamily): number {
  return family.rows.length * seriesSlots(family);
}

/** Series that one block can have. */
export function blockSeries(family: SlotFamily): number {
  return family.maxSeries ?? family.rows.reduce((series, row) => (row === null ? series : series + 1), 0);
}

/** A label object, as prom-client takes it. */
export function labelObject(names: readonly string[], values: readonly string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  names.forEach((name, index) => {
    labels[name] = values[index] ?? "";
  });
  return labels;
}
