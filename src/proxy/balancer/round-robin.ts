/** Each backend in its turn. Workers start at different places, so that few requests spread as well. */
import type { Backend } from "../upstream/backend.ts";
import type { Balancer } from "./balancer.ts";

export class RoundRobin implements Balancer {
  readonly #backends: readonly Backend[];
  #next: number;

  /** `start`: any whole number; the first pick is the backend at that place. */
  constructor(backends: readonly Backend[], start: number) {
    this.#backends = backends;
    this.#next = backends.length === 0 ? 0 : start % backends.length;
  }

  pick(): Backend | null {
    const backends = this.#backends;
    if (backends.length === 0) return null;
    const picked = backends[this.#next] as Backend;
    this.#next = this.#next + 1 === backends.length ? 0 : this.#next + 1;
    return picked;
  }
}
