import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test, type TestContext } from "node:test";
import { nativeAddon } from "../../fastpath/native-addon.ts";
import { createGateway } from "../create-gateway.ts";
import type { Gateway } from "../gateway.ts";

/** Gateways with real worker processes, before a real backend. */
let backend: Server;
before(async () => {
  backend = createServer((_request, response) => response.end("hello"));
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
});
after(() => backend.close());

const OPTIONS = {
  timeout: 60_000,
  skip: nativeAddon() === null ? "the native addon is missing: there are no workers" : false,
};

function toml(workers: number, more = ""): string {
  const { port } = backend.address() as AddressInfo;
  return `
[[listeners]]
name = "web"
address = "127.0.0.1:0"
protocol = "h1"
[[listeners.backends]]
address = "127.0.0.1:${port}"
[runtime]
workers = ${workers}
readiness_settle_ms = 0
drain_timeout_ms = 2000
[observability]
access_log = { enabled = false }
${more}`;
}

async function started(t: TestContext, text: string): Promise<Gateway> {
  const gateway = await createGateway({ toml: text });
  t.after(() => gateway.stop());
  await gateway.start();
  return gateway;
}

/** Process ids of the workers: the children of this process. */
function workers(): number[] {
  const tasks = readdirSync("/proc/self/task");
  const pids = tasks.flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, "latin1").split(" "));
  return pids.filter((pid) => pid !== "").map(Number);
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1000; i += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`not within 10 s: ${what}`);
}

async function get(gateway: Gateway): Promise<string> {
  const url = `http://127.0.0.1:${gateway.ports["web"]}/`;
  return await (await fetch(url, { headers: { connection: "close" } })).text();
}

async function metric(gateway: Gateway, line: string): Promise<boolean> {
  return (await gateway.metrics()).split("\n").includes(line);
}

test("every worker binds the port that was found for port 0", OPTIONS, async (t) => {
  const gateway = await started(t, toml(2));
  assert.equal(workers().length, 2);
  assert.ok((gateway.ports["web"] ?? 0) > 0);
  for (let i = 0; i < 20; i += 1) assert.equal(await get(gateway), "hello");
  assert.deepEqual(await gateway.drain(), { aborted: 0 });
  assert.deepEqual(workers(), []);
});

test("a worker that is killed is replaced, counted, and brought to the current plan", OPTIONS, async (t) => {
  const gateway = await started(t, toml(2));
  await gateway.reload({ toml: toml(2, "[pool]\nmax_idle_per_backend = 3\n") });
  const [victim = 0] = workers();
  process.kill(victim, "SIGKILL");
  await until("the worker is lost", () => gateway.health().servingWorkers === 1);
  await until("its successor serves", () => gateway.health().servingWorkers === 2);
  assert.equal(workers().includes(victim), false);
  assert.ok(await metric(gateway, 'worker_restarts_total{reason="signal"} 1'));
  for (let i = 0; i < 20; i += 1) assert.equal(await get(gateway), "hello");
});

test("workers join and leave with a reload", OPTIONS, async (t) => {
  const gateway = await started(t, toml(1));
  const [first] = workers();
  assert.equal((await gateway.reload({ toml: toml(3) })).generation, 2);
  assert.equal(gateway.health().servingWorkers, 3);
  await gateway.reload({ toml: toml(1) });
  await until("two workers have left", () => workers().length === 1);
  assert.deepEqual(workers(), [first]);
  assert.equal(await get(gateway), "hello");
});

test(
  "a worker that dies while a reload is prepared makes the reload fail, and nothing else",
  OPTIONS,
  async (t) => {
    const gateway = await started(t, toml(2));
    const [victim = 0] = workers();
    process.kill(victim, "SIGSTOP");
    const reload = gateway.reload({ toml: toml(2, "[pool]\nmax_idle_per_backend = 3\n") });
    const refused = assert.rejects(reload, /worker \d ended \(signal SIGKILL\)/);
    process.kill(victim, "SIGKILL");
    await refused;
    assert.equal(gateway.health().generation, 1);
    await until("the worker is replaced", () => gateway.health().servingWorkers === 2);
    assert.equal(await get(gateway), "hello");
    assert.equal(
      (await gateway.reload({ toml: toml(2, "[pool]\nmax_idle_per_backend = 3\n") })).generation,
      2,
    );
  },
);

test("a plan that no worker can serve is refused, and no process is left", OPTIONS, async () => {
  const { port } = backend.address() as AddressInfo;
  const gateway = await createGateway({ toml: toml(2).replace("127.0.0.1:0", `127.0.0.1:${port}`) });
  await assert.rejects(gateway.start(), /cannot bind 127\.0\.0\.1:\d+: EADDRINUSE/);
  assert.deepEqual(workers(), []);
});
