/**
 * A worker's side of the process channel: obeys the control plane's messages in their order and
 * answers. `worker-main.ts` connects it to the process.
 */
import { unreachable } from "../../base/assert.ts";
import type { Log } from "../../base/log.ts";
import type { FromWorker, ToWorker } from "../../proxy/control-messages.ts";
import type { DataPlane } from "../../proxy/data-plane.ts";
import type { Plan } from "../../proxy/plan.ts";
import { type Stripe, WORKER_DRAINING, WORKER_READY } from "../../proxy/state/stripe.ts";

export interface WorkerSessionOptions {
  readonly dataPlane: DataPlane;
  readonly stripe: Stripe;
  readonly log: Log;
  /** `sent` is called when the message has left. */
  readonly send: (message: FromWorker, sent?: () => void) => void;
  /** Ends the process, after the answer to `stop` has left. */
  readonly exit: () => void;
}

export class WorkerSession {
  readonly #options: WorkerSessionOptions;
  /** The end of what is being done; the next message waits for it. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: WorkerSessionOptions) {
    this.#options = options;
  }

  /** Messages come one after another: a failure to obey is our own mistake, and ends the process. */
  receive(message: ToWorker): void {
    this.#work = this.#work.then(() => this.#obey(message));
  }

  #obey(message: ToWorker): Promise<void> | void {
    const { dataPlane, send } = this.#options;
    switch (message.kind) {
      case "peers":
        return dataPlane.setPeers(message);
      case "prepare":
        return this.#prepare(message.plan);
      case "commit":
        dataPlane.commit(message.generation);
        this.#options.stripe.setFlags(WORKER_READY);
        return send({ kind: "committed", generation: message.generation });
      case "abort":
        return dataPlane.abort(message.generation);
      case "addresses":
        return dataPlane.setAddresses(message.host, message.addresses);
      case "ticketKeys":
        return dataPlane.setTicketKeys(message.listener, message.keys);
      case "reopenLogs":
        return dataPlane.reopenLogs();
      case "drain":
        return this.#drain();
      case "stop":
        return this.#stop();
    }
    return unreachable(message);
  }

  async #prepare(plan: Plan): Promise<void> {
    const { dataPlane, send } = this.#options;
    try {
      const ports = await dataPlane.prepare(plan);
      const { handOverPort } = dataPlane;
      send({ kind: "prepared", generation: plan.generation, ports, handOverPort });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      send({ kind: "refused", generation: plan.generation, reason });
    }
  }

  /** Does not hold up later messages: `stop` must get through while connections are still open. */
  #drain(): void {
    const { dataPlane, stripe, send } = this.#options;
    stripe.setFlags(WORKER_READY | WORKER_DRAINING);
    const drained = dataPlane.drain();
    send({ kind: "draining" });
    void drained.then(() => send({ kind: "drained" }));
  }

  async #stop(): Promise<void> {
    const { dataPlane, stripe, send, exit } = this.#options;
    const aborted = await dataPlane.stop();
    stripe.setFlags(0);
    send({ kind: "stopped", aborted }, exit);
  }
}
