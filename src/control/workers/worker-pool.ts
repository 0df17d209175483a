/**
 * The data plane in worker processes. Takes a plan over in all of them in two steps, brings
 * successors of dead workers up to date, grows and shrinks. The gateway drives it; the supervisor
 * keeps the processes alive.
 */
import { assert } from "../../base/assert.ts";
import type { Log } from "../../base/log.ts";
import type { NativeAddon } from "../../fastpath/native-addon.ts";
import type { ToWorker } from "../../proxy/control-messages.ts";
import type { Plan } from "../../proxy/plan.ts";
import type { Region } from "../../proxy/state/region.ts";
import type { DataPlaneHost, DrainProgress, HostHealth, Ports } from "../data-plane-host.ts";
import type { WorkerLossReason } from "../metrics/control-metrics.ts";
import type { Timers } from "../timers.ts";
import { HandOverPorts } from "./hand-over-ports.ts";
import { type PortReservation, reservePorts } from "./reserve-ports.ts";
import { Supervisor } from "./supervisor.ts";
import { WorkerFailure, type WorkerProcess } from "./worker-process.ts";

/** For compiling a plan and binding its listeners: thousands of routes take a fraction of a second. */
const PREPARE_LIMIT_MS = 15_000;

/** For the swap, which only exchanges pointers; a worker that takes longer is replaced. */
const COMMIT_LIMIT_MS = 5_000;

/** For cutting what is left and writing out the access log; a worker that takes longer is killed. */
const STOP_LIMIT_MS = 5_000;

export interface WorkerPoolOptions {
  readonly spawn: (index: number) => WorkerProcess;
  readonly region: Region;
  readonly addon: NativeAddon;
  readonly gaugeSlots: () => readonly number[];
  /** Told of every loss that nobody asked for. */
  readonly onLoss: (reason: WorkerLossReason) => void;
  readonly timers: Timers;
  readonly log: Log;
}

/** A plan on its way to go live. */
interface Pending {
  readonly plan: Plan;
  readonly ports: ReadonlyMap<string, number>;
  readonly workers: number;
  readonly participants: readonly WorkerProcess[];
  /** Those of the participants that were started for this plan. */
  readonly fresh: readonly WorkerProcess[];
}

