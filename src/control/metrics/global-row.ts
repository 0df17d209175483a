/** What is told of one family of `global-families.ts`, besides its name and its slot. */

export interface GlobalRow {
  readonly kind: "counter" | "gauge";
  readonly help: string;
}

export function counter(help: string): GlobalRow {
  return { kind: "counter", help };
}

export function gauge(help: string): GlobalRow {
  return { kind: "gauge", help };
}
