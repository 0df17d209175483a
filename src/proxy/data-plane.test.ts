import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { connect } from "node:tls";
import { Worker } from "node:worker_threads";
import { HOST, freePort } from "../../test/support/addresses.ts";
import { CertificateAuthority } from "../../test/support/certificates.ts";
import { get } from "../../test/support/memory-http.ts";
import { memoryPlan, type PlanSpec } from "../../test/support/memory-plan.ts";
import { secureListener } from "../../test/support/memory-tls.ts";
import { RawClient } from "../../test/support/raw-client.ts";
import { statusOf } from "../../test/support/strict-http1.ts";
import { waitFor } from "../../test/support/wait-for.ts";
import { silentLog } from "../base/log.ts";
import { TICKET_KEY_BYTES } from "../fastpath/tls.ts";
import { BindError, DataPlane } from "./data-plane.ts";
import { ListenerTlsError } from "./generation.ts";
import type { Plan } from "./plan.ts";
import { initRegion, regionBytes } from "./state/layout.ts";
import { Stripe } from "./state/stripe.ts";

const BOUND = { timeout: 30_000 };

function dataPlane(context: TestContext): DataPlane {
  const region = new ArrayBuffer(regionBytes(1));
  initRegion(region, { workers: 1, seed: Int32Array.of(1, 2) });
  const made = new DataPlane({ stripe: new Stripe(region, 0), transport: "net", log: silentLog });
  context.after(() => made.stop());
  return made;
}

interface Origin {
  readonly address: string;
  readonly sockets: Socket[];
}

/** A backend that answers every read with its name, or with nothing when it has none. */
async function origin(context: TestContext, name: string): Promise<Origin> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", () => {
      if (name !== "") socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`);
    });
  });
  server.listen(0, HOST);
  await once(server, "listening");
  context.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  return {
    address: `${HOST}:${typeof address === "object" && address !== null ? address.port : 0}`,
    sockets,
  };
}

/** A backend in a thread of its own, which answers while this one is held up. */
async function otherThread(context: TestContext, delayMs: number): Promise<string> {
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
    const server = require("node:http").createServer((request, response) => {
      parentPort.postMessage("asked");
      setTimeout(() => response.end("late"), ${delayMs});
    });
    server.listen(0, "${HOST}", () => parentPort.postMessage(server.address().port));`,
    { eval: true },
  );
  context.after(() => worker.terminate());
  const [port] = await once(worker, "message");
  return `${HOST}:${port}`;
}

/** A plan with a listener on each of these ports, all with the same routes. */
function planOn(ports: readonly number[], generation: number, spec: PlanSpec): Plan {
  const plan = memoryPlan({ ...spec, generation });
  const [listener] = plan.listeners;
  assert.ok(listener !== undefined);
  return {
    ...plan,
    listeners: ports.map((port) => ({
      ...listener,
      name: `p${port}`,
      address: `${HOST}:${port}`,
      host: HOST,
      port,
    })),
    routes: plan.routes.map((route) => ({
      ...route,
      listeners: ports.map((_, index) => index),
      metrics: ports.map(() => route.metrics[0] as (typeof route.metrics)[number]),
    })),
  };
}

async function bodyFrom(client: RawClient): Promise<string> {
  return (await client.request(get("/"))).body.toString();
}

test("a plan is bound when it is prepared, and serves when it is committed", BOUND, async (context) => {
  const plane = dataPlane(context);
  const { address } = await origin(context, "a");
  const port = await freePort();
  const plan = planOn([port], 1, { services: { app: [address] } });
  assert.deepEqual({ ...(await plane.prepare(plan)) }, { [`p${port}`]: port });
  plane.commit(1);
  const client = await RawClient.connect(port);
  assert.equal(await bodyFrom(client), "a");
  assert.equal(plane.openConnections, 1);
  client.destroy();
  await waitFor("the connection to end", () => plane.openConnections === 0);
});

test("port 0 is answered with the real one", BOUND, async (context) => {
  const plane = dataPlane(context);
  const { address } = await origin(context, "a");
  const ports = await plane.prepare(planOn([0], 1, { services: { app: [address] } }));
  plane.commit(1);
  const client = await RawClient.connect(ports["p0"] ?? 0);
  assert.equal(await bodyFrom(client), "a");
  client.destroy();
});

