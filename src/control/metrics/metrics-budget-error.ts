/**
 * A plan would have more series than the budget allows: `check` and boot refuse it, a reload keeps
 * the running plan. Thrown by `SeriesRegistry.allot`, shown to the operator as it is.
 */
export type MetricsBudget = "series" | "slots";

export class MetricsBudgetError extends Error {
  override readonly name = "MetricsBudgetError";
  readonly budget: MetricsBudget;
  readonly family: string;
  /** What the plan needs at least, and what there is. */
  readonly wanted: number;
  readonly limit: number;

  constructor(budget: MetricsBudget, family: string, wanted: number, limit: number) {
    super(messageOf(budget, family, wanted, limit));
    this.budget = budget;
    this.family = family;
    this.wanted = wanted;
    this.limit = limit;
  }
}

function messageOf(budget: MetricsBudget, family: string, wanted: number, limit: number): string {
  switch (budget) {
    case "series":
      return `metric family ${family} could have ${wanted} series or more; observability.max_label_cardinality is ${limit}`;
    case "slots":
      return `metric family ${family} needs counter slot ${wanted} or above; there are ${limit}`;
  }
}
