/**
 * Where the data plane runs, as the gateway sees it: in worker processes (`workers/worker-pool.ts`)
 * or in this process (`in-process-host.ts`). A plan is taken over in two steps, so that it goes live
 * everywhere or nowhere.
 */
import type { Plan } from "../proxy/plan.ts";

/** Real ports by listener name; they differ from the configured ones where those are 0. */
export type Ports = Readonly<Record<string, number>>;

export interface HostHealth {
  /** Places of the shared memory that have a worker, running or about to be replaced. */
  readonly places: readonly number[];
  /** Workers that should run; 0: the data plane is in this process. */
  readonly workers: number;
  /** Workers that serve traffic on the current plan. */
  readonly serving: number;
  /** Every worker that serves has shown life lately. */
  readonly responsive: boolean;
}

export interface DrainProgress {
  /** No listener accepts any more. */
  readonly closed: Promise<void>;
  /** No connection is left. */
  readonly drained: Promise<void>;
}

export interface DataPlaneHost {
  /** Which transport moves the bytes. Known after the first `prepare`. */
  readonly transportKind: string;
  /**
   * Has the plan compiled and its new listeners bound everywhere, with `workers` workers to be.
   * Rejects with a reason for people, and then nothing is left of it.
   */
  prepare(plan: Plan, workers: number): Promise<Ports>;
  /** Swaps to the prepared plan. */
  commit(generation: number): Promise<void>;
  /** Forgets the prepared plan. */
  abort(generation: number): Promise<void>;
  setAddresses(host: string, addresses: readonly string[]): void;
  /** A listener (`host:port` as configured) has other keys for its session tickets from now on. */
  setTicketKeys(listenerAddress: string, keys: readonly Uint8Array[]): void;
  reopenLogs(): void;
  drain(): DrainProgress;
  /** Cuts what is left; returns how many connections that were. Ends the workers. */
  stop(): Promise<number>;
  health(): HostHealth;
}
