import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, test } from "node:test";
import { udpAddress } from "../../../test/support/memory-udp.ts";
import { echo, type NotingOwner, Pour } from "../../../test/support/quic-owners.ts";
import { QuicWorld, type Tally, type TestListener, TRANSPORT } from "../../../test/support/quic-world.ts";
import { waitFor } from "../../../test/support/wait-for.ts";
import { Clock } from "../../base/clock.ts";
import { nativeAddon } from "../../fastpath/native-addon.ts";
import { openUdp } from "../../fastpath/open-udp.ts";
import { linkLocal } from "../../fastpath/udp-peers.contract.ts";
import { HAND_OVER_SECRET_BYTES } from "./hand-over-frame.ts";
import { HandOver } from "./hand-over.ts";

const BOUND = { timeout: 60_000 };
const KINDS = nativeAddon() === null ? (["net"] as const) : (["net", "epoll"] as const);
const NEAR = linkLocal();
const NOT_NEAR = NEAR === null ? "no interface of this machine has a link-local address" : false;
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

async function openWorld(kind: (typeof KINDS)[number], host: string): Promise<QuicWorld> {
  const clock = new Clock();
  const world = await QuicWorld.open(openUdp(kind, clock), clock, host);
  closers.push(() => world.close());
  return world;
}

/** Between a client and a port; what goes through it can be made to come from another port. */
class Rebinder {
  readonly #port: number;
  readonly #front = createSocket("udp4");
  #back: Socket | null = null;
  #client = 0;

  private constructor(port: number) {
    this.#port = port;
    this.#front.on("message", (bytes, { port: client }) => {
      this.#client = client;
      this.#back?.send(bytes, this.#port, "127.0.0.1");
    });
  }

  static async open(port: number): Promise<Rebinder> {
    const rebinder = new Rebinder(port);
    closers.push(() => rebinder.close());
    rebinder.#front.bind(0, "127.0.0.1");
    await once(rebinder.#front, "listening");
    await rebinder.rebind();
    return rebinder;
  }

  get port(): number {
    return this.#front.address().port;
  }

  async rebind(): Promise<void> {
    const back = createSocket("udp4");
    back.bind(0, "127.0.0.1");
    await once(back, "listening");
    back.on("message", (bytes) => this.#front.send(bytes, this.#client, "127.0.0.1"));
    this.#back?.close();
    this.#back = back;
  }

  close(): void {
    this.#front.close();
    this.#back?.close();
  }
}

for (const kind of KINDS) {
  for (const [host, to] of [
    ["127.0.0.1", "127.0.0.1"],
    ["0.0.0.0", "127.0.0.1"],
    ["::1", "::1"],
    ["::", "::1"],
  ] as const) {
    test(`${kind}: streams, bodies and datagrams through a listener on ${host}`, BOUND, async () => {
      const world = await openWorld(kind, host);
      const environment = world.environment();
      const settings = { retry: { kind: "always" } } as const;
      const listener = await world.listener(environment, { serve: echo, settings });
      const clients = await world.client(world.environment(1));
      const client = clients.connect(udpAddress(to, listener.endpoint.port));
      await waitFor("the handshake", () => client.established && listener.served[0]?.established);
      assert.equal(listener.served[0]?.link.remoteAddress, to);
      assert.equal(environment.counters.get("quic_retries_sent_total"), 1);
      assert.ok(client.link.sendDatagram(Buffer.from("datagram"), 0, 8));
      await waitFor("the datagram", () => listener.served[0]?.datagrams.length === 1);
      const lines = Array.from({ length: 16 }, (_, i) => client.say(`line ${i}`));
      await waitFor("echoes", () => lines.every((id) => client.stream(id).ended));
      assert.equal(client.stream(lines[7] ?? -1).text, "line 7");
      await waitFor("streams", () => client.link.bidirectionalLeft() > 0);
      client.keep = false;
      const octets = 8_000_000;
      const id = client.link.openBidirectional();
      const pour = new Pour(client.link, id, octets);
      client.onWritable = () => pour.go();
      pour.go();
      await waitFor("the echo", () => client.stream(id).ended, { timeoutMs: 40_000 });
      assert.equal(client.stream(id).octets, octets);
      client.link.close(0x100, "done");
      await waitFor("the close", () => listener.served[0]?.closed?.code === 0x100);
    });
  }

  test(
    `${kind}: two that are on one link reach each other by its addresses`,
    { ...BOUND, skip: NOT_NEAR },
    async () => {
      assert.ok(NEAR !== null);
      const world = await openWorld(kind, "::");
      const listener = await world.listener(world.environment(), { serve: echo });
      const clients = await world.client(world.environment(1));
      const [host = ""] = NEAR.host.split("%");
      const client = clients.connect({ ...udpAddress(host, listener.endpoint.port), scope: NEAR.scope });
      await waitFor("the handshake", () => client.established && listener.served[0]?.established);
      assert.equal(listener.served[0]?.link.remoteAddress, host);
      const id = client.say("near");
      await waitFor("the echo", () => client.stream(id).ended);
      assert.equal(client.stream(id).text, "near");
    },
  );

  test(`${kind}: a client that moves reaches its worker through any other`, BOUND, async () => {
    const world = await openWorld(kind, "127.0.0.1");
    const transport = { ...TRANSPORT, disableActiveMigration: false };
    const secret = randomBytes(HAND_OVER_SECRET_BYTES);
    const ports: number[] = [];
    const workers: { listener: TestListener; counters: Tally }[] = [];
    let port = 0;
    for (const index of [0, 1, 2]) {
      const environment = world.environment(index);
      const peers = { portOf: (worker: number) => ports[worker] ?? 0, takers: [] };
      const handOver = await HandOver.open(world.sockets, { environment, peers, secret });
      closers.push(() => handOver.close());
      ports.push(handOver.port);
      const listener = await world.listener(environment, {
        port,
        handOver,
        serve: echo,
        settings: { transport },
      });
      port = listener.endpoint.port;
      workers.push({ listener, counters: environment.counters });
    }
    const clients = await world.client(world.environment(9), transport);
    const handedOver = (): number =>
      workers.reduce((sum, { counters }) => sum + counters.get("quic_packets_handed_over_total"), 0);
    let connections = 0;
    while (connections < 20 && handedOver() === 0) {
      const rebinder = await Rebinder.open(port);
      const client = clients.connect(udpAddress("127.0.0.1", rebinder.port));
      await waitFor("the handshake", () => client.established);
      connections += 1;
      await rebinder.rebind();
      const id = client.say("from elsewhere");
      await waitFor("the echo", () => client.stream(id).ended, { timeoutMs: 10_000 });
    }
    assert.ok(handedOver() > 0, "one of twenty ports leads to another worker");
    const open = workers.reduce((sum, { listener }) => sum + listener.endpoint.openConnections, 0);
    assert.equal(open, connections);
  });
}

test(
  "epoll: a backend port that nobody listens on fails the handshake at once",
  { ...BOUND, skip: KINDS.length === 1 },
  async () => {
    const world = await openWorld("epoll", "127.0.0.1");
    const free = createSocket("udp4");
    free.bind(0, "127.0.0.1");
    await once(free, "listening");
    const { port } = free.address();
    free.close();
    await once(free, "close");
    const clients = await world.client(world.environment());
    const client: NotingOwner = clients.connect(udpAddress("127.0.0.1", port));
    await waitFor("the failure", () => client.closed !== null);
    assert.equal(client.closed?.reason, "ECONNREFUSED");
  },
);
