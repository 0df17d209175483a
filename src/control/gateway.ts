/**
 * The gateway: the one object that lives from start to end and that the CLI and embedding programs
 * hold. It moves along `gateway-state.ts`, has `serving.ts` take configurations over, and ends the
 * data plane in an orderly way or at once. Feature row A1.14.
 */
import { assert } from "../base/assert.ts";
import type { Environment } from "../base/environment.ts";
import type { Log } from "../base/log.ts";
import { ConfigError, readConfig, type ConfigSource } from "./config-source.ts";
import type { GatewayConfig } from "./config/gateway-config.ts";
import type { CertificateStore } from "./certificates/certificate-store.ts";
import { rotateCertificates } from "./certificates/rotate-certificates.ts";
import { Coalescer } from "./coalescer.ts";
import { createCore, hasWorkers, type Core } from "./core.ts";
import { neededDescriptors, openFileLimit, warnOfDescriptorLimit } from "./descriptor-limit.ts";
import { drainBudgetMs, runDrain } from "./drain.ts";
import { type GatewayHealth, healthOf } from "./gateway-health.ts";
import { allows, type GatewayState, type GatewayStep, healthStatus, stateAfter } from "./gateway-state.ts";
import { countChanges, describeChanges, diffConfig } from "./plan/diff-config.ts";
import { logIssues } from "./log-issues.ts";
import { keepRestartRequired } from "./restart-required.ts";
import { type Applied, Serving } from "./serving.ts";
import { systemTimers } from "./timers.ts";

export interface GatewayOptions {
  /** Makes the log of each component; default: nothing is logged. */
  readonly log: (component: string) => Log;
  /** Where `${VAR}` of the configuration is looked up, and what workers get. */
  readonly environment: Environment;
  /** Told of each step of the gateway's life. */
  readonly onState?: (state: GatewayState) => void;
}

/** How a gateway ended. */
export interface StopReport {
  /** Connections that were cut. */
  readonly aborted: number;
}

export interface ReloadReport {
  /** Number of the plan in effect. */
  readonly generation: number;
  /** Settings that changed; 0: the configuration is what it was. */
  readonly changes: number;
  /** Settings that keep their running value until a restart. */
  readonly restartRequired: readonly string[];
}

export class Gateway {
  readonly #source: ConfigSource;
  readonly #options: GatewayOptions;
  readonly #log: Log;
  readonly #createdMs = systemTimers.nowMs();
  readonly #reloads: Coalescer<ConfigSource, ReloadReport>;
  readonly #rotations: Coalescer<void, boolean>;
  readonly #halt = Promise.withResolvers<void>();
  readonly #end = Promise.withResolvers<StopReport>();
  #state: GatewayState = "created";
  /** What `start` takes over; afterwards `serving` knows better. */
  readonly #initial: GatewayConfig;
  #core: Core | null = null;
  #serving: Serving | null = null;
  /** The end of the start, or of the last reload or rotation: the next one waits for it. */
  #lastTurn: Promise<unknown> = Promise.resolve();
  /** What is being taken over: an end waits for it. */
  #applying: Promise<unknown> = Promise.resolve();
  #neededDescriptors = 0;
  #drained: Promise<StopReport> | null = null;
  #stopped: Promise<StopReport> | null = null;

