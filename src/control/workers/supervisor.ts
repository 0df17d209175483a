/**
 * Keeps worker processes alive: starts them, watches their heartbeats, reaps the dead, and starts
 * their successors with back-off. The pool hires through it and tells how a newcomer is brought up to
 * date. A worker's index is its stripe of shared memory; it is free again when the process is gone.
 *
 *     hire -> fresh --admit--> serving --death--> down --delay--> joining --welcomed--> serving
 *               `--death: the hirer sees it          ^--death or refusal--'
 *     retire: any state -> leaving -> gone
 */
import type { Log } from "../../base/log.ts";
import type { Region } from "../../proxy/state/region.ts";
import type { WorkerLossReason } from "../metrics/control-metrics.ts";
import type { Timers } from "../timers.ts";
import { HeartbeatWatchdog, WATCHDOG_INTERVAL_MS } from "./heartbeat-watchdog.ts";
import { RespawnBackoff } from "./respawn-backoff.ts";
import { describeExit, WorkerFailure, type WorkerExit, type WorkerProcess } from "./worker-process.ts";

/** From the start of a process until it can take a plan: generous, for a machine that starts hundreds at once. */
const START_LIMIT_MS = 30_000;

export interface SupervisorOptions {
  readonly region: Region;
  readonly spawn: (index: number) => WorkerProcess;
  /** Brings a successor to the current plan; rejects when that fails. */
  readonly welcome: (worker: WorkerProcess) => Promise<void>;
  /** A worker's process has ended, whyever; its place may have another one soon. */
  readonly onGone: (index: number) => void;
  /** Slots that a dead worker can no longer count down. */
  readonly gaugeSlots: () => readonly number[];
  /** Told of every loss that nobody asked for. */
  readonly onLoss: (reason: WorkerLossReason) => void;
  readonly timers: Timers;
  readonly log: Log;
}

