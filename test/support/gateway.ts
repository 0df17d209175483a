/**
 * The gateway as a process: started from a config in a directory of its own, watched, reloaded,
 * scraped and stopped. Every wait is bounded; whatever is left is killed by pid when the test ends,
 * and a gateway that died on its own fails the test with the tail of its log.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, HOST } from "./addresses.ts";
import { toToml, type GatewayConfig } from "./gateway-config.ts";
import { LogTail, type LogLine } from "./log-tail.ts";
import { Metrics } from "./metrics.ts";
import { childrenOf, isAlive, signal } from "./processes.ts";
import { waitFor, within } from "./wait-for.ts";

/** What owns the gateway's lifetime: a test's context, or a list of the conformance run's own. */
export interface CleanupScope {
  after(cleanup: () => Promise<void>): void;
}

export interface GatewayOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Soft limit on file descriptors (`ulimit -n`). */
  readonly fdLimit?: number;
  /** Runs the gateway and its workers on this CPU only. */
  readonly cpu?: number;
  /** Another installation of the gateway; default: the one that was built here. */
  readonly launcher?: string;
  /** Do not wait for /readyz; for configs that are to be refused. */
  readonly expectRefusal?: boolean;
}

export interface AdminAnswer {
  readonly status: number;
  readonly text: string;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const LAUNCHER = join(ROOT, "bin/expressgateway");

/** A cold start compiles the program on a busy core. */
const START_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 15_000;

export class Gateway {
  readonly dir: string;
  readonly configFile: string;
  readonly adminPort: number;
  readonly log: LogTail;
  readonly #process: ChildProcess;
  #exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined;
  #exitExpected = false;

  /** Starts a gateway and waits until it is ready. */
  static async start(
    scope: CleanupScope,
    config: GatewayConfig,
    options: GatewayOptions = {},
  ): Promise<Gateway> {
    const adminPort = await freePort();
    return await Gateway.startToml(scope, toToml(config, adminPort), { ...options, adminPort });
  }

