import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { ConfigError } from "./config-source.ts";
import { createGateway } from "./create-gateway.ts";
import type { Gateway } from "./gateway.ts";
import type { GatewayState } from "./gateway-state.ts";

/** A gateway in this process, before a real backend, on ports of the kernel's choice. */
let backend: Server;
before(async () => {
  backend = createServer((request, response) => {
    request.resume();
    const answer = () => response.end(`path ${request.url}`);
    if (request.url === "/slow") setTimeout(answer, 300);
    else if (request.url !== "/hang") answer();
  });
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
});
after(() => {
  backend.closeAllConnections();
  backend.close();
});

const LIMIT = { timeout: 20_000 };

function toml(more = "", address = "127.0.0.1:0"): string {
  const { port } = backend.address() as AddressInfo;
  return `
[[listeners]]
name = "web"
address = "${address}"
protocol = "h1"
[[listeners.backends]]
address = "127.0.0.1:${port}"
[runtime]
workers = 0
readiness_settle_ms = 0
drain_timeout_ms = 2000
[observability]
metrics_bind = "127.0.0.1:0"
access_log = { enabled = false }
${more}`;
}

async function started(text: string, states: GatewayState[] = []): Promise<Gateway> {
  const gateway = await createGateway({ toml: text }, { onState: (state) => void states.push(state) });
  await gateway.start();
  return gateway;
}

async function get(port: number | undefined, path = "/"): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: "close" } });
  return `${response.status} ${await response.text()}`;
}

test("a gateway starts, serves, tells of itself, drains and ends", LIMIT, async () => {
  const states: GatewayState[] = [];
  const gateway = await started(toml(), states);
  assert.equal(await get(gateway.ports["web"]), "200 path /");
  assert.equal(await get(gateway.adminPort, "/readyz"), '200 {"status":"ok"}');
  const { state, generation, listeners, responsive } = gateway.health();
  assert.deepEqual(
    { state, generation, listeners, responsive },
    {
      state: "running",
      generation: 1,
      listeners: gateway.ports,
      responsive: true,
    },
  );
  assert.match(await gateway.metrics(), /^http_requests_total\{listener="web",.*status_class="2xx"\} 1$/m);
  assert.deepEqual(await gateway.drain(), { aborted: 0 });
  assert.deepEqual(await gateway.waitForStop(), { aborted: 0 });
  assert.deepEqual(states, ["starting", "running", "draining", "stopping", "stopped"]);
  await assert.rejects(get(gateway.ports["web"]));
});

test("localhost is 127.0.0.1, for traffic and for the admin", LIMIT, async () => {
  const text = toml("", "localhost:0").replace('"127.0.0.1:0"\naccess_log', '"LocalHost:0"\naccess_log');
  const gateway = await started(text);
  assert.equal(gateway.config.observability.metrics_bind, "LocalHost:0");
  assert.equal(await get(gateway.ports["web"]), "200 path /");
  assert.equal(await get(gateway.adminPort, "/readyz"), '200 {"status":"ok"}');
  await gateway.stop();
});

test("a reload takes new settings over and keeps ports; the same again changes nothing", LIMIT, async () => {
  const gateway = await started(toml());
  const port = gateway.ports["web"];
  const adminPort = gateway.adminPort;
  const router =
    '[routers.none]\nrule = "Path(`/none`)"\nservice = "none"\n[services.none]\n[[services.none.backends]]\naddress = "127.0.0.1:1"\n';
  assert.deepEqual(await gateway.reload({ toml: toml(router) }), {
    generation: 2,
    changes: 2,
    restartRequired: [],
  });
  assert.equal(gateway.ports["web"], port);
  assert.equal(gateway.adminPort, adminPort);
  assert.match(await get(port, "/none"), /^502 /);
  assert.equal(await get(port, "/other"), "200 path /other");
  assert.deepEqual(await gateway.reload({ toml: toml(router) }), {
    generation: 2,
    changes: 0,
    restartRequired: [],
  });
  await gateway.stop();
});

test("a reload that cannot be used changes nothing", LIMIT, async () => {
  const gateway = await started(toml());
  const taken = createTcpServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as AddressInfo;
  const unusable: [string, RegExp][] = [
    [toml("bad = 1"), /unknown key "bad"/],
    [toml("", `127.0.0.1:${port}`), /cannot bind 127\.0\.0\.1:\d+: EADDRINUSE/],
    [
      toml().replace('metrics_bind = "127.0.0.1:0"', `metrics_bind = "127.0.0.1:${port}"`),
      /admin listener: cannot bind/,
    ],
    [
      toml().replace("enabled = false", 'enabled = true, path = "/nowhere/access.log"'),
      /access log: cannot open/,
    ],
  ];
  for (const [text, message] of unusable) await assert.rejects(gateway.reload({ toml: text }), message);
  assert.equal(gateway.health().generation, 1);
  assert.equal(gateway.state, "running");
  assert.equal(await get(gateway.ports["web"]), "200 path /");
  assert.match(await gateway.metrics(), /^config_reload_failed_total 4$/m);
  const ghost = `[[listeners]]\nname = "ghost"\naddress = "127.0.0.1:${port}"\nprotocol = "h1"\n`;
  await assert.rejects(gateway.reload({ toml: `${ghost}${toml()}` }), /cannot bind/);
  assert.doesNotMatch(await gateway.metrics(), /ghost/, "what never was has no series");
  taken.close();
  await gateway.stop();
});

