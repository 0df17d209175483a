/**
 * The data plane inside this process (`workers = 0`): for embedding, tests and debugging, and where
 * the native addon is missing. The same data plane as in a worker, without the process around it.
 */
import type { Log } from "../base/log.ts";
import type { TransportKind } from "../fastpath/choose-transport.ts";
import { DataPlane } from "../proxy/data-plane.ts";
import type { Plan } from "../proxy/plan.ts";
import { monotonicMs } from "../proxy/state/monotonic-clock.ts";
import { Stripe, WORKER_DRAINING, WORKER_READY } from "../proxy/state/stripe.ts";
import type { DataPlaneHost, DrainProgress, HostHealth, Ports } from "./data-plane-host.ts";

export interface InProcessOptions {
  /** A region with at least one stripe. */
  readonly memory: ArrayBuffer;
  readonly transport: TransportKind;
  readonly log: Log;
}

export class InProcessHost implements DataPlaneHost {
  readonly #stripe: Stripe;
  readonly #dataPlane: DataPlane;

  constructor({ memory, transport, log }: InProcessOptions) {
    this.#stripe = new Stripe(memory, 0);
    this.#stripe.setPid(process.pid);
    this.#dataPlane = new DataPlane({ stripe: this.#stripe, transport, log });
  }

  get transportKind(): string {
    return this.#dataPlane.transportKind;
  }

  prepare(plan: Plan): Promise<Ports> {
    return this.#dataPlane.prepare(plan);
  }

  commit(generation: number): Promise<void> {
    this.#dataPlane.commit(generation);
    this.#stripe.beat(monotonicMs());
    this.#stripe.setFlags(WORKER_READY);
    return Promise.resolve();
  }

  abort(generation: number): Promise<void> {
    return this.#dataPlane.abort(generation);
  }

  setAddresses(host: string, addresses: readonly string[]): void {
    this.#dataPlane.setAddresses(host, addresses);
  }

  setTicketKeys(listenerAddress: string, keys: readonly Uint8Array[]): void {
    this.#dataPlane.setTicketKeys(listenerAddress, keys);
  }

  reopenLogs(): void {
    this.#dataPlane.reopenLogs();
  }

  drain(): DrainProgress {
    this.#stripe.setFlags(WORKER_READY | WORKER_DRAINING);
    return { closed: Promise.resolve(), drained: this.#dataPlane.drain() };
  }

  async stop(): Promise<number> {
    const aborted = await this.#dataPlane.stop();
    this.#stripe.setFlags(0);
    return aborted;
  }

  health(): HostHealth {
    return { places: [0], workers: 0, serving: 0, responsive: true };
  }
}
