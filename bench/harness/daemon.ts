/** Starts a pinned program, waits for its port, and stops it by pid. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { atExit } from "./at-exit.ts";
import { childrenOf, isAlive, signal } from "../../test/support/processes.ts";
import { waitFor, within } from "../../test/support/wait-for.ts";

export interface DaemonOptions {
  readonly cpus: readonly number[];
  readonly command: string;
  readonly args: readonly string[];
  readonly host: string;
  readonly port: number;
  /** Receives stdout and stderr. */
  readonly logFile: string;
  /** File descriptors; as many as the machine allows when that is fewer. */
  readonly maxDescriptors: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** A cold start of a large program on a busy CPU. */
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 3000;
/** Of its log, in the error about a program that does not start. */
const TAIL_CHARACTERS = 2000;

export class Daemon {
  readonly #process: ChildProcess;
  #died = false;

  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = new Daemon(options);
    const tail = (): string => readFileSync(options.logFile, "utf8").slice(-TAIL_CHARACTERS);
    const listens = async (): Promise<boolean> => {
      if (daemon.#died) throw new Error(`${options.command} ended at its start\n${tail()}`);
      return await accepts(options.host, options.port);
    };
    try {
      await waitFor(`${options.command} to listen`, listens, {
        timeoutMs: START_TIMEOUT_MS,
        everyMs: 20,
        context: tail,
      });
    } catch (error) {
      await daemon.stop();
      throw error;
    }
    return daemon;
  }

  private constructor(options: DaemonOptions) {
    const log = openSync(options.logFile, "a");
    const limit = `ulimit -n ${options.maxDescriptors} 2>/dev/null || ulimit -n "$(ulimit -Hn)"`;
    const shell = `${limit}; exec taskset -c ${options.cpus.join(",")} "$0" "$@"`;
    this.#process = spawn("/bin/sh", ["-c", shell, options.command, ...options.args], {
      stdio: ["ignore", log, log],
      env: { ...process.env, ...options.env },
    });
    const forget = atExit(() => killAll(this.pids()));
    this.#process.once("exit", () => {
      this.#died = true;
      forget();
    });
    closeSync(log);
  }

  /** The process and its direct children. */
  pids(): readonly number[] {
    const pid = this.#process.pid ?? 0;
    return [pid, ...childrenOf(pid)].filter(isAlive);
  }

  async stop(): Promise<void> {
    if (this.#died) return;
    const pids = this.pids();
    const exited = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    await within("a daemon to stop", STOP_TIMEOUT_MS, exited).catch(() => this.#process.kill("SIGKILL"));
    killAll(pids);
  }
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) if (isAlive(pid)) signal(pid, "SIGKILL");
}

/** Output of `command args`, or undefined when it is not installed. Some print their version to stderr. */
export function versionLine(command: string, args: readonly string[]): string | undefined {
  try {
    const text = execFileSync("/bin/sh", ["-c", '"$0" "$@" 2>&1', command, ...args], { encoding: "utf8" });
    return text.split("\n")[0]?.trim();
  } catch {
    return undefined;
  }
}

/** wrk ends with 1 after printing its version, so looking for the file is all that can be asked of it. */
export function isInstalled(command: string): boolean {
  return versionLine("/bin/sh", ["-c", `command -v ${command}`]) !== undefined;
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
