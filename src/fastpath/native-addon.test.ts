import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, connect, type Socket } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import {
  loadNativeAddon,
  type NativeAddon,
  PROBE_CLOSED,
  PROBE_QUIET,
  PROBE_UNEXPECTED_BYTES,
} from "./native-addon.ts";

const load = loadNativeAddon();
const options = { skip: load.kind === "missing" ? load.reason : false, timeout: 20_000 };
const ADDON_URL = new URL("./native-addon.ts", import.meta.url).href;

function addon(): NativeAddon {
  assert.equal(load.kind, "loaded");
  return load.addon;
}

/** A child that runs `script` as a module; it is gone when the test is. */
function runModule(context: TestContext, script: string): ReturnType<typeof spawn> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  context.after(() => child.kill("SIGKILL"));
  return child;
}

function descriptorOf(socket: Socket): number {
  return (socket as unknown as { _handle: { fd: number } })._handle.fd;
}

/** The accepted side of a loopback connection, which nobody reads from, and its peer. */
async function connectionPair(context: TestContext): Promise<{ quiet: Socket; peer: Socket }> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const peer = connect(address.port, "127.0.0.1");
  const [[quiet]] = (await Promise.all([once(server, "connection"), once(peer, "connect")])) as [
    [Socket],
    unknown,
  ];
  context.after(() => {
    for (const socket of [quiet, peer]) socket.destroy();
    server.close();
  });
  return { quiet, peer };
}

test("without the addon there is a reason instead", () => {
  const missing = loadNativeAddon("/nonexistent/expressgateway.node");
  assert.equal(missing.kind, "missing");
  assert.match(missing.reason, /nonexistent/);
  assert.ok(!missing.reason.includes("\n"));
});

test("it was built with the headers of the runtime that runs it", options, () => {
  assert.equal(addon().builtForNode, process.versions.node);
  assert.equal(String(addon().builtForModules), process.versions.modules);
});

test(
  "it loads in a worker thread, and the thread's end leaves the memory of others alone",
  options,
  async () => {
    const fd = addon().createSharedMemory("test", 4096);
    const ours = new Uint8Array(addon().mapSharedMemory(fd, 4096));
    const thread = new Worker(
      `import { workerData } from "node:worker_threads";
     const { nativeAddon } = await import(workerData.url);
     new Uint8Array(nativeAddon().mapSharedMemory(workerData.fd, 4096))[7] = 42;`,
      { eval: true, workerData: { url: ADDON_URL, fd } },
    );
    const [code] = (await once(thread, "exit")) as [number];
    addon().closeDescriptor(fd);
    assert.equal(code, 0);
    assert.equal(ours[7], 42);
  },
);

test("arguments of another type are refused, not read", options, () => {
  const loose = addon() as unknown as Record<string, (...args: unknown[]) => unknown>;
  assert.throws(() => loose["mapSharedMemory"]?.("x", 1), /bad argument: fd/);
  assert.throws(() => loose["createSharedMemory"]?.("x", Number.NaN), /bad argument: bytes/);
  assert.throws(() => loose["bindTcp"]?.(), /bad argument: options/);
  assert.throws(() => loose["bindTcp"]?.({ host: "127.0.0.1" }), /bad argument: port/);
  assert.throws(() => loose["notifySocket"]?.("/x"), /bad argument: message/);
});

test("a probe tells a quiet connection from one that has ended or spoken", options, async (t) => {
  const spoken = await connectionPair(t);
  assert.equal(addon().idleProbe(descriptorOf(spoken.quiet)), PROBE_QUIET);
  spoken.peer.write("HTTP/1.1 408 Request Timeout\r\n");
  while (addon().idleProbe(descriptorOf(spoken.quiet)) === PROBE_QUIET) await turn();
  assert.equal(addon().idleProbe(descriptorOf(spoken.quiet)), PROBE_UNEXPECTED_BYTES);
  assert.equal(addon().idleProbe(descriptorOf(spoken.quiet)), PROBE_UNEXPECTED_BYTES, "the byte was left");

  const ended = await connectionPair(t);
  ended.peer.end();
  while (addon().idleProbe(descriptorOf(ended.quiet)) === PROBE_QUIET) await turn();
  assert.equal(addon().idleProbe(descriptorOf(ended.quiet)), PROBE_CLOSED);

  const aborted = await connectionPair(t);
  aborted.peer.resetAndDestroy();
  while (addon().idleProbe(descriptorOf(aborted.quiet)) === PROBE_QUIET) await turn();
  assert.equal(addon().idleProbe(descriptorOf(aborted.quiet)), PROBE_CLOSED);
  assert.equal(addon().idleProbe(-1), PROBE_CLOSED);
});