export class WorkerPool implements DataPlaneHost {
  readonly #options: WorkerPoolOptions;
  readonly #supervisor: Supervisor;
  readonly #handOver: HandOverPorts;
  /** The latest answer for each backend's host name, for workers that join. */
  readonly #addresses = new Map<string, readonly string[]>();
  /** Keys of session tickets that are newer than those of the plan, by the listener's address. */
  readonly #ticketKeys = new Map<string, readonly Uint8Array[]>();
  #pending: Pending | null = null;
  #current: Plan | null = null;
  #ports: ReadonlyMap<string, number> = new Map();
  #workers = 0;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#handOver = new HandOverPorts(options.region.workers);
    this.#supervisor = new Supervisor({
      ...options,
      welcome: (worker) => this.#welcome(worker),
      onGone: (index) => this.#workerGone(index),
    });
  }

  get transportKind(): string {
    return this.#supervisor.transport;
  }

  async prepare(plan: Plan, workers: number): Promise<Ports> {
    assert(this.#pending === null, "a plan is pending already");
    const reservation = await reservePorts(this.#options.addon, plan, this.#ports);
    try {
      return await this.#prepareAll(reservation, workers);
    } finally {
      reservation.release();
    }
  }

  async #prepareAll({ plan, ports }: PortReservation, workers: number): Promise<Ports> {
    const serving = this.#supervisor.serving();
    const fresh = await this.#hire(this.#missing(workers, serving.length));
    const participants = [...serving, ...fresh];
    this.#pending = { plan, ports, workers, participants, fresh };
    for (const [host, addresses] of Object.entries(plan.resolved)) this.#addresses.set(host, addresses);
    const results = await Promise.allSettled(participants.map((worker) => this.#prepareOne(worker, plan)));
    this.#tellAllNews();
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) {
      await this.abort(plan.generation);
      throw failed.reason;
    }
    const first = results[0];
    return first?.status === "fulfilled" ? first.value : {};
  }

  /** When workers should run but none serves, the plan is tried on a new one: it may be what mends them. */
  #missing(workers: number, serving: number): number {
    return Math.max(workers - this.#supervisor.size, serving === 0 ? 1 : 0, 0);
  }

  async #hire(count: number): Promise<WorkerProcess[]> {
    const hires = Array.from({ length: count }, () => this.#supervisor.hire());
    const results = await Promise.allSettled(hires);
    const failed = results.find((result) => result.status === "rejected");
    const hired = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    if (failed === undefined) return hired;
    await Promise.all(hired.map((worker) => this.#dismiss(worker)));
    throw failed.reason;
  }

  async commit(generation: number): Promise<void> {
    const pending = this.#pending;
    assert(pending?.plan.generation === generation, "commit of a plan that is not pending");
    this.#pending = null;
    this.#current = pending.plan;
    this.#ports = pending.ports;
    this.#workers = pending.workers;
    await Promise.all(pending.participants.map((worker) => this.#commitOne(worker, generation)));
    for (const worker of pending.fresh) this.#supervisor.admit(worker);
    this.#keepTicketKeys(pending.plan);
    this.#shrink(pending);
  }

  /** A rotation while the plan was on its way has come too early for those who had not got it yet. */
  #keepTicketKeys({ listeners }: Plan): void {
    const known = new Set(listeners.map(({ address }) => address));
    for (const [listener, keys] of this.#ticketKeys) {
      if (known.has(listener)) this.#tellAll({ kind: "ticketKeys", listener, keys });
      else this.#ticketKeys.delete(listener);
    }
  }

  async #commitOne(worker: WorkerProcess, generation: number): Promise<void> {
    try {
      await worker.ask({ kind: "commit", generation }, ["committed"], COMMIT_LIMIT_MS);
    } catch (error) {
      if (!(error instanceof WorkerFailure)) throw error;
      this.#options.log.error({ worker: worker.index, reason: error.message }, "worker replaced: no commit");
      worker.kill();
    }
  }

  /** Workers that the plan does not want finish their connections in the background. */
  #shrink({ plan, workers }: Pending): void {
    const budgetMs = Math.max(0, ...plan.listeners.map((listener) => listener.drainTimeoutMs));
    for (const worker of this.#supervisor.releaseSome(this.#supervisor.size - workers)) {
      void this.#retire(worker, budgetMs);
    }
  }

  async #retire(worker: WorkerProcess, budgetMs: number): Promise<void> {
    this.#options.log.info({ worker: worker.index }, "worker retires");
    this.#handOver.leaves(worker.index);
    this.#tellAllNews();
    worker.send({ kind: "drain" });
    await worker.expect(["drained"], budgetMs).catch(ignoreFailure);
    await stopOne(worker);
  }

  async abort(generation: number): Promise<void> {
    const pending = this.#pending;
    if (pending?.plan.generation !== generation) return;
    this.#pending = null;
    for (const worker of pending.participants) worker.send({ kind: "abort", generation });
    await Promise.all(pending.fresh.map((worker) => this.#dismiss(worker)));
  }

  async #dismiss(worker: WorkerProcess): Promise<void> {
    this.#supervisor.release(worker);
    await stopOne(worker);
  }

  /** A worker that does not answer is ended, so that a late answer cannot be taken for one to the next plan. */
  async #prepareOne(worker: WorkerProcess, plan: Plan): Promise<Ports> {
    worker.send(this.#handOver.message);
    const answer = await worker
      .ask({ kind: "prepare", plan }, ["prepared", "refused"], PREPARE_LIMIT_MS)
      .catch((error: unknown) => {
        worker.kill();
        throw error;
      });
    if (answer.kind === "refused") throw new WorkerFailure(answer.reason);
    if (!worker.gone) this.#handOver.set(worker.index, answer.handOverPort);
    return answer.ports;
  }

  #workerGone(index: number): void {
    this.#handOver.gone(index);
    this.#tellAllNews();
  }

  /** Who has a hand-over port, if that has changed. */
  #tellAllNews(): void {
    const news = this.#handOver.takeNews();
    if (news !== null) this.#tellAll(news);
  }

  /** Until the worker is on the plan that is current by then. */
  async #welcome(worker: WorkerProcess): Promise<void> {
    for (;;) {
      const plan = this.#current;
      if (plan === null) throw new WorkerFailure("there is no plan yet");
      const { generation } = plan;
      await this.#prepareOne(worker, { ...plan, resolved: Object.fromEntries(this.#addresses) });
      this.#tellAllNews();
      await worker.ask({ kind: "commit", generation }, ["committed"], COMMIT_LIMIT_MS);
      for (const [listener, keys] of this.#ticketKeys) worker.send({ kind: "ticketKeys", listener, keys });
      if (this.#current === plan) return;
    }
  }

  setAddresses(host: string, addresses: readonly string[]): void {
    this.#addresses.set(host, addresses);
    this.#tellAll({ kind: "addresses", host, addresses });
  }

  setTicketKeys(listener: string, keys: readonly Uint8Array[]): void {
    this.#ticketKeys.set(listener, keys);
    this.#tellAll({ kind: "ticketKeys", listener, keys });
  }

  reopenLogs(): void {
    this.#tellAll({ kind: "reopenLogs" });
  }

  #tellAll(message: ToWorker): void {
    for (const worker of this.#supervisor.running()) worker.send(message);
  }

  drain(): DrainProgress {
    this.#supervisor.stopReplacing();
    const workers = this.#supervisor.running();
    const closed = workers.map((worker) => worker.expect(["draining"]).catch(ignoreFailure));
    const drained = workers.map((worker) => worker.expect(["drained"]).catch(ignoreFailure));
    for (const { index } of workers) this.#handOver.leaves(index);
    this.#tellAllNews();
    this.#tellAll({ kind: "drain" });
    return {
      closed: Promise.all(closed).then(() => {}),
      drained: Promise.all(drained).then(() => {}),
    };
  }

  async stop(): Promise<number> {
    this.#supervisor.close();
    const aborted = await Promise.all(this.#supervisor.running().map(stopOne));
    return aborted.reduce((sum, count) => sum + count, 0);
  }

  health(): HostHealth {
    const serving = this.#supervisor.serving().length;
    const { places, responsive } = this.#supervisor;
    return { places, workers: this.#workers, serving, responsive };
  }
}

/** Ends a worker, by force when it does not answer; returns how many connections were cut. */
async function stopOne(worker: WorkerProcess): Promise<number> {
  let aborted = 0;
  let exitLimitMs = 0;
  try {
    aborted = (await worker.ask({ kind: "stop" }, ["stopped"], STOP_LIMIT_MS)).aborted;
    exitLimitMs = STOP_LIMIT_MS;
  } catch (error) {
    ignoreFailure(error);
  }
  await worker.exitWithin(exitLimitMs);
  return aborted;
}

/** A worker that ended instead of answering has nothing left to wait for. */
function ignoreFailure(error: unknown): void {
  if (!(error instanceof WorkerFailure)) throw error;
}
