import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { test, type TestContext } from "node:test";
import { HOST } from "../../test/support/addresses.ts";
import { CertificateAuthority } from "../../test/support/certificates.ts";
import type { H3User } from "../../test/support/h3-user.ts";
import { type DialOptions, QuicUsers } from "../../test/support/quic-users.ts";
import { memoryPlan, type PlanSpec } from "../../test/support/memory-plan.ts";
import { waitFor } from "../../test/support/wait-for.ts";
import { type Log, silentLog } from "../base/log.ts";
import type { TransportKind } from "../fastpath/choose-transport.ts";
import { nativeAddon } from "../fastpath/native-addon.ts";
import { BindError, DataPlane } from "./data-plane.ts";
import { ListenerTlsError } from "./generation.ts";
import { GLOBAL_SLOTS } from "./global-slots.ts";
import type { Plan } from "./plan.ts";
import { HAND_OVER_SECRET_BYTES } from "./quic/hand-over-frame.ts";
import type { QuicIdentityPlan } from "./quic-plan.ts";
import { initRegion, regionBytes } from "./state/layout.ts";
import { Stripe } from "./state/stripe.ts";

const BOUND = { timeout: 30_000 };
const NAME = "app.example";

const TRANSPORTS: readonly TransportKind[] = nativeAddon() === null ? ["net"] : ["net", "epoll"];

/** Data planes of one gateway: workers in one process. */
class Workers {
  readonly #region: ArrayBuffer;
  readonly #context: TestContext;
  readonly planes: DataPlane[] = [];
  readonly stripes: Stripe[] = [];

  constructor(context: TestContext, places = 1) {
    this.#context = context;
    this.#region = new ArrayBuffer(regionBytes(places));
    initRegion(this.#region, { workers: places, seed: Int32Array.of(1, 2) });
  }

  start(transport: TransportKind = "net", log: Log = silentLog): DataPlane {
    const stripe = new Stripe(this.#region, this.planes.length);
    const plane = new DataPlane({ stripe, transport, log });
    this.#context.after(() => plane.stop());
    this.stripes.push(stripe);
    this.planes.push(plane);
    return plane;
  }

  count(slot: keyof typeof GLOBAL_SLOTS): number {
    return this.stripes.reduce((sum, { counters }) => sum + (counters[GLOBAL_SLOTS[slot]] ?? NaN), 0);
  }
}

interface Origin {
  readonly address: string;
  /** Requests to `/hold`, which wait for the test. */
  readonly held: ServerResponse[];
}

async function origin(context: TestContext): Promise<Origin> {
  const held: ServerResponse[] = [];
  const server: Server = createServer((request, response) => {
    if (request.url === "/hold") held.push(response);
    else response.end(`${request.url} ${String(request.headers["x-forwarded-proto"])}`);
  });
  server.listen(0, HOST);
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { address: `${HOST}:${port}`, held };
}

/** One that nobody listens on. */
async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, HOST);
  await once(socket, "listening");
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

class Scene {
  readonly authority = new CertificateAuthority();
  readonly identity: QuicIdentityPlan = this.identityFor(NAME);

  identityFor(...names: string[]): QuicIdentityPlan {
    return { ...this.authority.issue({ names }), names };
  }

  client(serverName = NAME): DialOptions {
    return { caPem: this.authority.rootPem, serverName };
  }