test("a process that asked for it dies with its parent", options, async (t) => {
  const orphan = `
    const { nativeAddon } = await import(${JSON.stringify(ADDON_URL)});
    nativeAddon().setParentDeathSignal(9);
    console.log("ready");
    setInterval(() => {}, 1000);`;
  const parent = runModule(
    t,
    `import { spawn } from "node:child_process";
     spawn(process.execPath, ["--input-type=module", "-e", ${JSON.stringify(orphan)}], { stdio: "inherit" });
     setInterval(() => {}, 1000);`,
  );
  assert.ok(parent.stdout);
  const closed = once(parent.stdout, "close");
  await once(createInterface(parent.stdout), "line");
  parent.kill("SIGKILL");
  // Both hold the pipe: it closes when neither lives.
  await closed;
});

test("limits and processors are those of the process", options, () => {
  const [, soft, hard] =
    /^Max open files\s+(\S+)\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
  assert.deepEqual(addon().openFileLimit(), { soft: Number(soft), hard: Number(hard) });
  assert.equal(addon().affinityCount(), availableParallelism());
});

const PYTHON = "/usr/bin/python3";
const notifyOptions = { ...options, skip: options.skip || (existsSync(PYTHON) ? false : "needs python3") };

for (const kind of ["path", "abstract"]) {
  test(`a notification reaches a datagram socket (${kind})`, notifyOptions, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "notify-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = kind === "path" ? join(folder, "socket") : `@expressgateway-test-${process.pid}`;
    const receiver = spawn(
      PYTHON,
      [
        "-c",
        `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace("@", chr(0), 1))
print("bound", flush=True)
print(s.recv(100).decode(), flush=True)`,
        path,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    t.after(() => receiver.kill("SIGKILL"));
    const lines = createInterface(receiver.stdout)[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, "bound");
    addon().notifySocket(path, "READY=1");
    assert.equal((await lines.next()).value, "READY=1");
  });
}

test("a notification that nobody takes is an error with a code", options, () => {
  assert.throws(() => addon().notifySocket("/nonexistent/socket", "READY=1"), {
    code: "ENOENT",
    syscall: "sendto",
  });
  assert.throws(() => addon().notifySocket("x".repeat(200), "READY=1"), { code: "ENAMETOOLONG" });
});

test("V8 collects the sooner for memory that it is told of", options, async () => {
  const STEP = 4_000_000;
  let collected = 0;
  const registry = new FinalizationRegistry(() => (collected += 1));
  let objects: object[] | null = Array.from({ length: 100 }, (_, i) => ({ i }));
  for (const object of objects) registry.register(object, null);
  // They grow old: short collections do not look at them any more.
  for (let round = 0; round < 4; round++) Array.from({ length: 300_000 }, (_, i) => ({ i }));
  objects = null;
  await turn();
  assert.equal(collected, 0);
  let told = 0;
  for (; told < 250 && collected === 0; told++) {
    addon().adjustExternalMemory(STEP);
    Array.from({ length: 3000 }, (_, i) => ({ i }));
    await turn();
  }
  for (let i = 0; i < told; i++) addon().adjustExternalMemory(-STEP);
  assert.ok(collected > 0, `${(told * STEP) / 1e6} MB`);
  assert.throws(() => addon().adjustExternalMemory("much" as unknown as number), /bad argument: bytes/);
});
