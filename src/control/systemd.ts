/**
 * What systemd is told about the service's life: sd_notify(3). The run command makes one; without
 * `NOTIFY_SOCKET` in the environment, or without the native addon, nothing is sent.
 */
import type { Environment } from "../base/environment.ts";
import type { Log } from "../base/log.ts";
import type { NativeAddon } from "../fastpath/native-addon.ts";
import type { GatewayState } from "./gateway-state.ts";

/** Added to the drain budget when systemd is asked for time to stop: for cutting what is left and reaping workers. */
const STOP_MARGIN_MS = 5_000;

export interface SystemdOptions {
  readonly environment: Environment;
  readonly pid: number;
  readonly send: NativeAddon["notifySocket"];
  readonly log: Log;
  /** CLOCK_MONOTONIC in microseconds, which a reload's start is stamped with. */
  readonly monotonicUs: () => bigint;
}

export class SystemdNotifier {
  readonly #socket: string;
  readonly #send: NativeAddon["notifySocket"];
  readonly #log: Log;
  readonly #monotonicUs: () => bigint;
  /** Microseconds in which systemd expects a sign of life; 0: it does not watch. */
  readonly #watchdogUs: number;

  constructor(options: SystemdOptions) {
    this.#socket = options.environment["NOTIFY_SOCKET"] ?? "";
    this.#send = options.send;
    this.#log = options.log;
    this.#monotonicUs = options.monotonicUs;
    this.#watchdogUs = watchdogUs(options);
  }

  /** How often `watchdog` should be called: half of what systemd allows; 0: not at all. */
  get watchdogIntervalMs(): number {
    return Math.floor(this.#watchdogUs / 2000);
  }

  /** `drainBudgetMs`: how long an orderly end may take by the configuration. */
  stateChanged(state: GatewayState, drainBudgetMs: number): void {
    switch (state) {
      case "running":
        return this.#notify("READY=1\nSTATUS=Serving");
      case "reloading":
        return this.#notify(`RELOADING=1\nMONOTONIC_USEC=${this.#monotonicUs()}\nSTATUS=Reloading`);
      case "draining": {
        const extendUs = (drainBudgetMs + STOP_MARGIN_MS) * 1000;
        return this.#notify(`STOPPING=1\nEXTEND_TIMEOUT_USEC=${extendUs}\nSTATUS=Draining`);
      }
      case "stopping":
        return this.#notify("STOPPING=1\nSTATUS=Stopping");
      case "created":
      case "starting":
      case "stopped":
        return;
    }
  }

  /** The sign of life. */
  watchdog(): void {
    this.#notify("WATCHDOG=1");
  }

  #notify(message: string): void {
    if (this.#socket === "") return;
    try {
      this.#send(this.#socket, message);
    } catch (error) {
      this.#log.warn({ error: String(error) }, "systemd could not be notified");
    }
  }
}

/** `WATCHDOG_PID`, when set, says whom the expectation is for. */
function watchdogUs({ environment, pid }: SystemdOptions): number {
  const forPid = environment["WATCHDOG_PID"];
  if (forPid !== undefined && forPid !== String(pid)) return 0;
  const us = Number(environment["WATCHDOG_USEC"] ?? 0);
  return Number.isSafeInteger(us) && us > 0 ? us : 0;
}
