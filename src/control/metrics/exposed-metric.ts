/**
 * The shape in which families are given to prom-client's registry: an object with a name and a `get`
 * that makes the samples at scrape time. prom-client's own metric classes keep a second copy of every
 * number under a hash of its labels; ours are read where they are.
 */
import type { Counter } from "prom-client";
import type { Family } from "./family.ts";

type Labels = Readonly<Record<string, string>>;

export interface Sample {
  /** Where it is not the family's: `_bucket`, `_sum` and `_count` of histograms. */
  readonly metricName?: string;
  readonly labels: Labels;
  /** Labels that several samples share; prom-client formats such an object once in its life. */
  readonly sharedLabels?: Labels;
  readonly value: number;
}

export class ExposedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: Family["kind"];
  readonly aggregator = "sum";
  readonly #read: (samples: Sample[]) => void;

  constructor(family: Family, read: (samples: Sample[]) => void) {
    this.name = family.name;
    this.help = family.help;
    this.type = family.kind;
    this.#read = read;
  }

  get(): object {
    const values: Sample[] = [];
    this.#read(values);
    return { name: this.name, help: this.help, type: this.type, aggregator: this.aggregator, values };
  }

  /** For `Registry.registerMetric`, which calls `get` only, but is typed for prom-client's classes. */
  asPromMetric(): Counter {
    return this as unknown as Counter;
  }
}