  plan(port: number, backend: string, spec: PlanSpec = {}): Plan {
    return memoryPlan({
      ...spec,
      services: spec.services ?? { app: [backend] },
      quic: { identities: [this.identity], ...spec.quic },
      listener: { host: HOST, port, address: `${HOST}:0`, ...spec.listener },
    });
  }
}

/** As if the control plane had been told these authorities, and this name, for every backend over TLS. */
function trusting(plan: Plan, caPem: string): Plan {
  const services = plan.services.map((service) => ({
    ...service,
    backends: service.backends.map((backend) => ({
      ...backend,
      tls: backend.tls && { ...backend.tls, caPem, serverName: NAME, verifyName: NAME },
    })),
  }));
  return { ...plan, services };
}

/** Takes the plan over; returns its port. */
async function live(plane: DataPlane, plan: Plan): Promise<number> {
  const ports = await plane.prepare(plan);
  plane.commit(plan.generation);
  return ports["web"] ?? 0;
}

for (const transport of TRANSPORTS) {
  test(`HTTP/3 is served in front of a backend of HTTP/1.1, over ${transport}`, BOUND, async (context) => {
    const workers = new Workers(context);
    const scene = new Scene();
    const { address } = await origin(context);
    const port = await live(workers.start(transport), scene.plan(0, address));
    const clients = await QuicUsers.open(context);
    const client = await clients.h3(port, scene.client());
    const answers = await Promise.all(["/a", "/b", "/c"].map((path) => client.ask(path)));
    assert.deepEqual(
      answers.map(({ status, body }) => `${status} ${body}`),
      ["200 /a https", "200 /b https", "200 /c https"],
    );
    assert.equal(workers.count("tls_handshakes_total"), 1);
    assert.equal(workers.count("connections_total"), 1);
    assert.equal(workers.count("quic_connections_total"), 1);
    assert.ok(workers.count("quic_octets_sent_total") > 1200);
  });
}

for (const transport of TRANSPORTS) {
  test(`HTTP/3 is spoken with clients and backends alike, over ${transport}`, BOUND, async (context) => {
    const scene = new Scene();
    const { address } = await origin(context);
    const behind = await live(new Workers(context).start(transport), scene.plan(0, address));
    const workers = new Workers(context);
    const plan = scene.plan(0, `h3://${HOST}:${behind}`);
    const port = await live(workers.start(transport), trusting(plan, scene.authority.rootPem));
    const clients = await QuicUsers.open(context);
    const client = await clients.h3(port, scene.client());
    const answers = await Promise.all(["/a", "/b"].map((path) => client.ask(path)));
    assert.deepEqual(
      answers.map(({ status, body }) => `${status} ${body}`),
      ["200 /a https", "200 /b https"],
    );
    assert.equal(workers.count("h3_upstream_connections"), 1);
  });

  test(`a raw proxy relays to a backend over QUIC, over ${transport}`, BOUND, async (context) => {
    const scene = new Scene();
    const { address } = await origin(context);
    const behind = await live(new Workers(context).start(transport), scene.plan(0, address));
    const workers = new Workers(context);
    const plane = workers.start(transport);
    // Of the two, one is not there.
    const plan = scene.plan(0, "", {
      quic: { alpn: [], rawProxy: { maxStreams: 64 }, identities: [scene.identity] },
      services: { app: [`quic://${HOST}:${await freeUdpPort()}`, `quic://${HOST}:${behind}`] },
      runtime: { connectTimeoutMs: 500 },
    });
    const port = await live(plane, trusting(plan, scene.authority.rootPem));
    const clients = await QuicUsers.open(context);
    const client = await clients.h3(port, scene.client());
    assert.equal((await client.ask("/through")).body, "/through https");
    assert.equal(workers.count("quic_modeb_connections"), 1);
    const [stripe] = workers.stripes;
    const slots = plan.services[0]?.backends.map(({ metrics }) => metrics) ?? [];
    assert.deepEqual(
      slots.map(({ inflight, connections }) => [stripe?.counters[inflight], stripe?.counters[connections]]),
      [
        [0, 0],
        [1, 1],
      ],
    );
    assert.equal(await plane.stop(), 1);
    await waitFor("the client to hear of it", () => client.closed !== null);
    assert.deepEqual([client.closed?.by, client.closed?.application], ["peer", false]);
    assert.equal(workers.count("quic_modeb_connections"), 0);
    assert.ok(slots.every(({ inflight }) => stripe?.counters[inflight] === 0));
  });
}

test("a client gets the certificate of the name that it asks for", BOUND, async (context) => {
  const scene = new Scene();
  const { address } = await origin(context);
  const identities = [
    scene.identity,
    scene.identityFor("*.shop.example"),
    scene.identityFor("eu.shop.example"),
  ];
  const port = await live(new Workers(context).start(), scene.plan(0, address, { quic: { identities } }));
  const clients = await QuicUsers.open(context);
  for (const [asked, shown] of [
    [NAME, NAME],
    ["us.shop.example", "*.shop.example"],
    ["eu.shop.example", "eu.shop.example"],
  ] as const) {
    const client = await clients.h3(port, scene.client(asked));
    assert.equal(client.certificateNames, `DNS:${shown}`);
  }
  const stranger = clients.beginH3(port, scene.client("a.b.shop.example"));
  await waitFor("the refusal", () => stranger.closed !== null);
  assert.equal(stranger.certificateNames, `DNS:${NAME}`);
});

test("a reload swaps the certificate for new connections, and the others go on", BOUND, async (context) => {
  const workers = new Workers(context);
  const scene = new Scene();
  const plane = workers.start();
  const { address } = await origin(context);
  const port = await live(plane, scene.plan(0, address));
  const clients = await QuicUsers.open(context);
  const before = await clients.h3(port, scene.client());
  const identities = [scene.identityFor(NAME, "new.example")];
  assert.equal(await live(plane, scene.plan(0, address, { generation: 2, quic: { identities } })), port);
  const after = await clients.h3(port, scene.client());
  assert.equal(before.certificateNames, `DNS:${NAME}`);
  assert.equal(after.certificateNames, `DNS:${NAME}, DNS:new.example`);
  assert.equal((await before.ask("/old")).body, "/old https");
  assert.equal((await after.ask("/new")).body, "/new https");
  assert.equal(plane.openConnections, 2);
});

test(
  "a plan with a bad certificate, or a port in use, is refused and leaves nothing",
  BOUND,
  async (context) => {
    const scene = new Scene();
    const plane = new Workers(context).start();
    const { address } = await origin(context);
    const identity = { ...scene.identity, keyPem: scene.identityFor(NAME).keyPem };
    await assert.rejects(
      plane.prepare(scene.plan(0, address, { quic: { identities: [identity] } })),
      (error) =>
        error instanceof ListenerTlsError &&
        error.message ===
          `listener "web": TLS: the certificate for ${NAME}: the private key does not belong to the certificate`,
    );
    const elsewhere = scene.plan(0, address, { listener: { host: "192.0.2.1" } });
    await assert.rejects(
      plane.prepare(elsewhere),
      (error) => error instanceof BindError && error.code === "EADDRNOTAVAIL",
    );
    assert.ok((await live(plane, scene.plan(0, address))) > 0);
  },
);

test("listeners over TCP and over UDP share an address, and come and go apart", BOUND, async (context) => {
  const scene = new Scene();
  const plane = new Workers(context).start();
  const { address } = await origin(context);
  const port = await freeUdpPort();
  const where = { host: HOST, port, address: `${HOST}:${port}` };
  const overQuic = scene.plan(port, address, { listener: where });
  const overTcp = memoryPlan({ services: { app: [address] }, listener: { ...where, name: "tcp" } });
  const both: Plan = {
    ...overQuic,
    listeners: [...overQuic.listeners, ...overTcp.listeners],
    routes: overQuic.routes.map((route) => ({
      ...route,
      listeners: [0, 1],
      metrics: [...route.metrics, ...route.metrics],
    })),
  };
  const byTcp = async (): Promise<string> => {
    const answer = await fetch(`http://${HOST}:${port}/tcp`, { headers: { connection: "close" } });
    return await answer.text();
  };
  await live(plane, both);
  const clients = await QuicUsers.open(context);
  const client = await clients.h3(port, scene.client());
  assert.equal((await client.ask("/udp")).body, "/udp https");
  assert.equal(await byTcp(), "/tcp http");
  await live(plane, { ...overQuic, generation: 2 });
  await waitFor("TCP to be closed", () =>
    byTcp().then(
      () => false,
      () => true,
    ),
  );
  assert.equal((await client.ask("/udp")).body, "/udp https");
  await live(plane, { ...both, generation: 3 });
  assert.equal(await byTcp(), "/tcp http");
  assert.equal((await client.ask("/udp")).body, "/udp https");
});

test("a drain lets requests end, refuses new clients, and says GOAWAY", BOUND, async (context) => {
  const workers = new Workers(context);
  const scene = new Scene();
  const plane = workers.start();
  const { address, held } = await origin(context);
  const port = await live(plane, scene.plan(0, address));
  const clients = await QuicUsers.open(context);
  const client = await clients.h3(port, scene.client());
  const answer = client.ask("/hold");
  await waitFor("the request", () => held.length === 1);
  const drained = plane.drain();
  const late = clients.beginH3(port, scene.client());
  await waitFor("the refusal", () => late.closed !== null);
  assert.equal(late.established, false);
  await waitFor("GOAWAY", () => client.goAways.length > 0);
  held[0]?.end("at last");
  assert.equal((await answer).body, "at last");
  await drained;
  assert.equal(plane.openConnections, 0);
  assert.equal(await plane.stop(), 0);
});

test("a stop closes what is left, and counts what was under way", BOUND, async (context) => {
  const workers = new Workers(context);
  const scene = new Scene();
  const plane = workers.start();
  const { address, held } = await origin(context);
  const port = await live(plane, scene.plan(0, address));
  const clients = await QuicUsers.open(context);
  const [busy, idle] = await Promise.all([0, 1].map(() => clients.h3(port, scene.client())));
  assert.ok(busy !== undefined && idle !== undefined);
  const answer = busy.ask("/hold");
  await waitFor("the request", () => held.length === 1);
  assert.equal(await plane.stop(), 1);
  assert.equal((await answer).status, 503);
  await waitFor("both to hear of it", () => busy.closed !== null && idle.closed !== null);
  for (const { closed } of [busy, idle]) assert.equal(closed?.by, "peer");
  assert.equal(workers.count("shutdown_aborted_connections_total"), 1);
});

test("a removed listener lets its connections end, and its address may come back", BOUND, async (context) => {
  const workers = new Workers(context);
  const scene = new Scene();
  const plane = workers.start();
  const { address, held } = await origin(context);
  const first = scene.plan(0, address);
  const port = await live(plane, first);
  const clients = await QuicUsers.open(context);
  const client = await clients.h3(port, scene.client());
  const answer = client.ask("/hold");
  await waitFor("the request", () => held.length === 1);
  await live(plane, { ...first, generation: 2, listeners: [], routes: [] });
  await waitFor("GOAWAY", () => client.goAways.length > 0);
  const back = { ...first, generation: 3, listeners: first.listeners.map((each) => ({ ...each, port })) };
  assert.equal(await live(plane, back), port);
  // Whatever their addresses hash to: there is one socket.
  for (let i = 0; i < 8; i++) {
    const others = await QuicUsers.open(context);
    const fresh = await others.h3(port, scene.client());
    assert.equal((await fresh.ask("/again")).status, 200);
  }
  held[0]?.end("at last");
  assert.equal((await answer).body, "at last");
});

test("a client address has no more connections than its cap", BOUND, async (context) => {
  const workers = new Workers(context);
  const scene = new Scene();
  const plane = workers.start();
  const { address } = await origin(context);
  const port = await live(plane, scene.plan(0, address, { runtime: { perIpConnectionCap: 2 } }));
  const clients = await QuicUsers.open(context);
  const first = await clients.h3(port, scene.client());
  await clients.h3(port, scene.client());
  const third = clients.beginH3(port, scene.client());
  await waitFor("the refusal", () => third.closed !== null);
  assert.equal(third.established, false);
  assert.ok(workers.count("accept_reject_total") > 0);
  first.close();
  await waitFor("the first to be gone", () => plane.openConnections === 1);
  await clients.h3(port, scene.client());
});

test("over the capacity of all workers, clients are refused and counted", BOUND, async (context) => {
  const workers = new Workers(context);
  const scene = new Scene();
  const plan = (port: number): Plan =>
    scene.plan(port, "127.0.0.1:9", { runtime: { maxInflightConnections: 1 } });
  const plane = workers.start();
  const port = await live(plane, plan(0));
  const clients = await QuicUsers.open(context);
  const first = await clients.h3(port, scene.client());
  const second = clients.beginH3(port, scene.client());
  await waitFor("the refusal", () => second.closed !== null);
  assert.equal(second.established, false);
  const slots = plan(0).listeners[0]?.metrics;
  assert.ok(slots !== undefined);
  const [stripe] = workers.stripes;
  assert.ok((stripe?.counters[slots.acceptShed] ?? 0) > 0);
  assert.equal(stripe?.counters[slots.connectionsInflight], 1);
  first.close();
  await waitFor("the first to be gone", () => plane.openConnections === 0);
  assert.equal(stripe?.counters[slots.connectionsInflight], 0);
  assert.equal(stripe?.counters[slots.acceptInflight], 0);
});

test("a handshake that fails is counted, and its reason is in the log", BOUND, async (context) => {
  const lines: object[] = [];
  const log: Log = { ...silentLog, info: (fields) => void lines.push(fields) };
  const workers = new Workers(context);
  const scene = new Scene();
  const port = await live(workers.start("net", log), scene.plan(0, "127.0.0.1:9"));
  const clients = await QuicUsers.open(context);
  const distrustful = clients.beginH3(port, { ...scene.client(), caPem: new CertificateAuthority().rootPem });
  await waitFor("the failure", () => distrustful.closed !== null && lines.length > 0);
  // unknown_ca (RFC 8446 section 6.2)
  assert.deepEqual(lines, [
    { listener: "web", client_ip: "127.0.0.1", reason: "the client sent TLS alert 48" },
  ]);
  assert.equal(workers.count("tls_handshake_failures_total"), 1);
});

test(
  "packets that reach the wrong worker are handed to the one that owns the connection",
  BOUND,
  async (context) => {
    const workers = new Workers(context, 2);
    const handedOver = (): number => workers.count("quic_packets_handed_over_total");
    const takenOver = (): number => workers.count("quic_packets_taken_over_total");
    const scene = new Scene();
    const { address, held } = await origin(context);
    const secret = new Uint8Array(HAND_OVER_SECRET_BYTES).fill(7);
    const first = workers.start();
    const second = workers.start();
    for (const plane of workers.planes) plane.setPeers({ secret, ports: [0, 0], takers: [] });
    const port = await live(first, scene.plan(0, address));
    const connect = async (): Promise<H3User> =>
      await (await QuicUsers.open(context)).h3(port, scene.client());
    // While there is one worker, all are its own.
    const connected = await Promise.all(Array.from({ length: 12 }, connect));
    const answers = connected.map((client) => client.ask("/hold"));
    await waitFor("the requests", () => held.length === connected.length);
    await live(second, scene.plan(port, address));
    const ports = workers.planes.map(({ handOverPort }) => handOverPort);
    for (const plane of workers.planes) plane.setPeers({ secret, ports, takers: [0, 1] });
    assert.ok(ports.every((each) => each > 0));
    // Now the kernel gives some of them to the other socket.
    for (let i = 0; i < 4; i++) assert.equal((await (await connect()).ask("/more")).status, 200);
    for (const response of held) response.end("kept");
    for (const answer of answers) assert.equal((await answer).body, "kept");
    for (const client of connected) assert.equal((await client.ask("/still")).status, 200);
    await waitFor("all to arrive", () => handedOver() > 0 && handedOver() === takenOver());
  },
);
