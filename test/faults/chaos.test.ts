/**
 * Thousands of exchanges at once with resets, half-closes, slow readers and slow writers on both sides:
 * no byte of another exchange, nothing lost without a sign, nothing left behind. In HTTP/1.1, over TLS, and in
 * HTTP/2, with the same on both sides. CHAOS_REQUESTS sets their number, CHAOS_SEED repeats a run.
 */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { freePort } from "../support/addresses.ts";
import type { ChaosWorld } from "../support/chaos/chaos-backend.ts";
import { planExchange } from "../support/chaos/exchange-plan.ts";
import { Ledger } from "../support/chaos/ledger.ts";
import { Pattern } from "../support/chaos/pattern.ts";
import { type ChaosScene, h1Scene, h2Scene, tlsScene } from "../support/chaos/scenes.ts";
import { Gateway } from "../support/gateway.ts";
import { openDescriptors, rssBytes } from "../support/processes.ts";
import { waitFor } from "../support/wait-for.ts";

const MIB = 2 ** 20;
const REQUESTS = Number(process.env["CHAOS_REQUESTS"] ?? 3000);
const SEED = Number(process.env["CHAOS_SEED"] ?? process.hrtime.bigint() % 2n ** 31n);

/** Over TLS and HTTP/2: their peers cost several times more, and all must stay quick. */
const SECURE_REQUESTS = Math.min(Math.ceil(REQUESTS / 3), 5000);

/** Exchanges without a disturbance before and after, whose bytes must be counted to the last one. */
const CALM = 200;

/** The heap takes its shape in the first half; what it may grow by in the second one. */
const MAX_GROWTH_BYTES = 96 * MIB;

const TIMEOUT_MS = 120_000 + REQUESTS * 5;

/** One run: numbers up to `limit` are given out, of which some are calm. */
class Chaos implements ChaosWorld {
  readonly pattern = new Pattern(SEED);
  readonly ledger = new Ledger();
  #calmFrom = 0;