interface Member {
  readonly index: number;
  readonly backoff: RespawnBackoff;
  process: WorkerProcess;
  state: "fresh" | "serving" | "down" | "joining" | "leaving";
  startedAtMs: number;
  /** Its heartbeat stopped, so it was killed. */
  stalled: boolean;
  cancelRespawn: () => void;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #members = new Map<number, Member>();
  readonly #watchdog: HeartbeatWatchdog;
  #cancelCheck: () => void = () => {};
  #transport = "";

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#watchdog = new HeartbeatWatchdog((index) => options.region.heartbeatMs(index));
    this.#scheduleCheck();
  }

  /** The transport that the last worker to start chose. */
  get transport(): string {
    return this.#transport;
  }

  /** Workers that should run: all but those that leave. */
  get size(): number {
    return this.#count((member) => member.state !== "leaving");
  }

  /** Indexes that have a worker, or will have one again. */
  get places(): readonly number[] {
    return [...this.#members.keys()].sort((a, b) => a - b);
  }

  get responsive(): boolean {
    return this.#watchdog.healthy;
  }

  /** Workers on the current plan. */
  serving(): WorkerProcess[] {
    return [...this.#members.values()]
      .filter(({ state }) => state === "serving")
      .map(({ process }) => process);
  }

  /** Starts one more worker. It is the caller's until `admit`: its death is told to nobody else. */
  async hire(): Promise<WorkerProcess> {
    const index = this.#freeIndex();
    const member: Member = {
      index,
      backoff: new RespawnBackoff(),
      process: this.#options.spawn(index),
      state: "fresh",
      startedAtMs: this.#options.timers.nowMs(),
      stalled: false,
      cancelRespawn: () => {},
    };
    this.#members.set(index, member);
    try {
      await this.#started(member);
    } catch (error) {
      this.#leave(member);
      throw error;
    }
    return member.process;
  }

  /** From now on the worker serves, and is replaced when it dies. */
  admit(worker: WorkerProcess): void {
    const member = this.#members.get(worker.index);
    if (member?.process !== worker || member.state === "leaving") return;
    if (worker.gone) this.#respawnLater(member);
    else member.state = "serving";
  }

  /** The worker will end and is not to be replaced. */
  release(worker: WorkerProcess): void {
    const member = this.#members.get(worker.index);
    if (member?.process === worker) this.#leave(member);
  }

  /** Up to `count` members that are not to be replaced any more, those that serve nothing first; returns the running ones. */
  releaseSome(count: number): WorkerProcess[] {
    const members = [...this.#members.values()].filter(({ state }) => state !== "leaving");
    members.sort(
      (a, b) => Number(a.state === "serving") - Number(b.state === "serving") || b.index - a.index,
    );
    const leaving = members.slice(0, Math.max(0, count));
    const running = leaving.filter(({ process }) => !process.gone).map(({ process }) => process);
    for (const member of leaving) this.#leave(member);
    return running;
  }

  /** Nobody is replaced any more; stalled workers are still killed. */
  stopReplacing(): void {
    this.releaseSome(this.#members.size);
  }

  /** Ends the supervision. What still runs is the caller's to end. */
  close(): void {
    this.#cancelCheck();
    this.stopReplacing();
  }

  /** Every process that runs, serving or not. */
  running(): WorkerProcess[] {
    return [...this.#members.values()].map(({ process }) => process).filter((process) => !process.gone);
  }

  async #started(member: Member): Promise<void> {
    const { process } = member;
    void process.exited.then((exit) => this.#onExit(member, process, exit));
    try {
      this.#transport = (await process.expect(["started"], START_LIMIT_MS)).transport;
    } catch (error) {
      process.kill();
      throw error;
    }
    this.#watchdog.watch(member.index);
  }

  #leave(member: Member): void {
    member.state = "leaving";
    member.cancelRespawn();
    if (member.process.gone) this.#members.delete(member.index);
  }

  #onExit(member: Member, process: WorkerProcess, exit: WorkerExit): void {
    this.#watchdog.unwatch(member.index);
    this.#options.region.resetDeadWorker(member.index, this.#options.gaugeSlots());
    this.#options.onGone(member.index);
    switch (member.state) {
      case "leaving":
        this.#members.delete(member.index);
        return;
      case "serving":
      case "joining":
        this.#options.onLoss(lossReason(member, exit));
        this.#respawnLater(member, { pid: process.pid, cause: describeExit(exit) });
        return;
      case "fresh":
      case "down":
        return;
    }
  }

  #respawnLater(member: Member, fields: object = {}): void {
    const { timers, log } = this.#options;
    const lifeMs = Math.round(timers.nowMs() - member.startedAtMs);
    const delayMs = member.backoff.delayMs(lifeMs);
    member.state = "down";
    member.cancelRespawn = timers.after(delayMs, () => void this.#respawn(member));
    log.error({ worker: member.index, ...fields, life_ms: lifeMs, respawn_in_ms: delayMs }, "worker died");
  }

  async #respawn(member: Member): Promise<void> {
    const { spawn, welcome, timers, log } = this.#options;
    const process = spawn(member.index);
    member.process = process;
    member.state = "joining";
    member.startedAtMs = timers.nowMs();
    member.stalled = false;
    try {
      await this.#started(member);
      await welcome(process);
    } catch (error) {
      // A process that does not fit is ended; its end brings the next attempt.
      if (!(error instanceof WorkerFailure)) throw error;
      log.warn({ worker: member.index, reason: error.message }, "a new worker could not take over the plan");
      process.kill();
      return;
    }
    this.admit(process);
    log.info({ worker: member.index, pid: process.pid }, "worker replaced");
  }

  #scheduleCheck(): void {
    this.#cancelCheck = this.#options.timers.after(WATCHDOG_INTERVAL_MS, () => {
      for (const index of this.#watchdog.check()) this.#killStalled(index);
      this.#scheduleCheck();
    });
  }

  #killStalled(index: number): void {
    const member = this.#members.get(index);
    if (member === undefined) return;
    this.#options.log.error({ worker: index, pid: member.process.pid }, "worker stalled: it is killed");
    member.stalled = true;
    member.process.kill();
  }

  #freeIndex(): number {
    for (let index = 0; index < this.#options.region.workers; index += 1) {
      if (!this.#members.has(index)) return index;
    }
    throw new WorkerFailure(`all ${this.#options.region.workers} places for workers are taken`);
  }

  #count(matches: (member: Member) => boolean): number {
    return [...this.#members.values()].filter(matches).length;
  }
}

function lossReason(member: Member, exit: WorkerExit): WorkerLossReason {
  if (member.stalled) return "stall";
  return exit.signal === null ? "exit" : "signal";
}
