/**
 * The histograms of a shutdown. They are observed a few times in the life of a process, so the
 * metrics library keeps them; everything that happens per request lives in slots. Feature row A18.2.
 */
import type { Family } from "./family.ts";

/** In seconds; a drain takes from no time to five minutes, the largest budget. */
export const DRAIN_SECONDS_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300] as const;

export const DRAIN_GLOBAL = {
  name: "shutdown_drain_seconds_global",
  kind: "histogram",
  help: "Time that each step of a shutdown took.",
  labels: ["phase", "outcome"],
} as const satisfies Family;

export const DRAIN_LISTENER = {
  name: "shutdown_drain_seconds_listener",
  kind: "histogram",
  help: "Time that each step of a shutdown took for one listener.",
  labels: ["phase", "outcome", "listener"],
} as const satisfies Family;

export const DRAIN_FAMILIES: readonly Family[] = [DRAIN_GLOBAL, DRAIN_LISTENER];
