import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { memoryPlan, type PlanSpec } from "../../../test/support/memory-plan.ts";
import type { Backend } from "./backend.ts";

const BOTH: PlanSpec = { services: { app: ["10.0.0.1:80", "10.0.0.2:80"], api: ["10.0.0.1:80"] } };

/** The pools' objects for every backend of a plan, by service and address. */
function objects(gateway: MemoryGateway, spec: PlanSpec): Record<string, Backend> {
  const plan = memoryPlan(spec);
  return Object.fromEntries(
    plan.services.flatMap((service) =>
      service.backends.map((backend) => [
        `${service.name} ${backend.address}`,
        gateway.pools.backend(service, backend, plan),
      ]),
    ),
  );
}

test("a backend that stays in the plan is the same object; one that comes back is a new one", () => {
  const gateway = new MemoryGateway(BOTH);
  const before = objects(gateway, BOTH);
  gateway.reload({ services: { app: ["10.0.0.1:80"] } });
  const after = objects(gateway, { services: { app: ["10.0.0.1:80"] } });
  assert.equal(after["app 10.0.0.1:80"], before["app 10.0.0.1:80"]);
  gateway.reload(BOTH);
  const again = objects(gateway, BOTH);
  assert.equal(again["app 10.0.0.1:80"], before["app 10.0.0.1:80"]);
  assert.notEqual(again["app 10.0.0.2:80"], before["app 10.0.0.2:80"]);
});

test("one address in two services is two backends: their limits are their own", () => {
  const { "app 10.0.0.1:80": app, "api 10.0.0.1:80": api } = objects(new MemoryGateway(BOTH), BOTH);
  assert.ok(app !== undefined && api !== undefined);
  assert.notEqual(app, api);
});

test("settings of a plan count from when it is adopted, and not from when it is compiled", () => {
  const gateway = new MemoryGateway(BOTH);
  const changed = { ...BOTH, pool: { maxPerBackend: 1 }, runtime: { connectTimeoutMs: 1234 } };
  const { "app 10.0.0.1:80": backend } = objects(gateway, changed);
  assert.equal(backend?.settings.connectTimeoutMs, 5000);
  gateway.pools.adopt(memoryPlan(changed));
  assert.equal(backend?.settings.connectTimeoutMs, 1234);
  assert.equal(backend?.settings.pool.maxPerBackend, 1);
});

test("a plan that was compiled and given up leaves nothing behind", () => {
  const gateway = new MemoryGateway({ services: { app: ["10.0.0.1:80"] } });
  const other = { services: { app: ["10.0.0.5:80"] } };
  const first = objects(gateway, other)["app 10.0.0.5:80"];
  gateway.pools.adopt(gateway.plan);
  assert.notEqual(objects(gateway, other)["app 10.0.0.5:80"], first);
});
