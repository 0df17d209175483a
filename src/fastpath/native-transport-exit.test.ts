/** A native transport whose environment ends in the middle of its traffic: a worker thread that is terminated, a process that exits. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Clock } from "../base/clock.ts";
import { loadNativeAddon, type NativeEngine } from "./native-addon.ts";
import { NativeTransport } from "./native-transport.ts";
import { openDescriptors } from "./transport-peers.contract.ts";
import type { ConnectionOwner } from "./transport.ts";

const SELF = fileURLToPath(import.meta.url);
const ENGINES: readonly NativeEngine[] = ["epoll", "io_uring"];
/** Names the engine of the process that exits. */
const CHILD = "EXPRESSGATEWAY_TEST_EXIT_ENGINE";
const EXIT_CODE = 7;
const CONNECTIONS = 20;
/** Events before the end: everything is under way by then. */
const EVENTS = 200;
const BOUND = { timeout: 60_000 };

/** Echoes between sockets of its own, until it is ended from within or from outside. */
async function traffic(engine: NativeEngine, onEvents: () => void): Promise<void> {
  const load = loadNativeAddon();
  assert.ok(load.kind === "loaded");
  const transport = new NativeTransport(new Clock(), load.addon, engine);
  const listener = await transport.bind({ host: "127.0.0.1", port: 0, reusePort: true });
  let events = 0;
  listener.accept({
    onAccept: (connection): ConnectionOwner => ({
      onConnect() {},
      onData(bytes, start, end) {
        transport.sendFrom(connection, bytes, start, end);
        events += 1;
        if (events >= EVENTS) onEvents();
      },
      onEnd() {},
      onDrain() {},
      onClose() {},
    }),
    onAcceptError() {},
  });
  const bytes = Buffer.alloc(50_000);
  for (let i = 0; i < CONNECTIONS; i++) {
    const socket = connect({ host: "127.0.0.1", port: listener.port });
    socket.on("data", () => socket.write(bytes));
    socket.on("error", () => {});
    socket.write(bytes);
  }
}

function testEngine(engine: NativeEngine): void {
  test(`${engine}: a worker thread that is terminated ends alone, and leaves nothing`, BOUND, async () => {
    const before = openDescriptors();
    for (let round = 0; round < 5; round++) {
      const worker = new Worker(SELF, { workerData: engine });
      await once(worker, "message");
      const [code] = (await Promise.all([once(worker, "exit"), worker.terminate()]))[0] as [number];
      assert.equal(code, 1, "as a terminated thread ends");
    }
    assert.ok(openDescriptors() <= before, `${openDescriptors()} descriptors, ${before} before`);
  });

  test(`${engine}: a process that exits from within a call exits in order`, BOUND, async () => {
    const child = spawn(process.execPath, [SELF], {
      env: { ...process.env, [CHILD]: engine },
      stdio: ["ignore", "ignore", "inherit"],
    });
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    assert.deepEqual([code, signal], [EXIT_CODE, null]);
  });
}

const load = loadNativeAddon();
const childEngine = process.env[CHILD];
if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  await traffic(workerData as NativeEngine, () => port.postMessage("flowing"));
} else if (childEngine !== undefined) {
  await traffic(childEngine as NativeEngine, () => process.exit(EXIT_CODE));
} else {
  for (const engine of ENGINES) {
    const reason = load.kind === "loaded" ? load.addon.transportProbe(engine) : load.reason;
    if (reason === "") testEngine(engine);
    else test(`${engine} does not run here`, { skip: reason }, () => {});
  }
}
