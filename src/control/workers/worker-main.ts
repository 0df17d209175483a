/**
 * The entry of a worker process: the data plane with a channel to the main process. It ends when the
 * main process says so, and when the main process is gone.
 */
import { nativeAddon } from "../../fastpath/native-addon.ts";
import { mapSharedMemory } from "../../fastpath/shared-memory.ts";
import type { FromWorker, ToWorker } from "../../proxy/control-messages.ts";
import { DataPlane } from "../../proxy/data-plane.ts";
import { monotonicMs } from "../../proxy/state/monotonic-clock.ts";
import { Stripe } from "../../proxy/state/stripe.ts";
import { logOptionsFromEnvironment } from "../logging/log-options.ts";
import { openProcessLog, type ProcessLog } from "../logging/process-log.ts";
import { HEARTBEAT_INTERVAL_MS } from "./heartbeat-watchdog.ts";
import { MEMORY_FD_IN_WORKER, type WorkerSpec } from "./worker-process.ts";
import { WorkerSession } from "./worker-session.ts";

/** SIGKILL: a worker has nothing to say to a main process that is gone. */
const SIGKILL = 9;

function main(): void {
  const spec = JSON.parse(process.argv[2] ?? "null") as WorkerSpec;
  const processLog = openProcessLog(logOptionsFromEnvironment(process.env), { worker: spec.index });
  process.title = `expressgateway: worker ${spec.index}`;
  dieWithMainProcess();
  ignoreTerminalSignals();
  tellOfUncaughtErrors(processLog);
  const stripe = openStripe(spec);
  const { transport } = spec;
  const dataPlane = new DataPlane({ stripe, transport, log: processLog.component("data_plane") });
  const log = processLog.component("worker");
  const exit = (): void => void processLog.close().then(() => process.exit(0));
  const session = new WorkerSession({ dataPlane, stripe, log, send, exit });
  process.on("message", (message) => session.receive(message as ToWorker));
  send({ kind: "started", transport: dataPlane.transportKind });
}

function openStripe(spec: WorkerSpec): Stripe {
  const { buffer } = mapSharedMemory(MEMORY_FD_IN_WORKER, spec.memoryBytes);
  const stripe = new Stripe(buffer, spec.index);
  stripe.setPid(process.pid);
  stripe.beat(monotonicMs());
  setInterval(() => stripe.beat(monotonicMs()), HEARTBEAT_INTERVAL_MS);
  return stripe;
}

function send(message: FromWorker, sent: () => void = () => {}): void {
  process.send?.(message, undefined, undefined, sent);
}

/** Both ways: the channel's end reaches us when the loop runs, the kernel's signal even when it does not. */
function dieWithMainProcess(): void {
  process.once("disconnect", () => process.exit(0));
  nativeAddon()?.setParentDeathSignal(SIGKILL);
  if (!process.connected) process.exit(0);
}

/** A terminal sends Ctrl-C to the whole group, and an operator may signal it; the main process decides what follows. */
function ignoreTerminalSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"] as const) process.on(signal, () => {});
}

/** Logs what ends the process; the process still ends, as Node.js does it, with a non-zero code. */
function tellOfUncaughtErrors(processLog: ProcessLog): void {
  process.on("uncaughtExceptionMonitor", (error) => {
    processLog
      .component("worker")
      .error({ error: error.stack ?? String(error) }, "worker ends: uncaught error");
    processLog.flush();
  });
}

main();
