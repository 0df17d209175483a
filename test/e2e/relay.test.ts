/** A listener of protocol `tls`: TLS ends at the gateway, and the bytes in it go to a TCP backend as they are. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp, createServer, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { freePort, HOST } from "../support/addresses.ts";
import { Gateway } from "../support/gateway.ts";
import { SecureSite } from "../support/secure-listener.ts";
import { waitFor, within } from "../support/wait-for.ts";

interface TcpBackend {
  readonly address: string;
  readonly sockets: Socket[];
}

async function tcpBackend(t: TestContext, serve: (socket: Socket) => void): Promise<TcpBackend> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    serve(socket);
  });
  const port = await freePort();
  server.listen(port, HOST);
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { address: `${HOST}:${port}`, sockets };
}

interface Setup {
  readonly gateway: Gateway;
  /** The TCP connections of the clients, in order. */
  readonly raws: Socket[];
  client(): Promise<TLSSocket>;
}

async function start(
  t: TestContext,
  backends: readonly string[],
  runtime: Readonly<Record<string, unknown>> = {},
): Promise<Setup> {
  const site = new SecureSite(t);
  const port = await freePort();
  const listener = site.listener(
    port,
    backends.map((address) => ({ address, protocol: "tcp" })),
    { protocol: "tls" },
  );
  const gateway = await Gateway.start(t, {
    listeners: [listener],
    observability: { access_log: { enabled: true, path: "stdout" } },
    runtime,
  });
  const raws: Socket[] = [];
  const client = async (): Promise<TLSSocket> => {
    const raw = connectTcp({ port, host: HOST });
    raws.push(raw);
    const socket = connect({
      socket: raw,
      servername: "app.example",
      ca: site.authority.rootPem,
    });
    socket.on("error", () => undefined);
    t.after(() => void socket.destroy());
    await within("a TLS handshake", 10_000, once(socket, "secureConnect"));
    return socket;
  };
  return { gateway, raws, client };
}

/** Everything until the end of the stream. */
async function readAll(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  await within("the end of the stream", 20_000, once(socket, "end"));
  return Buffer.concat(parts);
}

/** The connection is gone, in whatever way. */
async function closed(socket: Socket): Promise<void> {
  if (socket.closed) return;
  await within(
    "the connection to end",
    10_000,
    new Promise<void>((resolve) => void socket.once("close", () => resolve())),
  );
}

describe("a TLS listener before TCP backends", { timeout: 90_000 }, () => {
  it("relays in both directions, each until its own end", async (t) => {
    const backend = await tcpBackend(t, (socket) => {
      socket.write("hello ");
      socket.pipe(socket);
    });
    const { gateway, client } = await start(t, [backend.address]);
    const socket = await client();
    const body = randomBytes(5_000_000);
    const answered = readAll(socket);
    socket.end(body);
    const answer = await answered;
    assert.ok(answer.equals(Buffer.concat([Buffer.from("hello "), body])));
    const { fields } = await gateway.waitForLog(
      "the connection",
      (line) => line.fields["protocol"] === "TLS",
    );
    assert.equal(fields["request_bytes"], body.length);
    assert.equal(fields["response_bytes"], answer.length);
    assert.equal(fields["host"], "app.example");
    assert.equal(fields["backend"], backend.address);
    assert.equal("reason" in fields, false);
    const metrics = await gateway.metric(
      "the end of it",
      (now) => now.sum("connections_inflight") === 0 && now.sum("bytes_client_to_backend") === body.length,
    );
    assert.equal(metrics.sum("bytes_backend_to_client"), answer.length);
    assert.equal(metrics.sum("backend_connections"), 0);
  });

  it("takes turns among backends, and passes by one that is not there", async (t) => {
    const backend = await tcpBackend(t, (socket) => socket.end("served"));
    const { client, gateway } = await start(t, [`${HOST}:${await freePort()}`, backend.address]);
    for (let i = 0; i < 4; i++) {
      const socket = await client();
      assert.equal((await readAll(socket)).toString(), "served");
      socket.end();
    }
    const metrics = await gateway.metric(
      "failed dials",
      (now) => now.sum("backend_faults_total", { code: "connect_refused" }) > 0,
    );
    assert.equal(metrics.sum("http_faults_total"), 0);
  });

  it("resets a client that no backend can be had for, and says why in the log", async (t) => {
    const { client, gateway } = await start(t, [`${HOST}:${await freePort()}`]);
    const socket = await client();
    await closed(socket);
    const { fields } = await gateway.waitForLog(
      "the connection",
      (line) => line.fields["protocol"] === "TLS",
    );
    assert.equal(fields["reason"], "connect_refused");
  });

  it("passes on that one side has broken off", async (t) => {
    const backend = await tcpBackend(t, () => undefined);
    const { client, gateway, raws } = await start(t, [backend.address]);
    await client();
    await waitFor("the backend's connection", () => backend.sockets.length === 1);
    const broken = once(backend.sockets[0] as Socket, "error");
    raws[0]?.resetAndDestroy();
    const [error] = (await within("an error at the backend", 5000, broken)) as [NodeJS.ErrnoException];
    assert.equal(error.code, "ECONNRESET");
    const second = await client();
    await waitFor("the backend's connection", () => backend.sockets.length === 2);
    const ended = closed(second);
    backend.sockets[1]?.resetAndDestroy();
    await ended;
    await gateway.metric("both", (now) => now.sum("http_faults_total") === 2);
  });

  it("holds a writer back when nobody reads", async (t) => {
    const backend = await tcpBackend(t, (socket) => socket.pause());
    const { client } = await start(t, [backend.address]);
    const socket = await client();
    const part = Buffer.alloc(256 * 1024);
    let written = 0;
    let drained = true;
    socket.on("drain", () => (drained = true));
    await waitFor(
      "the writer to be held back",
      async () => {
        for (let i = 0; i < 50 && drained; i++) {
          written += part.length;
          drained = socket.write(part);
        }
        const before = written;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return !drained && written === before;
      },
      { timeoutMs: 15_000 },
    );
    assert.ok(written < 64 * 1024 * 1024, `${written} bytes were taken`);
    let received = 0;
    backend.sockets[0]?.on("data", (bytes: Buffer) => (received += bytes.length));
    backend.sockets[0]?.resume();
    socket.end();
    await waitFor("all of it", () => received === written, { timeoutMs: 20_000 });
  });

  it("gives relays the drain budget, then cuts them", async (t) => {
    const backend = await tcpBackend(t, (socket) => socket.pipe(socket));
    const { client, gateway } = await start(t, [backend.address], {
      drain_timeout_ms: 1500,
      drain_jitter_ms: 0,
    });
    const socket = await client();
    await waitFor("the backend's connection", () => backend.sockets.length === 1);
    gateway.kill("SIGTERM");
    await waitFor("/readyz to answer 503", async () => (await gateway.admin("/readyz")).status === 503);
    const echoed = once(socket, "data");
    socket.write("still here");
    const [part] = (await within("an echo", 5000, echoed)) as [Buffer];
    assert.equal(part.toString(), "still here");
    await closed(socket);
    assert.equal(await gateway.exited(), 0);
  });
});
