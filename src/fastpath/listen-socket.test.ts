/**
 * Listening sockets, and how one that shares its port is closed without loss. The file runs itself
 * as the flood of clients: with `flood PORT` as arguments it opens connections until told to stop.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { LISTEN_BACKLOG, LISTENER_LINGER_MS } from "../base/limits.ts";
import { openListenSocket } from "./listen-socket.ts";
import { loadNativeAddon, type NativeAddon } from "./native-addon.ts";

const load = loadNativeAddon();
const options = { skip: load.kind === "missing" ? load.reason : false, timeout: 30_000 };
const HOST = "127.0.0.1";
const PARALLEL_CLIENTS = 64;

interface FloodResult {
  readonly served: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
}

function addon(): NativeAddon {
  assert.equal(load.kind, "loaded");
  return load.addon;
}

/** A bound socket; who serves on its descriptor owns it, else the test closes it. */
function open(port: number): { fd: number; port: number } {
  const socket = openListenSocket(addon(), { host: HOST, port, reusePort: true });
  assert.ok(socket);
  return socket;
}

/** A server on the descriptor that answers a request with its name and closes. */
async function serve(context: TestContext, fd: number, name: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(name));
  });
  server.listen({ fd, backlog: LISTEN_BACKLOG });
  await once(server, "listening");
  context.after(() => server.close());
  return server;
}

/** One request on a connection of its own; the name of the server that answered. */
async function request(port: number): Promise<string> {
  const socket = connect(port, HOST);
  socket.write("request");
  let answer = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    answer += text;
  });
  await once(socket, "close");
  return answer;
}

async function flood(port: number): Promise<void> {
  const served: Record<string, number> = {};
  const failures: string[] = [];
  const run = { stopped: false };
  process.once("message", () => {
    run.stopped = true;
  });
  const client = async (): Promise<void> => {
    while (!run.stopped) {
      try {
        const name = await request(port);
        served[name] = (served[name] ?? 0) + 1;
        if (name === "a" && served[name] === 200) process.send?.("warm");
      } catch (error) {
        failures.push((error as NodeJS.ErrnoException).code ?? "error");
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_CLIENTS }, client));
  process.send?.({ served, failures } satisfies FloodResult, () => process.disconnect?.());
}

/** Goes on accepting until nothing has waited for the linger time. */
async function lingerUntilEmpty(fd: number): Promise<void> {
  let quietSinceMs = performance.now();
  while (performance.now() - quietSinceMs < LISTENER_LINGER_MS) {
    if (addon().acceptQueueLength(fd) > 0) quietSinceMs = performance.now();
    await turn();
  }
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, HOST);
  await once(socket, "connect");
  return socket;
}

if (process.argv[2] === "flood") {
  await flood(Number(process.argv[3]));
} else {
  test("a bound socket does not listen yet", options, async () => {
    const { fd, port } = open(0);
    assert.ok(port > 0);
    await assert.rejects(connected(port), { code: "ECONNREFUSED" });
    addon().listen(fd, 8);
    assert.equal(addon().acceptQueueLength(fd), 0);
    const clients = await Promise.all([connected(port), connected(port), connected(port)]);
    assert.equal(addon().acceptQueueLength(fd), 3);
    for (const client of clients) client.on("error", () => {}).destroy();
    addon().closeDescriptor(fd);
  });

  test("only sockets that agree share a port", options, () => {
    const { fd, port } = open(0);
    addon().listen(fd, 8);
    const second = open(port);
    assert.equal(second.port, port);
    assert.throws(() => openListenSocket(addon(), { host: HOST, port, reusePort: false }), {
      code: "EADDRINUSE",
      syscall: "bind",
    });
    addon().closeDescriptor(second.fd);
    addon().closeDescriptor(fd);
  });

  test("both families, and no names", options, async (t) => {
    const socket = openListenSocket(addon(), { host: "::", port: 0, reusePort: false });
    assert.ok(socket);
    const server = await serve(t, socket.fd, "six");
    assert.equal((server.address() as AddressInfo).port, socket.port);
    assert.equal(await request(socket.port), "six", "an IPv4 client reaches it too");
    assert.throws(() => openListenSocket(addon(), { host: "localhost", port: 0, reusePort: false }), {
      code: "EINVAL",
    });
  });

  test(
    "a size of buffers bounds what the kernel takes for a client that does not read",
    options,
    async (t) => {
      const bufferBytes = 16_384;
      const taken = async (size: { bufferBytes?: number }): Promise<number> => {
        const socket = openListenSocket(addon(), { host: HOST, port: 0, reusePort: false, ...size });
        assert.ok(socket);
        const server = createServer().listen({ fd: socket.fd, backlog: LISTEN_BACKLOG });
        t.after(() => server.close());
        const client = connect(socket.port, HOST).pause();
        t.after(() => client.destroy());
        const [accepted] = (await once(server, "connection")) as [Socket];
        t.after(() => accepted.destroy());
        accepted.on("error", () => {});
        let written = 0;
        while (accepted.writableLength === 0) {
          accepted.write(Buffer.alloc(4096));
          written += 4096;
          await turn();
        }
        return written;
      };
      const fixed = await taken({ bufferBytes });
      const free = await taken({});
      assert.ok(free > 2 * fixed, `${free} and ${fixed} bytes`);
    },
  );

  test("without the addon there is no socket", () => {
    assert.equal(openListenSocket(null, { host: HOST, port: 0, reusePort: false }), null);
  });

  test(
    "after stopIncoming a new client waits for the next listener, old ones are still accepted",
    options,
    async (t) => {
      const closing = open(0);
      addon().listen(closing.fd, LISTEN_BACKLOG);
      const waiting = request(closing.port);
      while (addon().acceptQueueLength(closing.fd) === 0) await turn();
      addon().stopIncoming(closing.fd);
      const late = request(closing.port);
      const server = await serve(t, closing.fd, "closing");
      assert.equal(await waiting, "closing");
      server.close();
      await serve(t, open(closing.port).fd, "next");
      assert.equal(await late, "next");
    },
  );

  test("a listener that is closed under a flood loses no connection", options, async (t) => {
    const a = open(0);
    const closing = await serve(t, a.fd, "a");
    await serve(t, open(a.port).fd, "b");
    const clients = spawn(process.execPath, [fileURLToPath(import.meta.url), "flood", String(a.port)], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    t.after(() => clients.kill("SIGKILL"));
    assert.equal((await once(clients, "message"))[0], "warm");

    addon().stopIncoming(a.fd);
    await lingerUntilEmpty(a.fd);
    closing.close();

    await Promise.all([request(a.port), request(a.port)]);
    clients.send("stop");
    const [result] = (await once(clients, "message")) as [FloodResult];
    assert.deepEqual(result.failures, []);
    assert.deepEqual(Object.keys(result.served).sort(), ["a", "b"], "every answer was whole");
  });
}