  /** `config`: as read from `source`, which reloads read again. */
  constructor(source: ConfigSource, config: GatewayConfig, options: GatewayOptions) {
    this.#source = source;
    this.#initial = hasWorkers() ? config : withoutWorkers(config);
    this.#options = options;
    this.#log = options.log("gateway");
    if (this.#initial !== config)
      this.#log.warn({}, "the native addon is missing: the gateway serves in one process");
    this.#reloads = new Coalescer((source) => this.#inTurn(() => this.#reload(source)));
    this.#rotations = new Coalescer(() => this.#inTurn(() => this.#rotate()));
  }

  get state(): GatewayState {
    return this.#state;
  }

  /** The configuration in effect. */
  get config(): GatewayConfig {
    return this.#serving?.applied?.config ?? this.#initial;
  }

  /** The real ports by listener name; empty before the start. */
  get ports(): Readonly<Record<string, number>> {
    return this.#serving?.applied?.ports ?? {};
  }

  /** The real port of the admin listener; 0: there is none. */
  get adminPort(): number {
    return this.#serving?.adminPort ?? 0;
  }

  /** The longest that an orderly end takes by the configuration. */
  get drainBudgetMs(): number {
    const { runtime, listeners } = this.config;
    const budgets = listeners.map(({ drain_timeout_ms: drainTimeoutMs }) => ({ drainTimeoutMs }));
    return runtime.readiness_settle_ms + drainBudgetMs(budgets, runtime.drain_timeout_ms);
  }

  health(): GatewayHealth {
    const uptimeMs = systemTimers.nowMs() - this.#createdMs;
    return healthOf({
      state: this.#state,
      uptimeMs,
      host: this.#core?.host,
      applied: this.#serving?.applied,
    });
  }

  /** Text in the Prometheus exposition format; empty before the start. */
  async metrics(): Promise<string> {
    return (await this.#serving?.metrics()) ?? "";
  }

  /** Binds every listener and serves; rejects when it cannot, and then nothing is left of it. */
  start(): Promise<void> {
    const started = this.#start();
    this.#lastTurn = started.catch(() => {});
    return started;
  }

  async #start(): Promise<void> {
    this.#move("start");
    try {
      this.#core = createCore(this.#initial, { ...this.#options, timers: systemTimers });
      this.#serving = new Serving({
        core: this.#core,
        admin: this.#statusSource(),
        timers: systemTimers,
        log: this.#options.log,
        keyLogPath: this.#options.environment["SSLKEYLOGFILE"] ?? "",
        certificatesChanged: () => void this.rotateCertificates().catch(() => {}),
      });
      const { certificates } = this.#serving;
      certificates.warnOfKeyLog();
      await this.#apply(this.#initial, certificates.load(this.#initial).store);
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#noteApplied(0, 0);
    this.#move("started");
    this.#logServing();
  }

  /**
   * Takes another configuration over, or reads the one of the start again. Calls that come while one
   * is being taken over share the next turn. Rejects when it cannot be used; nothing has changed then.
   */
  reload(source: ConfigSource = this.#source): Promise<ReloadReport> {
    return this.#reloads.request(source);
  }

  /**
   * Reads every certificate of the running configuration again and takes them over. Rejects when one of
   * them cannot be used; nothing has changed then. Returns whether anything was new. Feature row A3.6.
   */
  rotateCertificates(): Promise<boolean> {
    return this.#rotations.request();
  }

  /** Ends in an orderly way: not ready, settle, stop accepting, finish, cut what is left. Once. */
  drain(): Promise<StopReport> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  /** Ends now, also out of a drain. Once. */
  stop(): Promise<StopReport> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Fulfilled when the gateway has ended, however that came about. */
  waitForStop(): Promise<StopReport> {
    return this.#end.promise;
  }

  /** Has the data plane open its access log anew, after a rotation. */
  reopenLogs(): void {
    this.#core?.host.reopenLogs();
  }

  /** One after the other, whatever becomes of them. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lastTurn.then(work);
    this.#lastTurn = result.catch(() => {});
    return result;
  }

  async #rotate(): Promise<boolean> {
    this.#beginReload();
    try {
      const { core, serving } = this.#parts();
      return await rotateCertificates({
        certificates: serving.certificates,
        metrics: core.metrics,
        log: this.#options.log("certificates"),
        config: this.config,
        apply: async (store) => {
          await this.#apply(this.config, store);
          const generation = serving.applied?.plan.generation ?? 0;
          core.metrics.rotated(generation);
          return generation;
        },
      });
    } finally {
      if (allows(this.#state, "reloaded")) this.#move("reloaded");
    }
  }

  #beginReload(): void {
    if (!allows(this.#state, "reload")) throw new Error(`a gateway that is ${this.#state} cannot reload`);
    this.#move("reload");
  }

  async #reload(source: ConfigSource): Promise<ReloadReport> {
    this.#beginReload();
    try {
      const { config, warnings } = await readConfig(source, this.#options.environment);
      logIssues(warnings, this.#options.log("config"));
      return await this.#takeOver(config);
    } catch (error) {
      this.#core?.metrics.reloadFailed();
      if (error instanceof ConfigError) logIssues(error.issues, this.#options.log("config"));
      const reason = error instanceof ConfigError ? problemCount(error) : messageOf(error);
      this.#log.error({ reason }, "reload refused: the running configuration stays");
      throw error;
    } finally {
      if (allows(this.#state, "reloaded")) this.#move("reloaded");
    }
  }

  async #takeOver(wanted: GatewayConfig): Promise<ReloadReport> {
    const running = this.config;
    const { config, fields } = keepRestartRequired(running, wanted, this.#core ?? NO_PARTS);
    if (fields.length > 0)
      this.#log.warn({ fields }, "these settings need a restart: their running values stay");
    const changes = diffConfig(running, config);
    const count = countChanges(changes);
    const { certificates } = this.#parts().serving;
    const { store } = certificates.load(config);
    const renewed = certificates.isNew(store);
    if (count > 0 || renewed) await this.#apply(config, store);
    this.#noteApplied(count, fields.length);
    const generation = this.#serving?.applied?.plan.generation ?? 0;
    this.#log.info(
      { generation, ...describeChanges(changes), ...(renewed ? { certificates: "renewed" } : {}) },
      count > 0 || renewed ? "reloaded" : "reloaded: nothing changed",
    );
    return { generation, changes: count, restartRequired: fields };
  }

  async #apply(config: GatewayConfig, certificates: CertificateStore): Promise<void> {
    const wanted = (): boolean => this.#state === "starting" || this.#state === "reloading";
    const applying = this.#serving?.apply(config, certificates, wanted);
    this.#applying = Promise.resolve(applying).catch(() => {});
    await applying;
  }

  /** The numbers of a configuration that went into effect, and what an operator should know about it. */
  #noteApplied(changes: number, restartRequired: number): void {
    const applied = this.#serving?.applied;
    if (!applied || this.#core === null) return;
    const { metrics, host } = this.#core;
    metrics.applied(applied.plan.generation, changes, restartRequired);
    metrics.transport = host.transportKind;
    metrics.drainTimeoutsMs = new Map(
      applied.plan.listeners.map(({ name, drainTimeoutMs }) => [name, drainTimeoutMs]),
    );
    this.#warnOfDescriptors(applied);
  }