test("a reload keeps what stays, opens what is new and closes what goes", BOUND, async (context) => {
  const plane = dataPlane(context);
  const [a, b] = [await origin(context, "a"), await origin(context, "b")];
  const [stays, goes, comes] = [await freePort(), await freePort(), await freePort()];
  await plane.prepare(planOn([stays, goes], 1, { services: { app: [a.address] } }));
  plane.commit(1);
  const client = await RawClient.connect(stays);
  const leaving = await RawClient.connect(goes);
  assert.deepEqual([await bodyFrom(client), await bodyFrom(leaving)], ["a", "a"]);
  await plane.prepare(planOn([stays, comes], 2, { services: { app: [b.address] } }));
  assert.equal(await bodyFrom(client), "a", "prepared is not live");
  plane.commit(2);
  assert.equal(await bodyFrom(client), "b", "the same connection, the new plan");
  const fresh = await RawClient.connect(comes);
  assert.equal(await bodyFrom(fresh), "b");
  assert.equal(await leaving.closed(), "fin", "told by FIN, when it rested long enough");
  await waitFor("the old port to refuse", () =>
    RawClient.connect(goes).then(
      (late) => (late.destroy(), false),
      () => true,
    ),
  );
  client.destroy();
  fresh.destroy();
});

test(
  "a plan that cannot be bound leaves nothing bound, and the one before serves on",
  BOUND,
  async (context) => {
    const plane = dataPlane(context);
    const { address } = await origin(context, "a");
    const [port, other] = [await freePort(), await freePort()];
    const spec = { services: { app: [address] } };
    await plane.prepare(planOn([port], 1, spec));
    plane.commit(1);
    const taken = createServer();
    taken.listen(0, HOST);
    await once(taken, "listening");
    context.after(() => taken.close());
    const used = taken.address();
    const busy = typeof used === "object" && used !== null ? used.port : 0;
    await assert.rejects(plane.prepare(planOn([port, other, busy], 2, spec)), (error) => {
      assert.ok(error instanceof BindError);
      assert.equal(error.code, "EADDRINUSE");
      assert.equal(error.listener, `p${busy}`);
      return true;
    });
    plane.commit(2);
    const again = createServer();
    again.listen(other, HOST);
    await once(again, "listening");
    again.close();
    const client = await RawClient.connect(port);
    assert.equal(await bodyFrom(client), "a");
    client.destroy();
  },
);

test("a plan whose access log cannot be opened is refused", BOUND, async (context) => {
  const plane = dataPlane(context);
  const { address } = await origin(context, "a");
  const accessLog = { enabled: true, path: "/nowhere/at/all" };
  const plan = planOn([await freePort()], 1, { services: { app: [address] }, accessLog });
  await assert.rejects(plane.prepare(plan), { code: "ENOENT" });
});

test("an aborted plan is forgotten", BOUND, async (context) => {
  const plane = dataPlane(context);
  const { address } = await origin(context, "a");
  const port = await freePort();
  await plane.prepare(planOn([port], 1, { services: { app: [address] } }));
  await plane.abort(7);
  await plane.abort(1);
  plane.commit(1);
  await assert.rejects(RawClient.connect(port));
});

test("the answer of a deadline goes out although nothing else happens", BOUND, async (context) => {
  const plane = dataPlane(context);
  const silent = await origin(context, "");
  const port = await freePort();
  const spec: PlanSpec = {
    services: { app: [silent.address] },
    pool: { maxPerBackend: 1 },
    runtime: { connectTimeoutMs: 300 },
  };
  await plane.prepare(planOn([port], 1, spec));
  plane.commit(1);
  const first = await RawClient.connect(port);
  first.send(get("/"));
  await waitFor("the first request to arrive", () => silent.sockets.length === 1);
  const second = await RawClient.connect(port);
  assert.equal(statusOf(await second.request(get("/"), { timeoutMs: 3000 })), 503);
  first.destroy();
  second.destroy();
});

test(
  "a drain lets requests end, closes the rest, and resolves when nobody is left",
  BOUND,
  async (context) => {
    const plane = dataPlane(context);
    const silent = await origin(context, "");
    const port = await freePort();
    await plane.prepare(planOn([port], 1, { services: { app: [silent.address] } }));
    plane.commit(1);
    const busy = await RawClient.connect(port);
    busy.send(get("/"));
    const idle = await RawClient.connect(port);
    await waitFor("the request to arrive", () => silent.sockets.length === 1);
    const drained = plane.drain();
    assert.equal(await idle.closed(), "fin");
    silent.sockets[0]?.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert.equal((await busy.readResponse()).body.toString(), "ok");
    assert.equal(await busy.closed(), "fin");
    busy.destroy();
    idle.destroy();
    await drained;
    assert.equal(plane.openConnections, 0);
  },
);

