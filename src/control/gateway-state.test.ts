import assert from "node:assert/strict";
import { test } from "node:test";
import { allows, healthStatus, stateAfter, type GatewayState, type GatewayStep } from "./gateway-state.ts";

const STATES: GatewayState[] = [
  "created",
  "starting",
  "running",
  "reloading",
  "draining",
  "stopping",
  "stopped",
];
const STEPS: GatewayStep[] = ["start", "started", "reload", "reloaded", "drain", "stop", "stopped"];

function walk(...steps: GatewayStep[]): GatewayState {
  let state: GatewayState = "created";
  for (const step of steps) state = stateAfter(state, step);
  return state;
}

test("a gateway lives from created to stopped", () => {
  assert.equal(walk("start", "started", "reload", "reloaded", "drain", "stop", "stopped"), "stopped");
});

test("a drain may begin while a reload runs, and the reload cannot end in running any more", () => {
  assert.equal(walk("start", "started", "reload", "drain"), "draining");
  assert.equal(allows("draining", "reloaded"), false);
});

test("every state but the last two can be stopped", () => {
  const stoppable = STATES.filter((state) => allows(state, "stop"));
  assert.deepEqual(stoppable, ["created", "starting", "running", "reloading", "draining"]);
});

test("the end is final", () => {
  assert.deepEqual(
    STEPS.filter((step) => allows("stopped", step)),
    [],
  );
});

test("a step that the table does not have is our own mistake", () => {
  assert.throws(() => stateAfter("draining", "reload"), /draining cannot reload/);
});

test("probes see booting, ok and draining", () => {
  assert.deepEqual(STATES.map(healthStatus), [
    "booting",
    "booting",
    "ok",
    "ok",
    "draining",
    "draining",
    "draining",
  ]);
});