test("what needs a restart is named and keeps its value, the rest goes live", LIMIT, async () => {
  const gateway = await started(toml());
  const text = toml().replace("workers = 0", "workers = 2\nconnect_timeout_ms = 900");
  const report = await gateway.reload({ toml: text });
  assert.deepEqual(report, { generation: 2, changes: 1, restartRequired: ["runtime.workers"] });
  assert.equal(gateway.config.runtime.workers, 0);
  assert.equal(gateway.config.runtime.connect_timeout_ms, 900);
  await gateway.stop();
});

test("a request under way is finished by a drain, and readiness is off meanwhile", LIMIT, async () => {
  const gateway = await started(toml());
  const slow = get(gateway.ports["web"], "/slow");
  while (!/^connections_inflight\{listener="web"\} 1$/m.test(await gateway.metrics())) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const drained = gateway.drain();
  assert.equal(gateway.drain(), drained);
  assert.equal(await get(gateway.adminPort, "/readyz"), '503 {"status":"draining"}');
  assert.equal(await slow, "200 path /slow");
  assert.deepEqual(await drained, { aborted: 0 });
  const metrics = await gateway.metrics();
  for (const phase of ["mark_draining", "readiness_settle", "listener_cancel", "inflight_drain", "total"]) {
    assert.match(
      metrics,
      new RegExp(`^shutdown_drain_seconds_global_count\\{.*phase="${phase}".*\\} 1$`, "m"),
    );
  }
  const listener = /^shutdown_drain_seconds_listener_count\{.*outcome="completed",listener="web"\} 1$/m;
  assert.match(metrics, listener);
});

test("a connection that does not end within the budget is cut and counted", LIMIT, async () => {
  const gateway = await started(toml().replace("drain_timeout_ms = 2000", "drain_timeout_ms = 100"));
  const hanging = get(gateway.ports["web"], "/hang");
  while (!/^connections_inflight\{listener="web"\} 1$/m.test(await gateway.metrics())) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.deepEqual(await gateway.drain(), { aborted: 1 });
  assert.match(await hanging, /^503 /, "no response had begun: there is still time to say so");
  const metrics = await gateway.metrics();
  assert.match(metrics, /^shutdown_inflight_drain_timeout_total 1$/m);
  assert.match(metrics, /^shutdown_aborted_connections_total 1$/m);
});

test("a reload during the start waits for it; a stop during the start ends it", LIMIT, async () => {
  const gateway = await createGateway({ toml: toml() });
  const start = gateway.start();
  const reload = gateway.reload({ toml: toml("[pool]\nmax_idle_per_backend = 3\n") });
  await start;
  assert.equal((await reload).generation, 2);
  await gateway.stop();
  const other = await createGateway({ toml: toml() });
  const refused = assert.rejects(other.start(), /the gateway is ending/);
  await other.drain();
  await refused;
  assert.equal(other.state, "stopped");
});

test("stop cuts a drain short", LIMIT, async () => {
  const text = toml().replace("readiness_settle_ms = 0", "readiness_settle_ms = 30000");
  const gateway = await started(text);
  const drained = gateway.drain();
  await gateway.stop();
  assert.deepEqual(await drained, { aborted: 0 });
  assert.equal(gateway.state, "stopped");
});

test(
  "a gateway that never started can be stopped, and one that cannot start leaves nothing",
  LIMIT,
  async () => {
    const idle = await createGateway({ toml: toml() });
    await idle.stop();
    assert.equal(idle.state, "stopped");
    const taken = createTcpServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as AddressInfo;
    const gateway = await createGateway({ toml: toml("", `127.0.0.1:${port}`) });
    await assert.rejects(gateway.start(), /EADDRINUSE/);
    assert.equal(gateway.state, "stopped");
    taken.close();
  },
);

test("a configuration that is none is refused with its places", async () => {
  await assert.rejects(createGateway({ toml: "[[listeners]]\nadress = 1\n" }), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.deepEqual(
      error.issues.map(({ line }) => line),
      [1, 1, 2],
    );
    return true;
  });
});
