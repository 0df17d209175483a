/** Starts a pinned program, waits for its port, and stops it by pid. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { connect } from "node:net";
import { childrenOf, isAlive, signal } from "../../test/support/processes.ts";
import { waitFor, within } from "../../test/support/wait-for.ts";

export interface DaemonOptions {
  readonly cpu: number;
  readonly command: string;
  readonly args: readonly string[];
  readonly host: string;
  readonly port: number;
  /** Receives stdout and stderr. */
  readonly logFile: string;
  readonly maxDescriptors: number;
}

export class Daemon {
  readonly #process: ChildProcess;

  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = new Daemon(options);
    await waitFor(
      `${options.command} to listen`,
      async () => (await accepts(options.host, options.port)) && daemon.#process.exitCode === null,
      {
        timeoutMs: 10_000,
        everyMs: 20,
      },
    );
    return daemon;
  }

  private constructor(options: DaemonOptions) {
    const log = openSync(options.logFile, "a");
    const shell = `ulimit -n ${options.maxDescriptors} 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec taskset -c ${options.cpu} "$0" "$@"`;
    this.#process = spawn("/bin/sh", ["-c", shell, options.command, ...options.args], {
      stdio: ["ignore", log, log],
    });
    closeSync(log);
  }

  /** The process and its direct children. */
  pids(): readonly number[] {
    const pid = this.#process.pid ?? 0;
    return [pid, ...childrenOf(pid)].filter(isAlive);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const pids = this.pids();
    const exited = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    await within("a daemon to stop", 3000, exited).catch(() => this.#process.kill("SIGKILL"));
    for (const pid of pids) if (isAlive(pid)) signal(pid, "SIGKILL");
  }
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
