/** Medians with their spread: what a noisy machine allows to be said. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted.length % 2 === 0 ? (sorted[middle - 1] ?? upper) : upper;
  return { median: (lower + upper) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** `12.3 (11.9 to 13.0)`. */
export function formatSpread(spread: Spread, digits: number): string {
  const text = (value: number): string => value.toFixed(digits);
  if (spread.min === spread.max) return text(spread.median);
  return `${text(spread.median)} (${text(spread.min)} to ${text(spread.max)})`;
}
