/**
 * The command that serves: boots the gateway from a file, tells systemd, obeys signals, ends. An error
 * before it serves means exit code 1 and nothing bound: feature row A1.8.
 */
import { isatty } from "node:tty";
import type { Log } from "../base/log.ts";
import { nativeAddon } from "../fastpath/native-addon.ts";
import { ConfigError, readConfig } from "../control/config-source.ts";
import { Gateway, type GatewayOptions } from "../control/gateway.ts";
import type { GatewayState } from "../control/gateway-state.ts";
import { logIssues } from "../control/log-issues.ts";
import { LogOptionsError, logOptionsFromEnvironment } from "../control/logging/log-options.ts";
import { openProcessLog, type ProcessLog } from "../control/logging/process-log.ts";
import { NotWantedAnyMore } from "../control/serving.ts";
import { SystemdNotifier } from "../control/systemd.ts";
import { VERSION } from "../control/version.ts";
import { print } from "./print.ts";
import { warnOfSharedPorts } from "./shared-ports.ts";
import { obeySignals } from "./signals.ts";

const EXIT_FAILURE = 1;

const STDERR_FD = 2;

/** Serves until a signal ends it. Returns the exit code. */
export async function runGateway(file: string): Promise<number> {
  const opened = openLog();
  if (opened === null) return EXIT_FAILURE;
  const { processLog } = opened;
  const log = processLog.component("main");
  log.info({ version: VERSION, node: process.versions.node, file, pid: process.pid }, "starting");
  const booted = await boot(file, opened);
  const code = booted === null ? EXIT_FAILURE : await serve(booted, processLog);
  await processLog.close();
  return code;
}

interface OpenedLog {
  readonly processLog: ProcessLog;
  /** People read standard error, not a program that takes JSON lines. */
  readonly forPeople: boolean;
}

function openLog(): OpenedLog | null {
  try {
    const options = logOptionsFromEnvironment(process.env);
    const forPeople = options.format !== "json" || options.threshold === "off" || isatty(STDERR_FD);
    return { processLog: openProcessLog(options), forPeople };
  } catch (error) {
    if (!(error instanceof LogOptionsError)) throw error;
    process.stderr.write(`expressgateway: ${error.message}\n`);
    return null;
  }
}

async function boot(file: string, { processLog, forPeople }: OpenedLog): Promise<Gateway | null> {
  const log = processLog.component("main");
  try {
    const { config, warnings } = await readConfig(file, process.env);
    logIssues(warnings, processLog.component("config"));
    await warnOfSharedPorts(config, log);
    return startable(file, config, processLog);
  } catch (error) {
    if (error instanceof ConfigError) explainConfig(error, processLog, forPeople);
    else explain(error, log);
    return null;
  }
}

function startable(file: string, config: Gateway["config"], processLog: ProcessLog): Gateway {
  const systemd = systemdNotifier(processLog.component("systemd"));
  let gateway: Gateway | null = null;
  const options: GatewayOptions = {
    environment: process.env,
    log: (component) => processLog.component(component),
    onState: (state: GatewayState) => systemd.stateChanged(state, gateway?.drainBudgetMs ?? 0),
  };
  gateway = new Gateway(file, config, options);
  keepSystemdAwake(gateway, systemd);
  return gateway;
}

/** Starts, then waits for the end. A signal during the start ends it too. */
async function serve(gateway: Gateway, processLog: ProcessLog): Promise<number> {
  const log = processLog.component("main");
  const exitCode = obeySignals(gateway, log);
  try {
    await gateway.start();
  } catch (error) {
    if (error instanceof NotWantedAnyMore) return exitCode();
    explain(error, log);
    return EXIT_FAILURE;
  }
  await gateway.waitForStop();
  return exitCode();
}

/** People see the lines of the file; where programs read, each problem is a line of the log, as at a reload. */
function explainConfig(error: ConfigError, processLog: ProcessLog, forPeople: boolean): void {
  if (forPeople) print(`${error.message}\n`, process.stderr);
  else logIssues(error.issues, processLog.component("config"));
  processLog.component("main").error({ errors: error.issues.length }, "the configuration cannot be used");
}

function explain(error: unknown, log: Log): void {
  log.error({ error: error instanceof Error ? error.message : String(error) }, "the gateway could not start");
}

function systemdNotifier(log: Log): SystemdNotifier {
  const addon = nativeAddon();
  const environment = addon === null ? {} : process.env;
  if (addon === null && process.env["NOTIFY_SOCKET"] !== undefined) {
    log.warn({}, "the native addon is missing: systemd is not told when the gateway is ready");
  }
  return new SystemdNotifier({
    environment,
    pid: process.pid,
    send: (socket, message) => addon?.notifySocket(socket, message),
    log,
    monotonicUs: () => process.hrtime.bigint() / 1000n,
  });
}

/** Signs of life only while the data plane shows some: systemd then restarts what we could not mend. */
function keepSystemdAwake(gateway: Gateway, systemd: SystemdNotifier): void {
  if (systemd.watchdogIntervalMs === 0) return;
  const timer = setInterval(() => {
    const { responsive, state } = gateway.health();
    if (responsive || state !== "running") systemd.watchdog();
  }, systemd.watchdogIntervalMs);
  void gateway.waitForStop().then(() => clearInterval(timer));
}
