/**
 * Thousands of exchanges at once with resets, half-closes, slow readers and slow writers on both sides:
 * no byte of another exchange, nothing lost without a sign, nothing left behind. CHAOS_REQUESTS sets
 * their number, CHAOS_SEED repeats a run.
 */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { freePort } from "../support/addresses.ts";
import { ChaosBackend, type ChaosWorld } from "../support/chaos/chaos-backend.ts";
import { runUser } from "../support/chaos/chaos-client.ts";
import { planExchange } from "../support/chaos/exchange-plan.ts";
import { Ledger } from "../support/chaos/ledger.ts";
import { Pattern } from "../support/chaos/pattern.ts";
import { Gateway } from "../support/gateway.ts";
import { h1Listener } from "../support/gateway-config.ts";
import { openDescriptors, rssBytes } from "../support/processes.ts";
import { waitFor } from "../support/wait-for.ts";

const MIB = 2 ** 20;
const REQUESTS = Number(process.env["CHAOS_REQUESTS"] ?? 3000);
const SEED = Number(process.env["CHAOS_SEED"] ?? process.hrtime.bigint() % 2n ** 31n);

/** Exchanges at a time. */
const USERS = 48;

/** Exchanges without a disturbance before and after, whose bytes must be counted to the last one. */
const CALM = 200;

/** The heap takes its shape in the first half; what it may grow by in the second one. */
const MAX_GROWTH_BYTES = 96 * MIB;

const TIMEOUT_MS = 60_000 + REQUESTS * 5;

/** One run: numbers up to `limit` are given out, of which some are calm. */
class Chaos implements ChaosWorld {
  readonly pattern = new Pattern(SEED);
  readonly ledger = new Ledger();
  #calmFrom = 0;

  plan(id: number) {
    return planExchange(SEED, id, id >= this.#calmFrom);
  }

  /** Runs `count` more exchanges. */
  async run(port: number, count: number, mood: "calm" | "wild"): Promise<void> {
    const { ledger } = this;
    const end = ledger.begun + count;
    if (mood === "wild") this.#calmFrom = end;
    const next = (): number => (ledger.begun < end ? ledger.begun++ : -1);
    await Promise.all(Array.from({ length: USERS }, () => runUser({ world: this, port, next })));
  }
}

interface Setup {
  readonly chaos: Chaos;
  readonly backend: ChaosBackend;
  readonly gateway: Gateway;
  readonly port: number;
}

async function setUp(t: TestContext): Promise<Setup> {
  const chaos = new Chaos();
  const backend = await ChaosBackend.start(chaos);
  t.after(() => backend.stop());
  const port = await freePort();
  const http = { max_request_body_bytes: 0, max_response_body_bytes: 0 };
  const gateway = await Gateway.start(t, { listeners: [h1Listener(port, [backend.address], { http })] });
  return { chaos, backend, gateway, port };
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

interface Moved {
  readonly toBackend: number;
  readonly toClient: number;
}

async function counted(gateway: Gateway): Promise<Moved> {
  const metrics = await gateway.scrape();
  return {
    toBackend: metrics.sum("bytes_client_to_backend"),
    toClient: metrics.sum("bytes_backend_to_client"),
  };
}

/** Calm exchanges: each is answered whole, and its bytes are counted exactly. */
async function runCalm(setup: Setup): Promise<void> {
  const { chaos, gateway, port } = setup;
  const { ledger } = chaos;
  const before = await counted(gateway);
  const seen = { toBackend: ledger.requestBytesAtBackend, toClient: ledger.responseBytesAtClient };
  const whole = ledger.outcomes.get("whole") ?? 0;
  await chaos.run(port, CALM, "calm");
  await quiet(setup);
  const after = await counted(gateway);
  assert.equal((ledger.outcomes.get("whole") ?? 0) - whole, CALM, ledger.summary());
  assert.equal(after.toBackend - before.toBackend, ledger.requestBytesAtBackend - seen.toBackend);
  assert.equal(after.toClient - before.toClient, ledger.responseBytesAtClient - seen.toClient);
}

/** What was counted lies between what was sent and what arrived: resets destroy bytes on the way. */
function assertBytes({ toBackend, toClient }: Moved, ledger: Ledger): void {
  const { requestBytesSent, requestBytesAtBackend, responseBytesSent, responseBytesAtClient } = ledger;
  assert.ok(requestBytesAtBackend <= toBackend && toBackend <= requestBytesSent, `${toBackend} to backends`);
  assert.ok(responseBytesAtClient <= toClient && toClient <= responseBytesSent, `${toClient} to clients`);
}

/** One half of the wild exchanges, then calm ones; what the worker holds when all is quiet again. */
async function runHalf(setup: Setup, worker: number): Promise<number> {
  await setup.chaos.run(setup.port, Math.ceil(REQUESTS / 2), "wild");
  assert.deepEqual(setup.chaos.ledger.violations, []);
  await quiet(setup);
  await runCalm(setup);
  return rssBytes(worker);
}

describe("chaos", { timeout: TIMEOUT_MS }, () => {
  it(`on both sides over ${REQUESTS} requests, seed ${SEED}`, async (t) => {
    const setup = await setUp(t);
    const { chaos, gateway } = setup;
    const { ledger } = chaos;
    const worker = gateway.workers()[0] ?? gateway.pid;
    t.after(() => t.diagnostic(ledger.summary()));
    await runCalm(setup);
    const descriptors = openDescriptors(worker);
    const firstBytes = await runHalf(setup, worker);
    const growthBytes = (await runHalf(setup, worker)) - firstBytes;
    t.diagnostic(`RSS ${Math.round(firstBytes / MIB)} MiB, then ${(growthBytes / MIB).toFixed(1)} MiB more`);
    assert.ok(ledger.metClosing <= ledger.silentCloses, ledger.summary());
    assertBytes(await counted(gateway), ledger);
    await waitFor("the descriptors to be closed", () => openDescriptors(worker) <= descriptors);
    assert.equal(gateway.workers()[0] ?? gateway.pid, worker, "the worker lives");
    assert.ok(growthBytes < MAX_GROWTH_BYTES, `grew by ${growthBytes / MIB} MiB`);
  });
});
