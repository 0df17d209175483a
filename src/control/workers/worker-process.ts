/**
 * One worker process as the main process sees it: its channel, its answers, its end. The supervisor
 * starts them; the pool talks to them. What runs on the other side is `worker-main.ts`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Environment } from "../../base/environment.ts";
import type { TransportKind } from "../../fastpath/choose-transport.ts";
import type { FromWorker, ToWorker } from "../../proxy/control-messages.ts";

/** What a worker is told on its command line. */
export interface WorkerSpec {
  readonly index: number;
  readonly memoryBytes: number;
  readonly transport: TransportKind;
}

export interface WorkerSpawn extends WorkerSpec {
  readonly memoryFd: number;
  readonly environment: Environment;
}

export interface WorkerExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why the process could not even be started; empty otherwise. */
  readonly error: string;
}

/** The worker ended before it answered, or did not answer in time. */
export class WorkerFailure extends Error {
  override readonly name = "WorkerFailure";
}

type Answer<K extends FromWorker["kind"]> = Extract<FromWorker, { kind: K }>;

interface Expectation {
  readonly kinds: readonly string[];
  readonly resolve: (answer: FromWorker) => void;
  readonly reject: (error: WorkerFailure) => void;
}

/** The file descriptor under which a worker finds the shared memory: the fifth entry of its `stdio`. */
export const MEMORY_FD_IN_WORKER = 4;

/** Beside this file under its built name, or as TypeScript when run from source. */
const ENTRY = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "worker-main.ts" : "worker-main.js", import.meta.url),
);

export class WorkerProcess {
  readonly index: number;
  /** Fulfilled once, when the process has been reaped. */
  readonly exited: Promise<WorkerExit>;
  readonly #child: ChildProcess;
  #expectations: Expectation[] = [];
  #gone = false;

  constructor(options: WorkerSpawn) {
    this.index = options.index;
    this.#child = spawnWorker(options);
    this.#child.on("message", (message) => this.#onMessage(message as FromWorker));
    this.exited = new Promise((resolve) => {
      const end = (exit: WorkerExit): void => {
        this.#onGone(exit);
        resolve(exit);
      };
      this.#child.on("error", (error) => {
        if (this.#child.pid === undefined) end({ code: null, signal: null, error: error.message });
      });
      this.#child.once("exit", (code, signal) => end({ code, signal, error: "" }));
    });
  }

  /** 0 when the process could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** Says something that needs no answer. To a process that has ended it is lost. */
  send(message: ToWorker): void {
    if (this.#gone || !this.#child.connected) return;
    this.#child.send(message, () => {});
  }

  /** Waits for a message of one of `kinds`; rejects with `WorkerFailure`. Without a limit, until the process ends. */
  expect<K extends FromWorker["kind"]>(kinds: readonly K[], limitMs?: number): Promise<Answer<K>> {
    if (this.#gone) return Promise.reject(new WorkerFailure(`worker ${this.index} has ended`));
    return new Promise((resolve, reject) => {
      const expectation: Expectation = {
        kinds,
        resolve: (answer) => {
          clearTimeout(timer);
          resolve(answer as Answer<K>);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      const timer =
        limitMs === undefined ? undefined : setTimeout(() => this.#giveUp(expectation, limitMs), limitMs);
      this.#expectations.push(expectation);
    });
  }

  /** Says something and waits for the answer. */
  ask<K extends FromWorker["kind"]>(
    message: ToWorker,
    kinds: readonly K[],
    limitMs: number,
  ): Promise<Answer<K>> {
    const answer = this.expect(kinds, limitMs);
    this.send(message);
    return answer;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Waits for the end of the process, and brings it about after `limitMs`. */
  async exitWithin(limitMs: number): Promise<void> {
    const timer = setTimeout(() => this.kill(), limitMs);
    await this.exited;
    clearTimeout(timer);
  }

  #giveUp(expectation: Expectation, limitMs: number): void {
    this.#expectations = this.#expectations.filter((other) => other !== expectation);
    const what = expectation.kinds.join(" or ");
    expectation.reject(new WorkerFailure(`worker ${this.index} did not say ${what} within ${limitMs} ms`));
  }

  #onMessage(message: FromWorker): void {
    const position = this.#expectations.findIndex(({ kinds }) => kinds.includes(message.kind));
    if (position === -1) return;
    const [expectation] = this.#expectations.splice(position, 1);
    expectation?.resolve(message);
  }

  #onGone(exit: WorkerExit): void {
    this.#gone = true;
    const waiting = this.#expectations;
    this.#expectations = [];
    const failure = new WorkerFailure(`worker ${this.index} ended (${describeExit(exit)})`);
    for (const expectation of waiting) expectation.reject(failure);
  }
}

/** For messages: `signal SIGKILL`, `exit code 1`, or why it did not start. */
export function describeExit(exit: WorkerExit): string {
  if (exit.error !== "") return exit.error;
  return exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
}

/**
 * The way of a request is many small functions, each called from one place, and V8 stops to inline them
 * at a size that a codec passes. With these limits (its own are 920 and 4600) it costs about 2 % less
 * in all, and 10 % less of its own code; `bench/micro/data-plane.ts` measures it.
 */
const V8_FLAGS = [
  "--max-inlined-bytecode-size-cumulative=8000",
  "--max-inlined-bytecode-size-absolute=12000",
];

function spawnWorker({ memoryFd, environment, ...spec }: WorkerSpawn): ChildProcess {
  return spawn(
    process.execPath,
    ["--disable-sigusr1", ...V8_FLAGS, ENTRY, JSON.stringify(spec satisfies WorkerSpec)],
    {
      stdio: ["ignore", "inherit", "inherit", "ipc", memoryFd],
      // The structured clone algorithm, because plans hold octets and share objects.
      serialization: "advanced",
      env: workerEnvironment(environment),
    },
  );
}

/** NODE_OPTIONS are for the main process (an inspector's port can be had once); so is what systemd, or a parent, says to it. */
const NOT_FOR_WORKERS = [
  "NODE_OPTIONS",
  "NODE_CHANNEL_FD",
  "NODE_CHANNEL_SERIALIZATION_MODE",
  "NOTIFY_SOCKET",
  "WATCHDOG_PID",
  "WATCHDOG_USEC",
];

function workerEnvironment(environment: Environment): NodeJS.ProcessEnv {
  const kept = { ...environment };
  for (const name of NOT_FOR_WORKERS) delete kept[name];
  return kept;
}
