/** All backends of a worker by key; they survive reloads, and retire when no plan names them any more. */
import type { BackendPlan, Plan, ServicePlan } from "../plan.ts";
import type { WorkerContext } from "../worker-context.ts";
import { AddressBook } from "./address-book.ts";
import { Backend } from "./backend.ts";
import { WorkerTotals } from "./worker-totals.ts";

export class UpstreamPools {
  readonly addresses = new AddressBook();
  readonly #context: WorkerContext;
  readonly #backends = new Map<string, Backend>();
  readonly #totals: WorkerTotals;

  constructor(context: WorkerContext) {
    this.#context = context;
    this.#totals = new WorkerTotals(context.counters);
  }

  /** The backend for this place in the plan, kept from the generation before where it was there. Throws `BackendTlsError`. */
  backend(service: ServicePlan, plan: BackendPlan, whole: Plan): Backend {
    const key = poolKey(service, plan);
    const settings = { plan, pool: whole.pool, connectTimeoutMs: whole.runtime.connectTimeoutMs };
    const known = this.#backends.get(key);
    if (known !== undefined) return known;
    const made = new Backend(this.#context, settings, this.addresses, this.#totals);
    this.#backends.set(key, made);
    return made;
  }

  /** Makes the settings of a plan live, and retires what it does not name. */
  adopt(plan: Plan): void {
    const named = new Set<string>();
    for (const service of plan.services) {
      for (const backend of service.backends) {
        const key = poolKey(service, backend);
        named.add(key);
        this.#backends.get(key)?.update({
          plan: backend,
          pool: plan.pool,
          connectTimeoutMs: plan.runtime.connectTimeoutMs,
        });
      }
    }
    for (const [key, backend] of this.#backends) {
      if (named.has(key)) continue;
      backend.retire();
      this.#backends.delete(key);
    }
    this.addresses.adopt(plan.resolved);
  }

  /** Closes every idle connection; the worker ends. */
  retireAll(): void {
    for (const backend of this.#backends.values()) backend.retire();
  }
}

function poolKey(service: ServicePlan, backend: BackendPlan): string {
  return `${service.name}\n${backend.key}`;
}
