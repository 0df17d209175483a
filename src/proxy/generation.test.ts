import assert from "node:assert/strict";
import { test } from "node:test";
import { writeWords } from "../base/word-text.ts";
import { MemoryGateway } from "../../test/support/memory-gateway.ts";
import { memoryPlan } from "../../test/support/memory-plan.ts";
import { compileGeneration, type Generation } from "./generation.ts";
import type { Plan } from "./plan.ts";

function compile(plan: Plan, gateway = new MemoryGateway()): Generation {
  return compileGeneration(plan, gateway.pools, gateway.transport);
}

/** Two listeners; the second route is only served by the second one. */
function twoListeners(): Plan {
  const plan = memoryPlan({
    services: { app: ["10.0.0.1:80"], api: ["10.0.0.2:80"] },
    routes: [{ rule: "" }, { rule: "PathPrefix(`/api`)", service: "api" }],
    security: { trustedProxies: ["192.0.2.0/24"] },
  });
  const [web] = plan.listeners;
  const [all, api] = plan.routes;
  assert.ok(web !== undefined && all !== undefined && api !== undefined);
  const admin = { ...web, name: "admin", address: "127.0.0.1:9090", port: 9090 };
  const slots = all.metrics[0];
  assert.ok(slots !== undefined);
  const other = { requests: slots.requests + 5000, duration: slots.duration + 5000 };
  return {
    ...plan,
    listeners: [web, admin],
    routes: [
      { ...all, listeners: [0, 1], metrics: [slots, other] },
      { ...api, listeners: [1] },
    ],
  };
}

test("each listener has the routes that it serves, with its own slots", () => {
  const plan = twoListeners();
  const generation = compile(plan);
  const web = generation.listeners.get("127.0.0.1:8080");
  const admin = generation.listeners.get("127.0.0.1:9090");
  assert.equal(web?.routes[0]?.slots, plan.routes[0]?.metrics[0]);
  assert.equal(admin?.routes[0]?.slots, plan.routes[0]?.metrics[1]);
  assert.equal(web?.routes[1], undefined);
  assert.equal(admin?.routes[1]?.slots, plan.routes[1]?.metrics[0]);
  assert.equal(admin?.routes[1]?.service.plan.name, "api");
  assert.equal(admin?.routes[0]?.service, web?.routes[0]?.service, "a service is compiled once");
});

test("services refer to the pools' backends, in the order of the plan", () => {
  const gateway = new MemoryGateway();
  const plan = memoryPlan({ services: { app: ["10.0.0.3:80", "10.0.0.1:80", "10.0.0.2:80"] } });
  const [listener] = compile(plan, gateway).listeners.values();
  const service = listener?.routes[0]?.service;
  assert.deepEqual(
    service?.backends.map((backend) => backend.plan.address),
    ["10.0.0.3:80", "10.0.0.1:80", "10.0.0.2:80"],
  );
  const [again] = compile(plan, gateway).listeners.values();
  assert.deepEqual(again?.routes[0]?.service.backends, service?.backends);
});

test("log parts are JSON, whatever the names are", () => {
  const name = 'we"b\n\u2028é';
  const plan = memoryPlan({ listener: { name } });
  const [listener] = compile(plan).listeners.values();
  const written = Buffer.alloc(200);
  assert.ok(listener !== undefined);
  const length = writeWords(new DataView(written.buffer, written.byteOffset), 0, listener.logPart);
  const text = written.toString("latin1", 0, length);
  assert.match(text, /^,[\x20-\x7e]*$/);
  assert.deepEqual(JSON.parse(`{${text.slice(1)}}`), { listener: name });
});

test("trusted proxies are those of the plan", () => {
  const generation = compile(twoListeners());
  assert.equal(generation.trustedProxies.contains("192.0.2.77"), true);
  assert.equal(generation.trustedProxies.contains("192.0.3.1"), false);
});
