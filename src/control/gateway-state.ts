/**
 * The life of a gateway, as one table. `gateway.ts` moves along it and nowhere else; health answers
 * and systemd's notifications follow from it.
 *
 *     created --start--> starting --started--> running <--reloaded-- reloading
 *        |                  |                   |   `------reload------^ |
 *        |                  |                 drain <-------drain--------'
 *        |                  |                   v
 *        |                  |                draining --drained--.
 *        |                  |                   |                v
 *        |                  `------stop---------+---stop--> stopping --stopped--> stopped
 *        `--stop--> stopped
 */
import { assert } from "../base/assert.ts";

export type GatewayState =
  | "created"
  | "starting"
  | "running"
  | "reloading"
  | "draining"
  | "stopping"
  | "stopped";

export type GatewayStep = "start" | "started" | "reload" | "reloaded" | "drain" | "stop" | "stopped";

/** What a state allows, and where each step leads. */
const STEPS: Readonly<Record<GatewayState, Readonly<Partial<Record<GatewayStep, GatewayState>>>>> = {
  created: { start: "starting", stop: "stopping" },
  starting: { started: "running", stop: "stopping" },
  running: { reload: "reloading", drain: "draining", stop: "stopping" },
  reloading: { reloaded: "running", drain: "draining", stop: "stopping" },
  draining: { stop: "stopping" },
  stopping: { stopped: "stopped" },
  stopped: {},
};

export function allows(state: GatewayState, step: GatewayStep): boolean {
  return STEPS[state][step] !== undefined;
}

/** The state after `step`. Asserts that the table has it: ask `allows` first where it may not. */
export function stateAfter(state: GatewayState, step: GatewayStep): GatewayState {
  const next = STEPS[state][step];
  assert(next !== undefined, `a gateway that is ${state} cannot ${step}`);
  return next;
}

/** What the probes answer: `booting` until traffic is served, `draining` from the first sign of the end. */
export type HealthStatus = "ok" | "booting" | "draining";

export function healthStatus(state: GatewayState): HealthStatus {
  switch (state) {
    case "created":
    case "starting":
      return "booting";
    case "running":
    case "reloading":
      return "ok";
    case "draining":
    case "stopping":
    case "stopped":
      return "draining";
  }
}
