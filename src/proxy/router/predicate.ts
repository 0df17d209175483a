/**
 * A compiled condition on a request, and the logical ones. Small immutable objects, made once per
 * plan by `compile-predicate.ts`; matching makes no closures and keeps nothing.
 */
import type { RouteInput } from "./route-input.ts";

export interface Predicate {
  /** What a test costs, in steps of an order of magnitude: cheap ones are tested first. */
  readonly cost: number;
  matches(request: RouteInput): boolean;
}

export class Always implements Predicate {
  readonly cost = 0;

  matches(): boolean {
    return true;
  }
}

export class Not implements Predicate {
  readonly cost: number;
  readonly #inner: Predicate;

  constructor(inner: Predicate) {
    this.cost = inner.cost;
    this.#inner = inner;
  }

  matches(request: RouteInput): boolean {
    return !this.#inner.matches(request);
  }
}

/** All of them. Predicates have no effects, so the order of tests is free: the cheapest goes first. */
export class AllOf implements Predicate {
  readonly cost: number;
  readonly #parts: readonly Predicate[];

  constructor(parts: readonly Predicate[]) {
    this.#parts = byCost(parts);
    this.cost = highestCost(parts);
  }

  matches(request: RouteInput): boolean {
    const parts = this.#parts;
    for (let i = 0; i < parts.length; i++) if (!(parts[i] as Predicate).matches(request)) return false;
    return true;
  }
}

/** Any of them. */
export class AnyOf implements Predicate {
  readonly cost: number;
  readonly #parts: readonly Predicate[];

  constructor(parts: readonly Predicate[]) {
    this.#parts = byCost(parts);
    this.cost = highestCost(parts);
  }

  matches(request: RouteInput): boolean {
    const parts = this.#parts;
    for (let i = 0; i < parts.length; i++) if ((parts[i] as Predicate).matches(request)) return true;
    return false;
  }
}

function byCost(parts: readonly Predicate[]): readonly Predicate[] {
  return parts.toSorted((a, b) => a.cost - b.cost);
}

function highestCost(parts: readonly Predicate[]): number {
  return parts.reduce((cost, part) => Math.max(cost, part.cost), 0);
}