  plan(id: number) {
    return planExchange(SEED, id, id >= this.#calmFrom);
  }

  /** Runs `count` more exchanges. */
  async run({ scene, port }: Setup, count: number, mood: "calm" | "wild"): Promise<void> {
    const { ledger } = this;
    const end = ledger.begun + count;
    if (mood === "wild") this.#calmFrom = end;
    const next = (): number => (ledger.begun < end ? ledger.begun++ : -1);
    const users = Array.from({ length: scene.users }, () => scene.runUser({ world: this, port, next }));
    await Promise.all(users);
  }
}

interface Setup {
  readonly chaos: Chaos;
  readonly scene: ChaosScene;
  readonly backend: Awaited<ReturnType<ChaosScene["startBackend"]>>;
  readonly gateway: Gateway;
  readonly port: number;
}

async function setUp(t: TestContext, scene: ChaosScene): Promise<Setup> {
  const chaos = new Chaos();
  const backend = await scene.startBackend(chaos);
  t.after(() => backend.stop());
  const port = await freePort();
  const gateway = await Gateway.start(t, scene.config(port, backend.address));
  return { chaos, scene, backend, gateway, port };
}

/** Waits until no connection is left on either side; the backend ends those that wait in the pool. */
async function quiet({ gateway, backend }: Setup): Promise<void> {
  await waitFor("the connections to backends to end", () => {
    backend.endConnections();
    return backend.openConnections === 0;
  });
  const gauges = [
    "connections_inflight",
    "accept_inflight",
    "backend_requests_inflight",
    "backend_connections",
    "pool_idle_gauge",
  ];
  await gateway.metric("nothing under way", (now) => gauges.every((name) => now.sum(name) === 0));
}

/** What a request that is sent again can send a second time: the gateway keeps so much of its body. */
const MAX_KEPT_BYTES = 16_384;

interface Moved {
  readonly toBackend: number;
  readonly toClient: number;
  /** Requests that were sent again. */
  readonly repeats: number;
}

async function counted(gateway: Gateway): Promise<Moved> {
  const metrics = await gateway.scrape();
  return {
    toBackend: metrics.sum("bytes_client_to_backend"),
    toClient: metrics.sum("bytes_backend_to_client"),
    repeats: metrics.sum("upstream_retries_total"),
  };
}

/** Calm exchanges: each is answered whole, and its bytes are counted exactly. */
async function runCalm(setup: Setup): Promise<void> {
  const { chaos, gateway } = setup;
  const { ledger } = chaos;
  const before = await counted(gateway);
  const seen = { toBackend: ledger.requestBytesAtBackend, toClient: ledger.responseBytesAtClient };
  const whole = ledger.outcomes.get("whole") ?? 0;
  await chaos.run(setup, CALM, "calm");
  await quiet(setup);
  const after = await counted(gateway);
  assert.equal((ledger.outcomes.get("whole") ?? 0) - whole, CALM, ledger.summary());
  assert.equal(after.toBackend - before.toBackend, ledger.requestBytesAtBackend - seen.toBackend);
  assert.equal(after.toClient - before.toClient, ledger.responseBytesAtClient - seen.toClient);
}

/** What was counted lies between what was sent and what arrived: resets destroy bytes on the way. */
function assertBytes({ toBackend, toClient, repeats }: Moved, ledger: Ledger): void {
  const { requestBytesSent, requestBytesAtBackend, responseBytesSent, responseBytesAtClient } = ledger;
  const mostSent = requestBytesSent + repeats * MAX_KEPT_BYTES;
  const requests = `${requestBytesSent} by clients, ${toBackend} to backends, ${requestBytesAtBackend} at them`;
  assert.ok(requestBytesAtBackend <= toBackend && toBackend <= mostSent, `${requests}, ${repeats} repeats`);
  const responses = `${responseBytesSent} by backends, ${toClient} to clients, ${responseBytesAtClient} at them`;
  assert.ok(responseBytesAtClient <= toClient && toClient <= responseBytesSent, responses);
}

/** One half of the wild exchanges, then calm ones; what the worker holds when all is quiet again. */
async function runHalf(setup: Setup, requests: number, worker: number): Promise<number> {
  await setup.chaos.run(setup, Math.ceil(requests / 2), "wild");
  assert.deepEqual(setup.chaos.ledger.violations, []);
  await quiet(setup);
  await runCalm(setup);
  return rssBytes(worker);
}

async function runChaos(t: TestContext, scene: ChaosScene, requests: number): Promise<void> {
  const setup = await setUp(t, scene);
  const { chaos, gateway } = setup;
  const { ledger } = chaos;
  const worker = gateway.workers()[0] ?? gateway.pid;
  t.after(() => t.diagnostic(ledger.summary()));
  await runCalm(setup);
  const descriptors = openDescriptors(worker);
  const firstBytes = await runHalf(setup, requests, worker);
  const growthBytes = (await runHalf(setup, requests, worker)) - firstBytes;
  t.diagnostic(`RSS ${Math.round(firstBytes / MIB)} MiB, then ${(growthBytes / MIB).toFixed(1)} MiB more`);
  assert.ok(ledger.metClosing <= ledger.silentCloses, ledger.summary());
  assertBytes(await counted(gateway), ledger);
  await waitFor("the descriptors to be closed", () => openDescriptors(worker) <= descriptors);
  assert.equal(gateway.workers()[0] ?? gateway.pid, worker, "the worker lives");
  assert.ok(growthBytes < MAX_GROWTH_BYTES, `grew by ${growthBytes / MIB} MiB`);
}

describe("chaos on both sides", { timeout: TIMEOUT_MS }, () => {
  const secure = SECURE_REQUESTS;
  it(`over ${REQUESTS} requests, seed ${SEED}`, (t) => runChaos(t, h1Scene(), REQUESTS));
  it(`over TLS and ${secure} requests, seed ${SEED}`, (t) => runChaos(t, tlsScene(t), secure));
  it(`over HTTP/2 and ${secure} requests, seed ${SEED}`, (t) => runChaos(t, h2Scene(t), secure));
});