test(
  "a stop cuts what is left, says how many, writes the log and leaves no descriptor",
  BOUND,
  async (context) => {
    const directory = mkdtempSync(join(tmpdir(), "data-plane-"));
    context.after(() => rmSync(directory, { recursive: true }));
    const path = join(directory, "access.log");
    const silent = await origin(context, "");
    const descriptors = (): number => readdirSync("/proc/self/fd").length;
    const before = descriptors();
    for (let round = 0; round < 3; round++) {
      const plane = dataPlane(context);
      const port = await freePort();
      const accessLog = { enabled: true, path };
      await plane.prepare(planOn([port], 1, { services: { app: [silent.address] }, accessLog }));
      plane.commit(1);
      const clients = [await RawClient.connect(port), await RawClient.connect(port)];
      clients[0]?.send(get(`/${round}`));
      await waitFor("the request to arrive", () => silent.sockets.length === round + 1);
      assert.equal(await plane.stop(), 1);
      for (const client of clients) await client.closed();
      for (const client of clients) client.destroy();
    }
    for (const socket of silent.sockets) socket.destroy();
    await waitFor("descriptors to be given back", () => descriptors() <= before);
    const lines = readFileSync(path, "utf8").trim().split("\n");
    assert.deepEqual(
      lines.map((line) => {
        const { path: asked, reason } = JSON.parse(line) as Record<string, unknown>;
        return [asked, reason];
      }),
      [
        ["/0", "drained"],
        ["/1", "drained"],
        ["/2", "drained"],
      ],
    );
  },
);

test(
  "settings of TLS that cannot be used refuse the plan, say why, and leave what runs alone",
  BOUND,
  async (t) => {
    const plane = dataPlane(t);
    const [port, other] = [await freePort(), await freePort()];
    const backend = await origin(t, "one");
    const services = { app: [backend.address] };
    await plane.prepare(planOn([port], 1, { services }));
    plane.commit(1);
    const bad = planOn([port, other], 2, { services, listener: secureListener() });
    await assert.rejects(plane.prepare(bad), (error) => {
      assert.ok(error instanceof ListenerTlsError);
      assert.equal(error.listener, `p${port}`);
      assert.match(error.message, /^listener "p\d+": TLS: \S/);
      return true;
    });
    const client = await RawClient.connect(port);
    assert.equal(statusOf(await client.request(get("/"))), 200);
    await assert.rejects(RawClient.connect(other));
    client.destroy();
  },
);

test(
  "a process that was held up beyond the drain budget still passes on what has come meanwhile",
  BOUND,
  async (t) => {
    const plane = dataPlane(t);
    const [goes, comes] = [await freePort(), await freePort()];
    const services = { app: [await otherThread(t, 2700)] };
    const listener = { drainTimeoutMs: 3000 };
    await plane.prepare(planOn([goes], 1, { services, listener }));
    plane.commit(1);
    const client = await RawClient.connect(goes);
    client.send(get("/"));
    await RawClient.connect(goes);
    await waitFor("both connections to be there", () => plane.openConnections === 2);
    await plane.prepare(planOn([comes], 2, { services, listener }));
    plane.commit(2);
    // The one at rest leaves early: the drain does nothing any more but wait for the other.
    await waitFor("the idle connection to end", () => plane.openConnections === 1);
    // Held up here, it comes to its timers before it comes to its sockets.
    await new Promise((resolve) => setImmediate(resolve));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
    const answer = await client.readResponse();
    assert.equal(`${statusOf(answer)} ${answer.body.toString()}`, "200 late");
  },
);

test("ticket keys reach the live listener and the one that is prepared, and no other", BOUND, async (t) => {
  const plane = dataPlane(t);
  const port = await freePort();
  const { certPem, keyPem } = new CertificateAuthority().issue({ names: ["app.example"] });
  const certificates = [{ certPem, keyPem, names: ["app.example"], ocsp: null }];
  const listener = secureListener({ certificates, ticketKeys: [Buffer.alloc(TICKET_KEY_BYTES, 1)] });
  await plane.prepare(planOn([port], 1, { listener }));
  plane.commit(1);
  const session = await handshake(port);
  assert.equal((await handshake(port, session)).resumed, true);
  await plane.prepare(planOn([port], 2, { listener }));
  plane.setTicketKeys(`${HOST}:${port}`, [Buffer.alloc(TICKET_KEY_BYTES, 2)]);
  plane.setTicketKeys("127.0.0.1:1", [Buffer.alloc(TICKET_KEY_BYTES, 3)]);
  assert.equal((await handshake(port, session)).resumed, false);
  const later = await handshake(port);
  plane.commit(2);
  assert.equal((await handshake(port, later)).resumed, true);
});

interface Handshake {
  readonly resumed: boolean;
  readonly ticket: Buffer;
}

/** One TLS 1.2 handshake, where the ticket is there when it is over; with the ticket of an earlier one, or none. */
async function handshake(port: number, earlier?: Handshake): Promise<Handshake> {
  const session = earlier === undefined ? {} : { session: earlier.ticket };
  const socket = connect({
    port,
    host: HOST,
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.2",
    servername: "app.example",
    ...session,
  });
  await once(socket, "secureConnect");
  const made = { resumed: socket.isSessionReused(), ticket: socket.getSession() ?? Buffer.alloc(0) };
  socket.destroy();
  return made;
}
