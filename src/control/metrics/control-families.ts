/**
 * The families that the control plane counts itself, read from `ControlMetrics` at scrape time.
 * Feature rows A18.1, A18.2, A18.5 and A18.8.
 */
import { CERTIFICATE_FAMILIES } from "./certificate-families.ts";
import type { ControlMetrics } from "./control-metrics.ts";
import type { SampledFamily } from "./family.ts";

export const CONTROL_FAMILIES: readonly SampledFamily<ControlMetrics>[] = [
  {
    ...counter("panic_total", "Workers that ended by themselves, by an error of ours."),
    sample: (control, add) => add([], control.workersLost.get("exit") ?? 0),
  },
  {
    ...counter("worker_restarts_total", "Workers that were lost and replaced, by the reason."),
    labels: ["reason"],
    sample: (control, add) => {
      for (const [reason, count] of control.workersLost) add([reason], count);
    },
  },
  {
    ...counter("config_reload_succeeded_total", "Reloads that put a new configuration into effect."),
    sample: (control, add) => add([], control.reloadsSucceeded),
  },
  {
    ...counter("config_reload_failed_total", "Reloads that were refused and changed nothing."),
    sample: (control, add) => add([], control.reloadsFailed),
  },
  {
    ...counter("config_reload_applied_swappable_total", "Changed settings that reloads put into effect."),
    sample: (control, add) => add([], control.reloadFieldsApplied),
  },
  {
    ...counter(
      "config_reload_restart_required_fields_total",
      "Changed settings that reloads could not put into effect without a restart.",
    ),
    sample: (control, add) => add([], control.reloadFieldsRestartRequired),
  },
  {
    ...gauge(
      "config_reload_applied_version",
      "Number of the plan in effect: 1 after the start, one more for each reload and rotation of certificates that changed something.",
    ),
    sample: (control, add) => add([], control.appliedGeneration),
  },
  ...CERTIFICATE_FAMILIES,
  {
    ...counter("dns_cache_hits_total", "Name lookups that were answered from the cache."),
    sample: (control, add) => add([], control.dnsCounters().hits),
  },
  {
    ...counter("dns_cache_misses_total", "Name lookups that asked a resolver."),
    sample: (control, add) => add([], control.dnsCounters().misses),
  },
  {
    ...gauge("dns_cache_entries", "Names in the cache."),
    sample: (control, add) => add([], control.dnsCounters().entries),
  },
  {
    ...counter(
      "shutdown_inflight_drain_timeout_total",
      "Shutdowns whose connections did not all end within the drain budget.",
    ),
    sample: (control, add) => add([], control.drainTimeouts),
  },
  {
    ...counter(
      "shutdown_listener_cancel_timeout_total",
      "Shutdowns whose listeners did not all close in time.",
    ),
    sample: (control, add) => add([], control.listenerCancelTimeouts),
  },
  {
    ...gauge("lb_drain_timeout_ms_listener", "Drain budget of a listener, in milliseconds."),
    labels: ["listener"],
    sample: (control, add) => {
      for (const [listener, timeoutMs] of control.drainTimeoutsMs) add([listener], timeoutMs);
    },
  },
];

interface Head<Kind> {
  readonly name: string;
  readonly kind: Kind;
  readonly help: string;
  readonly labels: readonly string[];
}

function counter(name: string, help: string): Head<"counter"> {
  return { name, kind: "counter", help, labels: [] };
}

function gauge(name: string, help: string): Head<"gauge"> {
  return { name, kind: "gauge", help, labels: [] };
}