  /** The same from TOML text whose `metrics_bind` is on `HOST:adminPort`. */
  static async startToml(
    scope: CleanupScope,
    toml: string,
    options: GatewayOptions & { readonly adminPort: number },
  ): Promise<Gateway> {
    const dir = await mkdtemp(join(tmpdir(), "expressgateway-test-"));
    const configFile = join(dir, "gateway.toml");
    await writeFile(configFile, toml);
    const gateway = new Gateway(dir, configFile, options);
    scope.after(() => gateway.#cleanUp());
    if (options.expectRefusal === true) gateway.#exitExpected = true;
    else await gateway.#ready();
    return gateway;
  }

  private constructor(
    dir: string,
    configFile: string,
    options: GatewayOptions & { readonly adminPort: number },
  ) {
    this.dir = dir;
    this.configFile = configFile;
    this.adminPort = options.adminPort;
    const limit = options.fdLimit === undefined ? "" : `ulimit -n ${options.fdLimit}; `;
    const env = { ...process.env, ...options.env };
    const pinned = options.cpu === undefined ? "" : `taskset -c ${options.cpu} `;
    const argv = ["-c", `${limit}exec ${pinned}"$0" "$1"`, options.launcher ?? LAUNCHER, configFile];
    this.#process = spawn("/bin/sh", argv, { cwd: dir, env, stdio: ["ignore", "pipe", "pipe"] });
    this.log = new LogTail([this.#process.stdout, this.#process.stderr]);
    this.#process.on("exit", (code, name) => {
      this.#exit = { code, signal: name };
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Pids of the worker processes that run now. */
  workers(): number[] {
    return childrenOf(this.pid).filter(isAlive);
  }

  /** Waits for the process to end by itself; gives its exit code. */
  async exited(timeoutMs = STOP_TIMEOUT_MS): Promise<number | null> {
    this.#exitExpected = true;
    const exit = await waitFor("the gateway to exit", () => this.#exit, {
      timeoutMs,
      context: () => this.log.tail(),
    });
    return exit.code;
  }

  kill(name: NodeJS.Signals): void {
    if (name === "SIGTERM" || name === "SIGINT" || name === "SIGKILL") this.#exitExpected = true;
    signal(this.pid, name);
  }

  /** SIGTERM, then waits for the end; fails when the exit code is not 0. */
  async stop(timeoutMs = STOP_TIMEOUT_MS): Promise<void> {
    this.kill("SIGTERM");
    const code = await this.exited(timeoutMs);
    if (code !== 0) throw new Error(`the gateway ended with ${code}\n${this.log.tail()}`);
  }

  /** Throws when the gateway has died without being told to. */
  assertAlive(): void {
    const death = this.#describeDeath();
    if (death !== undefined) throw new Error(death);
  }

  async admin(path: string, headers: Readonly<Record<string, string>> = {}): Promise<AdminAnswer> {
    const url = `http://${HOST}:${this.adminPort}${path}`;
    const answer = await fetch(url, {
      headers: { ...headers, connection: "close" },
      signal: AbortSignal.timeout(5000),
    });
    return { status: answer.status, text: await answer.text() };
  }

  async scrape(): Promise<Metrics> {
    const { status, text } = await this.admin("/metrics");
    if (status !== 200) throw new Error(`/metrics answered ${status}: ${text}`);
    return Metrics.parse(text);
  }

  /**
   * Scrapes until the predicate holds (counters move within one heartbeat, not at once); returns one
   * scrape more. A scrape reads counters one after the other while workers count on, so only a later
   * one has all that led to what was seen.
   */
  async metric(what: string, holds: (metrics: Metrics) => boolean, timeoutMs = 5000): Promise<Metrics> {
    await waitFor(
      `the metrics to show ${what}`,
      async () => {
        const metrics = await this.scrape();
        return holds(metrics) ? metrics : undefined;
      },
      { timeoutMs, everyMs: 50, context: () => this.log.tail() },
    );
    return await this.scrape();
  }

  async waitForLog(what: string, fits: (line: LogLine) => boolean, timeoutMs = 5000): Promise<LogLine> {
    const context = (): string => this.log.tail();
    return await waitFor(`a log line: ${what}`, () => this.log.lines.find(fits), { timeoutMs, context });
  }

  /** Writes the config anew, sends SIGHUP, and waits until it is applied; fails when it is refused. */
  async reload(config: GatewayConfig): Promise<void> {
    const outcome = await this.tryReload(toToml(config, this.adminPort));
    if (outcome === "refused") throw new Error(`the reload was refused\n${this.log.tail()}`);
  }

  /** Writes TOML text, sends SIGHUP, and waits for the outcome. */
  async tryReload(toml: string): Promise<"applied" | "refused"> {
    const before = await this.scrape();
    await writeFile(this.configFile, toml);
    signal(this.pid, "SIGHUP");
    const failed = "config_reload_failed_total";
    const applied = "config_reload_succeeded_total";
    const after = await this.metric(
      "the outcome of a reload",
      (now) => now.sum(applied) > before.sum(applied) || now.sum(failed) > before.sum(failed),
      10_000,
    );
    return after.sum(failed) > before.sum(failed) ? "refused" : "applied";
  }

  #describeDeath(): string | undefined {
    if (this.#exit === undefined || this.#exitExpected) return undefined;
    const { code, signal: name } = this.#exit;
    return `the gateway died by itself (code ${code}, signal ${name})\n${this.log.tail()}`;
  }

  async #ready(): Promise<void> {
    const probe = async (): Promise<boolean> => {
      this.assertAlive();
      return (await this.admin("/readyz").catch(() => undefined))?.status === 200;
    };
    await waitFor("/readyz to answer 200", probe, {
      timeoutMs: START_TIMEOUT_MS,
      everyMs: 20,
      context: () => this.log.tail(),
    });
  }

  async #cleanUp(): Promise<void> {
    const workers = childrenOf(this.pid);
    const death = this.#describeDeath();
    this.#exitExpected = true;
    if (this.#exit === undefined) {
      signal(this.pid, "SIGKILL");
      await within("the killed gateway to end", 5000, once(this.#process, "exit"));
    }
    for (const worker of workers) if (isAlive(worker)) signal(worker, "SIGKILL");
    await rm(this.dir, { recursive: true, force: true });
    if (death !== undefined) throw new Error(death);
  }
}
