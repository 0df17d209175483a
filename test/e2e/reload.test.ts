/** SIGHUP: a new generation, swapped in whole or not at all, while requests keep flowing. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { freePort } from "../support/addresses.ts";
import { Gateway } from "../support/gateway.ts";
import { h1Listener, toToml, type GatewayConfig } from "../support/gateway-config.ts";
import { Load } from "../support/load.ts";
import { RawClient } from "../support/raw-client.ts";
import type { RecordingBackend } from "../support/recording-backend.ts";
import { after as later, named, respond } from "../support/scripts.ts";
import { statusOf } from "../support/strict-http1.ts";
import { get, startBackend, startProxied } from "../support/suite.ts";

const RELOADS = 100;

describe("reload", { timeout: 180_000 }, () => {
  it(`fails no request in ${RELOADS} reloads that change backends, routes and a listener's port`, async (t) => {
    const backends: RecordingBackend[] = [];
    for (let i = 0; i < 4; i++)
      backends.push(await startBackend(t, { script: named(`b${i}`), record: false }));
    const address = (index: number): string => backends[index % 4]?.address ?? "";
    const fixed = await freePort();
    const moving = [await freePort(), await freePort()] as const;
    const config = (round: number): GatewayConfig => ({
      listeners: [
        h1Listener(fixed, [], { name: "fixed" }),
        h1Listener(moving[round % 2] ?? 0, [], { name: "moving" }),
      ],
      routers: {
        all: { rule: "PathPrefix(`/`)", service: "first" },
        [`extra${round}`]: { rule: `Path(\`/${round}\`)`, service: round % 3 === 0 ? "first" : "second" },
      },
      services: {
        first: { backends: [{ address: address(round) }, { address: address(round + 1) }] },
        second: { backends: [{ address: address(round + 2) }] },
      },
      // Requests that are under way when the budget of the port that goes is over get 503, as they should: on a busy
      // machine the 2 s of other tests can be over before a backend has answered.
      runtime: { workers: 2, drain_timeout_ms: 10_000 },
    });
    const gateway = await Gateway.start(t, config(0));
    const steady = Load.start({ ports: [fixed], connections: 8, thinkMs: 2 });
    const mover = Load.start({ ports: [...moving], connections: 4, thinkMs: 2 });
    await steady.served(50);
    for (let round = 1; round <= RELOADS; round++) {
      await gateway.reload(config(round));
      await Promise.all([steady.served(5), mover.served(2)]);
    }
    await Promise.all([steady.stop(), mover.stop()]);
    assert.equal(steady.failed, 0, steady.summary());
    assert.equal(mover.failed, 0, mover.summary());
    assert.ok(
      backends.every((backend) => backend.served > 0),
      "every backend had its turn",
    );
    const metrics = await gateway.scrape();
    assert.equal(metrics.sum("config_reload_succeeded_total"), RELOADS);
    assert.equal(metrics.sum("http_requests_total", { status_class: "5xx" }), 0);
    t.diagnostic(`fixed port: ${steady.summary()}`);
    t.diagnostic(`moving port: ${mover.summary()}`);
  });

  it("lets a request finish on the generation that it started with", async (t) => {
    const slow = await startBackend(t, { script: later(600, respond("200 OK", "old")) });
    const quick = await startBackend(t, { script: respond("200 OK", "new") });
    const port = await freePort();
    const gateway = await Gateway.start(t, { listeners: [h1Listener(port, [slow.address])] });
    const client = await RawClient.connect(port);
    client.send(get("/"));
    await slow.request();
    await gateway.reload({ listeners: [h1Listener(port, [quick.address])] });
    assert.equal((await client.readResponse()).body.toString(), "old");
    const next = await RawClient.connect(port);
    assert.equal((await next.request(get("/"))).body.toString(), "new");
  });

  it("opens and closes listeners", async (t) => {
    const { gateway, backend, port, config } = await startProxied(t);
    const added = await freePort();
    const second = h1Listener(added, [backend.address], { name: "second" });
    await gateway.reload({ ...config, listeners: [...config.listeners, second] });
    assert.equal(statusOf(await (await RawClient.connect(added)).request(get("/"))), 200);
    await gateway.reload({ ...config, listeners: [second] });
    assert.equal(statusOf(await (await RawClient.connect(added)).request(get("/"))), 200);
    await assert.rejects(RawClient.connect(port), { code: "ECONNREFUSED" });
  });

  const BROKEN: readonly (readonly [string, (config: GatewayConfig, port: number) => string])[] = [
    ["no TOML", () => "this is = not [ toml"],
    ["an unknown key", (config, port) => `${toToml(config, port)}\n[nonsense]\nkey = 1\n`],
    [
      "a value out of range",
      (config, port) => toToml({ ...config, runtime: { max_keepalive_requests: -1 } }, port),
    ],
    [
      "a router without its service",
      (config, port) => toToml({ ...config, routers: { a: { rule: "Path(`/`)", service: "absent" } } }, port),
    ],
    [
      "a protocol of a later version",
      (config, port) =>
        toToml({ ...config, listeners: [{ ...config.listeners[0], protocol: "quic" }] }, port),
    ],
  ];
  for (const [what, broken] of BROKEN) {
    it(`changes nothing when the new config has ${what}`, async (t) => {
      const { gateway, connect, config } = await startProxied(t);
      const client = await connect();
      assert.equal(statusOf(await client.request(get("/"))), 200);
      assert.equal(await gateway.tryReload(broken(config, gateway.adminPort)), "refused");
      const line = await gateway.waitForLog("the refusal", ({ text }) => text.includes("reload refused"));
      assert.match(line.text, /"reason":"(?:1 problem|[2-9] problems)"/);
      assert.equal(statusOf(await client.request(get("/"))), 200, "the old connection works");
      assert.equal(statusOf(await (await connect()).request(get("/"))), 200, "new connections work");
      assert.equal((await gateway.admin("/readyz")).status, 200);
      await gateway.reload(config);
    });
  }

  it("changes nothing when a new port is taken", async (t) => {
    const { gateway, connect, backend, config } = await startProxied(t);
    const listeners = [
      h1Listener(backend.port, [backend.address]),
      h1Listener(await freePort(), [backend.address], { name: "b" }),
    ];
    assert.equal(await gateway.tryReload(toToml({ ...config, listeners }, gateway.adminPort)), "refused");
    assert.equal(statusOf(await (await connect()).request(get("/"))), 200);
    await assert.rejects(RawClient.connect(Number(String(listeners[1]?.["address"]).split(":")[1])), {
      code: "ECONNREFUSED",
    });
  });

  it("leaves no descriptors or processes behind", async (t) => {
    const { gateway, config, connect } = await startProxied(t);
    const before = gateway.workers();
    for (let i = 0; i < 5; i++) await gateway.reload(config);
    assert.deepEqual(gateway.workers(), before, "the same workers serve every generation");
    assert.equal(statusOf(await (await connect()).request(get("/"))), 200);
  });
});
