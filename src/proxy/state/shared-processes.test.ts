/**
 * The shared region between real processes. The file runs itself as the worker processes: with
 * `worker INDEX BYTES` as arguments it maps descriptor 4 and obeys messages.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { loadNativeAddon } from "../../fastpath/native-addon.ts";
import { createSharedMemory, mapSharedMemory } from "../../fastpath/shared-memory.ts";
import { initRegion, regionBytes } from "./layout.ts";
import { Region } from "./region.ts";
import { Stripe, WORKER_READY } from "./stripe.ts";

const WORKERS = 2;
const MEMORY_FD = 4;
const SLOT = 1000;
const GAUGE = 1001;
const IP = "192.0.2.1";
const CAP = 500;
const TIMEOUT_MS = 20_000;

type Task = "count" | "fill" | "hold";

interface Worker {
  readonly child: ChildProcess;
  ask(task: Task): Promise<number>;
}

function serve(index: number, bytes: number): void {
  const stripe = new Stripe(mapSharedMemory(MEMORY_FD, bytes).buffer, index);
  stripe.setPid(process.pid);
  process.on("message", (task: Task) => process.send?.(perform(stripe, task)));
  process.send?.(0);
}

function perform(stripe: Stripe, task: Task): number {
  switch (task) {
    case "count":
      for (let i = 0; i < 1_000_000; i++) (stripe.counters[SLOT] as number) += 1;
      return stripe.counters[SLOT] ?? 0;
    case "fill": {
      let admitted = 0;
      for (let i = 0; i < 50_000; i++) if (stripe.perIp.acquire(IP, CAP) > 0) admitted += 1;
      return admitted;
    }
    case "hold":
      stripe.setFlags(WORKER_READY);
      stripe.beat(1);
      stripe.counters[GAUGE] = 7;
      return stripe.perIp.acquire(IP, CAP);
  }
}

async function start(context: TestContext): Promise<{ buffer: ArrayBuffer; workers: Worker[] }> {
  const bytes = regionBytes(WORKERS);
  const { buffer, fd } = createSharedMemory(bytes);
  assert.ok(fd !== null);
  initRegion(buffer, { workers: WORKERS, seed: Int32Array.of(5, 6) });
  const workers = Array.from({ length: WORKERS }, (_, index) => spawnWorker(context, { index, bytes, fd }));
  const started = await Promise.all(workers);
  closeSync(fd);
  return { buffer, workers: started };
}

async function spawnWorker(
  context: TestContext,
  { index, bytes, fd }: { index: number; bytes: number; fd: number },
): Promise<Worker> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(import.meta.url), "worker", String(index), String(bytes)],
    { stdio: ["ignore", "inherit", "inherit", "ipc", fd] },
  );
  context.after(() => child.kill("SIGKILL"));
  await once(child, "message");
  return {
    child,
    async ask(task) {
      child.send(task);
      const [answer] = (await once(child, "message")) as [number];
      return answer;
    },
  };
}

const load = loadNativeAddon();

if (process.argv[2] === "worker") {
  serve(Number(process.argv[3]), Number(process.argv[4]));
} else {
  const skip = load.kind === "missing" ? load.reason : false;

  test(
    "two processes that add to one slot at once lose nothing",
    { skip, timeout: TIMEOUT_MS },
    async (t) => {
      const { buffer, workers } = await start(t);
      await Promise.all(workers.map((worker) => worker.ask("count")));
      assert.equal(new Region(buffer).sum(SLOT), 2_000_000);
    },
  );

  test(
    "two processes that race for one address admit cap connections, no more, no fewer",
    { skip, timeout: TIMEOUT_MS },
    async (t) => {
      const { buffer, workers } = await start(t);
      const raced = await Promise.all(workers.map((worker) => worker.ask("fill")));
      // A tie for the last place may have refused both: whoever asks next, alone, gets it.
      const after = await workers[0]?.ask("fill");
      assert.equal(raced.reduce((sum, n) => sum + n, 0) + (after ?? 0), CAP);
      assert.equal(new Stripe(buffer, 0).perIp.count(IP), CAP);
    },
  );

  test(
    "what a killed process held is cleared, its counters stay",
    { skip, timeout: TIMEOUT_MS },
    async (t) => {
      const { buffer, workers } = await start(t);
      const [killed, other] = workers as [Worker, Worker];
      await Promise.all([killed.ask("count"), other.ask("count")]);
      await Promise.all([killed.ask("hold"), other.ask("hold")]);
      const region = new Region(buffer);
      const observer = new Stripe(buffer, 1);
      assert.equal(observer.perIp.count(IP), 2);
      const exited = once(killed.child, "exit");
      killed.child.kill("SIGKILL");
      await exited;
      assert.equal(region.flags(0), WORKER_READY, "nobody has cleared it yet");
      region.resetDeadWorker(0, [GAUGE]);
      assert.equal(region.sum(SLOT), 2_000_000);
      assert.equal(region.sum(GAUGE), 7);
      assert.equal(observer.perIp.count(IP), 1);
      assert.equal(region.flags(0), 0);
    },
  );
}
