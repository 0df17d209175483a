/**
 * Smooth weighted round robin: shares follow the weights exactly over a full turn, and the picks of
 * a heavy backend are spread over the turn instead of coming in a burst. Each pick, every backend
 * gains its weight; the one that has most is taken and pays the sum of all weights.
 */
import type { Backend } from "../upstream/backend.ts";
import type { Balancer } from "./balancer.ts";

export class WeightedRoundRobin implements Balancer {
  readonly #backends: readonly Backend[];
  readonly #weights: Float64Array;
  readonly #current: Float64Array;
  readonly #total: number;

  constructor(backends: readonly Backend[], weights: readonly number[]) {
    this.#backends = backends;
    this.#weights = Float64Array.from(weights);
    this.#current = new Float64Array(weights.length);
    this.#total = weights.reduce((sum, weight) => sum + weight, 0);
  }

  pick(): Backend | null {
    const current = this.#current;
    const weights = this.#weights;
    let best = -1;
    let most = -Infinity;
    for (let i = 0; i < current.length; i++) {
      const gained = (current[i] as number) + (weights[i] as number);
      current[i] = gained;
      if (gained > most) {
        most = gained;
        best = i;
      }
    }
    if (best === -1) return null;
    current[best] = most - this.#total;
    return this.#backends[best] as Backend;
  }
}