  /** Once for each need, not at each reload. */
  #warnOfDescriptors({ config, plan }: Applied): void {
    const { workers, max_inflight_connections: maxInflightConnections } = config.runtime;
    const need = { listeners: plan.listeners.length, maxInflightConnections, workers };
    const needed = neededDescriptors(need);
    if (needed === this.#neededDescriptors) return;
    this.#neededDescriptors = needed;
    warnOfDescriptorLimit(this.#log, need, openFileLimit());
  }

  async #drain(): Promise<StopReport> {
    const applied = this.#serving?.applied;
    if (!allows(this.#state, "drain") || !applied || this.#core === null) return await this.stop();
    const startMs = systemTimers.nowMs();
    this.#move("drain");
    await this.#applying;
    const { runtime } = this.config;
    const { plan } = this.#serving?.applied ?? applied;
    const { metrics, host, region } = this.#core;
    await runDrain({
      host,
      region,
      metrics,
      listeners: plan.listeners,
      settleMs: runtime.readiness_settle_ms,
      drainTimeoutMs: drainBudgetMs(plan.listeners, runtime.drain_timeout_ms),
      halted: this.#halt.promise,
      timers: systemTimers,
      log: this.#log,
    });
    const report = await this.stop();
    const outcome = report.aborted > 0 ? "timeout" : "completed";
    metrics.drainStep({ phase: "total", outcome, seconds: (systemTimers.nowMs() - startMs) / 1000 });
    return report;
  }

  async #stop(): Promise<StopReport> {
    if (this.#state === "stopped") return await this.#end.promise;
    this.#halt.resolve();
    this.#move("stop");
    await this.#applying;
    const aborted = (await this.#core?.host.stop()) ?? 0;
    await this.#serving?.close();
    this.#core?.close();
    this.#move("stopped");
    this.#log.info({ aborted }, "stopped");
    this.#end.resolve({ aborted });
    return { aborted };
  }

  #move(step: GatewayStep): void {
    this.#state = stateAfter(this.#state, step);
    this.#options.onState?.(this.#state);
  }

  /** What a gateway that has started has. */
  #parts(): { core: Core; serving: Serving } {
    const core = this.#core;
    const serving = this.#serving;
    assert(core !== null && serving !== null, "the gateway has not started");
    return { core, serving };
  }

  #statusSource() {
    const status = () => healthStatus(this.#state);
    return {
      get status() {
        return status();
      },
    };
  }

  #logServing(): void {
    const { workers } = this.config.runtime;
    const transport = this.#core?.host.transportKind ?? "";
    const reason = this.#core?.transport.reason ?? "";
    const chosen = { transport, ...(reason === "" ? {} : { reason }), backend: transport };
    this.#log.info({ listeners: this.ports, workers, ...chosen, pid: process.pid }, "serving");
  }
}

/** A gateway that never started has nothing that could take a setting over. */
const NO_PARTS = { maxWorkers: 0, runs: () => false };

function withoutWorkers(config: GatewayConfig): GatewayConfig {
  return { ...config, runtime: { ...config.runtime, workers: 0 } };
}

function problemCount({ issues }: ConfigError): string {
  return issues.length === 1 ? "1 problem" : `${issues.length} problems`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
