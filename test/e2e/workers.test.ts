/** Workers are processes: one may die and takes only its own connections; the others do not notice. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Gateway } from "../support/gateway.ts";
import { Load } from "../support/load.ts";
import { isAlive, signal } from "../support/processes.ts";
import type { RawClient } from "../support/raw-client.ts";
import { hello } from "../support/recording-backend.ts";
import { statusOf } from "../support/strict-http1.ts";
import { get, startProxied, type Proxied } from "../support/suite.ts";
import { waitFor } from "../support/wait-for.ts";

/** How long a replacement may take, with room for a busy machine around the second that is promised. */
const BACK_WITHIN_MS = 4000;

async function openMany({ connect }: Proxied, count: number): Promise<RawClient[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => connect()));
  for (const client of clients) assert.equal(statusOf(await client.request(get("/"))), 200);
  return clients;
}

async function replacement(gateway: Gateway, killed: number, count: number): Promise<void> {
  await waitFor(
    "a worker in place of the killed one",
    () => {
      const workers = gateway.workers();
      return workers.length === count && !workers.includes(killed);
    },
    { timeoutMs: BACK_WITHIN_MS },
  );
}

describe("workers", { timeout: 90_000 }, () => {
  it("killed by SIGKILL cost only their own connections, are replaced and counted", async (t) => {
    const proxied = await startProxied(t, {
      backend: { script: hello, record: false },
      config: { runtime: { workers: 2 } },
    });
    const { gateway, connect } = proxied;
    const [victim] = gateway.workers();
    assert.ok(victim !== undefined && gateway.workers().length === 2);
    const clients = await openMany(proxied, 32);
    signal(victim, "SIGKILL");
    await waitFor("the worker's connections to end", () =>
      clients.some((client) => client.ending !== "open"),
    );
    const start = performance.now();
    await replacement(gateway, victim, 2);
    t.diagnostic(`back after ${Math.round(performance.now() - start)} ms`);
    const survivors = clients.filter((client) => client.ending === "open");
    assert.ok(survivors.length > 0 && survivors.length < 32, `${survivors.length} of 32 survived`);
    for (const client of survivors) assert.equal(statusOf(await client.request(get("/"))), 200);
    for (let i = 0; i < 20; i++) assert.equal(statusOf(await (await connect()).request(get("/"))), 200);
    const metrics = await gateway.metric("the restart", (now) => now.sum("worker_restarts_total") >= 1);
    assert.equal(metrics.sum("worker_restarts_total"), 1);
    await gateway.waitForLog(
      "which worker died, and how",
      ({ text }) => /worker/i.test(text) && text.includes("SIGKILL"),
    );
  });

  it("killed under load leave only their own requests unanswered", async (t) => {
    const { gateway, port } = await startProxied(t, {
      backend: { script: hello, record: false },
      config: { runtime: { workers: 2 } },
    });
    const load = Load.start({ ports: [port], connections: 16 });
    await load.served(500);
    const [victim] = gateway.workers();
    assert.ok(victim !== undefined);
    signal(victim, "SIGKILL");
    await replacement(gateway, victim, 2);
    const failed = load.failed;
    await load.served(1000);
    await load.stop();
    // Each of the 16 connections can lose the one request that was in flight, and one that was in the killed worker's queue.
    assert.ok(load.failed <= 32, load.summary());
    assert.equal(load.failed, failed, `failures after the replacement: ${load.summary()}`);
  });

  it("that stop moving are killed by the watchdog and replaced", async (t) => {
    const { gateway, connect } = await startProxied(t, { config: { runtime: { workers: 1 } } });
    const [victim] = gateway.workers();
    assert.ok(victim !== undefined);
    signal(victim, "SIGSTOP");
    await waitFor("the watchdog", () => !isAlive(victim), { timeoutMs: 30_000, everyMs: 100 });
    await replacement(gateway, victim, 1);
    await waitFor("service", async () => {
      const client = await connect().catch(() => undefined);
      const status = await client?.request(get("/"), { timeoutMs: 1000 }).then(statusOf, () => 0);
      client?.destroy();
      return status === 200;
    });
  });

  it("end with the main process, even when that is killed", async (t) => {
    const { gateway } = await startProxied(t, { config: { runtime: { workers: 2 } } });
    const workers = gateway.workers();
    assert.equal(workers.length, 2);
    gateway.kill("SIGKILL");
    await waitFor("the workers to end", () => !workers.some(isAlive), { timeoutMs: 10_000 });
  });

  it("are not needed: with workers = 0 the main process serves", async (t) => {
    const { gateway, connect } = await startProxied(t, { config: { runtime: { workers: 0 } } });
    assert.equal(statusOf(await (await connect()).request(get("/"))), 200);
    assert.deepEqual(gateway.workers(), []);
    await gateway.metric("the request", (metrics) => metrics.sum("http_requests_total") === 1);
    await gateway.stop();
  });

  it("share counters and connections evenly enough", async (t) => {
    const proxied = await startProxied(t, { config: { runtime: { workers: 2 } } });
    const clients = await openMany(proxied, 40);
    const metrics = await proxied.gateway.metric(
      "40 requests",
      (now) => now.sum("http_requests_total") === 40,
    );
    assert.equal(metrics.sum("connections_inflight"), 40, "exact over all workers");
    for (const client of clients) client.destroy();
    await proxied.gateway.metric("none", (now) => now.sum("connections_inflight") === 0);
  });
});
