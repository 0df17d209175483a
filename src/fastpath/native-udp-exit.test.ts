/** Native datagram sockets whose environment ends in the middle of their traffic: a worker thread that is terminated, a process that exits. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { Clock } from "../base/clock.ts";
import { loadNativeAddon } from "./native-addon.ts";
import { NativeUdp } from "./native-udp.ts";
import { openDescriptors } from "./transport-peers.contract.ts";
import { UdpRecorder, pathTo, stage } from "./udp-peers.contract.ts";

const SELF = fileURLToPath(import.meta.url);
/** Says to a process that it is the one that exits. */
const CHILD = "EXPRESSGATEWAY_TEST_UDP_EXIT";
const EXIT_CODE = 7;
const SOCKETS = 8;
/** Datagrams before the end: everything is under way by then. */
const DATAGRAMS = 500;
const BOUND = { timeout: 60_000 };

/** Sockets that answer one another, until they are ended from within or from outside. */
async function traffic(onDatagrams: () => void): Promise<void> {
  const load = loadNativeAddon();
  assert.ok(load.kind === "loaded");
  const sockets = new NativeUdp(new Clock(), load.addon);
  let count = 0;
  for (let i = 0; i < SOCKETS; i++) {
    const near = await sockets.bind({ host: "127.0.0.1", port: 0, reusePort: true, bufferBytes: 1 << 20 });
    const far = await sockets.bind({ host: "127.0.0.1", port: 0, reusePort: true, bufferBytes: 1 << 20 });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      const own = new UdpRecorder();
      const path = pathTo("127.0.0.1", to.local.port);
      own.onArrival = () => {
        stage(from, path, Buffer.alloc(1200));
        count += 1;
        if (count === DATAGRAMS) onDatagrams();
      };
      from.receive(own);
      stage(from, path, Buffer.alloc(12_000), 1200);
      from.flush();
    }
  }
}

function testExits(): void {
  test("a worker thread that is terminated ends alone, and leaves no socket", BOUND, async () => {
    const before = openDescriptors();
    for (let round = 0; round < 5; round++) {
      const worker = new Worker(SELF);
      await once(worker, "message");
      const [code] = (await Promise.all([once(worker, "exit"), worker.terminate()]))[0] as [number];
      assert.equal(code, 1, "as a terminated thread ends");
    }
    assert.ok(openDescriptors() <= before, `${openDescriptors()} descriptors, ${before} before`);
  });

  test("a process that exits from within a call exits in order", BOUND, async () => {
    const child = spawn(process.execPath, [SELF], {
      env: { ...process.env, [CHILD]: "yes" },
      stdio: ["ignore", "ignore", "inherit"],
    });
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    assert.deepEqual([code, signal], [EXIT_CODE, null]);
  });
}

const load = loadNativeAddon();
if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  await traffic(() => port.postMessage("flowing"));
} else if (process.env[CHILD] !== undefined) {
  await traffic(() => process.exit(EXIT_CODE));
} else if (load.kind === "loaded") {
  testExits();
} else {
  test("native datagram sockets", { skip: load.reason }, () => {});
}
