/**
 * The numbers that the control plane counts itself: reloads, workers, drain, DNS. Plain fields, held
 * by one object that the gateway makes and hands to those who count; the exposition reads them at
 * scrape time through `control-families.ts`.
 */
import { Histogram } from "prom-client";
import type { LoadedCertificate } from "../certificates/certificate-store.ts";
import { ROTATION_FAILURES, type RotationFailure } from "../certificates/finding.ts";
import { DRAIN_GLOBAL, DRAIN_LISTENER, DRAIN_SECONDS_BUCKETS } from "./drain-families.ts";

/** Why a worker was lost: it exited by itself, a signal ended it, or its heartbeat stalled and we did. */
export type WorkerLossReason = "exit" | "signal" | "stall";
export const WORKER_LOSS_REASONS: readonly WorkerLossReason[] = ["exit", "signal", "stall"];

/** The steps of a shutdown, in order; `total` spans them all. Feature row A16.5. */
export type DrainPhase =
  | "mark_draining"
  | "readiness_settle"
  | "listener_cancel"
  | "inflight_drain"
  | "total";

/** How a step ended: by itself, or because its budget was used up. */
export type DrainOutcome = "completed" | "timeout";

export interface DrainStep {
  readonly phase: DrainPhase;
  readonly outcome: DrainOutcome;
  readonly seconds: number;
}

export interface DnsCounters {
  readonly hits: number;
  readonly misses: number;
  readonly entries: number;
}

const NO_DNS: DnsCounters = { hits: 0, misses: 0, entries: 0 };

export class ControlMetrics {
  reloadsSucceeded = 0;
  reloadsFailed = 0;
  /** Changed settings that reloads have put into effect, and those that wait for a restart. */
  reloadFieldsApplied = 0;
  reloadFieldsRestartRequired = 0;
  /** Generation of the plan in effect; 0: none yet. */
  appliedGeneration = 0;
  /** Certificates in use, and when they were read: milliseconds since 1970; 0: never. */
  certificates: readonly LoadedCertificate[] = [];
  certificatesLoadedMs = 0;
  certRotationsSucceeded = 0;
  readonly certRotationsFailed = new Map<RotationFailure, number>(
    ROTATION_FAILURES.map((reason) => [reason, 0]),
  );
  ticketKeyRotations = 0;
  drainTimeouts = 0;
  listenerCancelTimeouts = 0;
  /** Places of the shared memory that have a worker, running or about to be replaced; there are more places. */
  workerPlaces: () => readonly number[] = () => [];
  /** The transport of the data plane (`net`, `epoll`, `io_uring`); empty until a worker has said so. */
  transport = "";
  readonly workersLost = new Map<WorkerLossReason, number>(WORKER_LOSS_REASONS.map((reason) => [reason, 0]));
  /** The numbers of the name cache, which counts them itself. */
  dnsCounters: () => DnsCounters = () => NO_DNS;
  /** The drain budget of each listener of the plan in effect, in milliseconds, by listener name. */
  drainTimeoutsMs: ReadonlyMap<string, number> = new Map();
  /** For the exposition's registry only. */
  readonly drainGlobal = drainHistogram(DRAIN_GLOBAL);
  readonly drainListener = drainHistogram(DRAIN_LISTENER);

  /** A rotation of certificates put `generation` into effect. */
  rotated(generation: number): void {
    this.appliedGeneration = generation;
  }

  /** A reload put `generation` into effect, with so many changed settings. Also for the plan of the start, with 0. */
  applied(generation: number, fieldsApplied: number, fieldsRestartRequired: number): void {
    if (this.appliedGeneration !== 0) this.reloadsSucceeded += 1;
    this.appliedGeneration = generation;
    this.reloadFieldsApplied += fieldsApplied;
    this.reloadFieldsRestartRequired += fieldsRestartRequired;
  }

  /** A reload changed nothing because the new configuration was not usable. */
  reloadFailed(): void {
    this.reloadsFailed += 1;
  }

  /** A rotation changed nothing because the certificates were not usable. */
  certRotationFailed(reason: RotationFailure): void {
    this.certRotationsFailed.set(reason, (this.certRotationsFailed.get(reason) ?? 0) + 1);
  }

  /** A worker ended without having been asked to. */
  workerLost(reason: WorkerLossReason): void {
    this.workersLost.set(reason, (this.workersLost.get(reason) ?? 0) + 1);
  }

  /** A step of a shutdown ended. */
  drainStep(step: DrainStep): void {
    this.drainGlobal.observe({ phase: step.phase, outcome: step.outcome }, step.seconds);
    if (step.outcome !== "timeout") return;
    if (step.phase === "inflight_drain") this.drainTimeouts += 1;
    if (step.phase === "listener_cancel") this.listenerCancelTimeouts += 1;
  }

  /** A step of a shutdown ended for one listener. */
  listenerDrainStep(listener: string, step: DrainStep): void {
    this.drainListener.observe({ phase: step.phase, outcome: step.outcome, listener }, step.seconds);
  }
}

function drainHistogram(family: typeof DRAIN_GLOBAL | typeof DRAIN_LISTENER): Histogram {
  return new Histogram({
    name: family.name,
    help: family.help,
    labelNames: [...family.labels],
    buckets: [...DRAIN_SECONDS_BUCKETS],
    registers: [],
  });
}
