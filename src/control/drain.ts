/**
 * The orderly end of the data plane, phase by phase: feature rows A16.5 and A16.6. The gateway runs it
 * once, after it has turned readiness off, and cuts what is left when it returns.
 *
 *     mark_draining -> readiness_settle -> listener_cancel -> inflight_drain
 */
import type { Log } from "../base/log.ts";
import type { ListenerPlan } from "../proxy/plan.ts";
import type { Region } from "../proxy/state/region.ts";
import type { DataPlaneHost } from "./data-plane-host.ts";
import type { ControlMetrics, DrainOutcome, DrainPhase } from "./metrics/control-metrics.ts";
import type { Timers } from "./timers.ts";

/** For the workers to say that they accept no more: feature row A16.5. */
const LISTENER_CANCEL_LIMIT_MS = 500;

/** How often the open connections of each listener are looked at. */
const LISTENER_POLL_MS = 50;

export interface DrainOptions {
  readonly host: DataPlaneHost;
  readonly region: Region;
  readonly listeners: readonly ListenerPlan[];
  readonly settleMs: number;
  readonly drainTimeoutMs: number;
  /** Fulfilled when the gateway is to end at once: every wait is cut short. */
  readonly halted: Promise<void>;
  readonly metrics: ControlMetrics;
  readonly timers: Timers;
  readonly log: Log;
}

/** The longest of the listeners' budgets, or the general one when there is no listener. */
export function drainBudgetMs(
  listeners: readonly { readonly drainTimeoutMs: number }[],
  fallbackMs: number,
): number {
  return listeners.length === 0
    ? fallbackMs
    : Math.max(...listeners.map(({ drainTimeoutMs }) => drainTimeoutMs));
}

export async function runDrain(options: DrainOptions): Promise<void> {
  const { host, settleMs, drainTimeoutMs, timers, log } = options;
  log.info({ settle_ms: settleMs, drain_timeout_ms: drainTimeoutMs }, "draining: not ready any more");
  record(options, "mark_draining", "completed", timers.nowMs());
  await settle(options);
  log.info({}, "draining: listeners close");
  const { closed, drained } = host.drain();
  await phase(options, "listener_cancel", closed, LISTENER_CANCEL_LIMIT_MS);
  const stopWatching = watchListeners(options);
  const outcome = await phase(options, "inflight_drain", drained, drainTimeoutMs);
  stopWatching(outcome);
  if (outcome === "timeout") log.warn({ drain_timeout_ms: drainTimeoutMs }, "draining: connections are left");
}

/** Traffic is still served, so that whoever is in front can notice. */
async function settle(options: DrainOptions): Promise<void> {
  const startMs = options.timers.nowMs();
  await within(options, new Promise<void>(() => {}), options.settleMs);
  record(options, "readiness_settle", "completed", startMs);
}

async function phase(
  options: DrainOptions,
  name: DrainPhase,
  work: Promise<void>,
  limitMs: number,
): Promise<DrainOutcome> {
  const startMs = options.timers.nowMs();
  const outcome = await within(options, work, limitMs);
  record(options, name, outcome, startMs);
  return outcome;
}

/** Waits for the work, its limit, or the gateway's sudden end, whichever is first. */
async function within(options: DrainOptions, work: Promise<void>, limitMs: number): Promise<DrainOutcome> {
  let cancel = (): void => {};
  const limit = new Promise<void>((resolve) => {
    cancel = options.timers.after(limitMs, resolve);
  });
  const cut = Promise.race([limit, options.halted]).then((): DrainOutcome => "timeout");
  const outcome = await Promise.race([work.then((): DrainOutcome => "completed"), cut]);
  cancel();
  return outcome;
}

function record(options: DrainOptions, name: DrainPhase, outcome: DrainOutcome, startMs: number): void {
  const seconds = (options.timers.nowMs() - startMs) / 1000;
  options.metrics.drainStep({ phase: name, outcome, seconds });
}

/** Notes when the last connection of each listener ends, from the workers' shared gauges. */
function watchListeners(options: DrainOptions): (outcome: DrainOutcome) => void {
  const { region, metrics, timers } = options;
  const startMs = timers.nowMs();
  let open = [...options.listeners];
  let cancel = (): void => {};
  const tell = (listener: ListenerPlan, outcome: DrainOutcome): void => {
    const seconds = (timers.nowMs() - startMs) / 1000;
    metrics.listenerDrainStep(listener.name, { phase: "inflight_drain", outcome, seconds });
  };
  const look = (): void => {
    const left = open.filter((listener) => region.sum(listener.metrics.connectionsInflight) > 0);
    for (const listener of open) if (!left.includes(listener)) tell(listener, "completed");
    open = left;
    if (open.length > 0) cancel = timers.after(LISTENER_POLL_MS, look);
  };
  look();
  return (outcome) => {
    cancel();
    for (const listener of open) tell(listener, outcome);
  };
}
