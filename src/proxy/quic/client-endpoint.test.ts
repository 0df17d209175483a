import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { afterEach, test } from "node:test";
import { MemoryNetwork, type MemoryUdp, udpAddress } from "../../../test/support/memory-udp.ts";
import { longPacket, shortPacket, Stranger } from "../../../test/support/quic-stranger.ts";
import { echo } from "../../../test/support/quic-owners.ts";
import { QuicWorld } from "../../../test/support/quic-world.ts";
import { waitFor } from "../../../test/support/wait-for.ts";

const BOUND = { timeout: 30_000 };
const worlds: QuicWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.close();
});

/** A network that remembers its sockets in the order in which they were bound. */
class KnownNetwork extends MemoryNetwork {
  readonly bound: MemoryUdp[] = [];
  refuseV6 = false;

  override async bind(options: Parameters<MemoryNetwork["bind"]>[0]): Promise<MemoryUdp> {
    if (this.refuseV6 && options.host === "::")
      throw Object.assign(new Error("no IPv6"), { code: "EAFNOSUPPORT" });
    const socket = await super.bind(options);
    this.bound.push(socket);
    return socket;
  }
}

async function open(): Promise<{ world: QuicWorld; network: KnownNetwork }> {
  const network = new KnownNetwork();
  const world = await QuicWorld.open(network);
  worlds.push(world);
  return { world, network };
}

test("one socket serves connections to several backends, and two to the same one", BOUND, async () => {
  const { world } = await open();
  const listeners = [
    await world.listener(world.environment(), { serve: echo }),
    await world.listener(world.environment(), { serve: echo }),
  ];
  const clients = await world.client(world.environment(1));
  const owners = [...listeners, ...listeners].map(({ endpoint }) =>
    clients.connect(udpAddress("127.0.0.1", endpoint.port)),
  );
  await waitFor("all handshakes", () => owners.every(({ established }) => established));
  assert.equal(clients.endpoint.openConnections, 4);
  const ids = owners.map((owner, i) => owner.say(`to ${i}`));
  await waitFor("all echoes", () => owners.every((owner, i) => owner.stream(ids[i] ?? -1).ended));
  for (const [i, owner] of owners.entries()) assert.equal(owner.stream(ids[i] ?? -1).text, `to ${i}`);
});

test("a backend that the network cannot reach fails the handshake at once, and no other", BOUND, async () => {
  const { world, network } = await open();
  const listener = await world.listener(world.environment());
  const clients = await world.client(world.environment(1));
  const at = udpAddress("127.0.0.1", listener.endpoint.port);
  const fine = clients.connect(at);
  await waitFor("the handshake", () => fine.established);
  const nowhere = udpAddress("127.0.0.1", 9);
  const lost = clients.connect(nowhere);
  const socket = network.bound[1];
  assert.ok(socket !== undefined);
  socket.unreachable(at, "ECONNREFUSED");
  socket.unreachable(nowhere, "EHOSTUNREACH");
  await waitFor("the failure", () => lost.closed !== null);
  assert.deepEqual(lost.closed, { by: "local", application: false, code: 0, reason: "EHOSTUNREACH" });
  assert.equal(clients.endpoint.openConnections, 1);
  assert.equal(fine.closed, null);
});

test("packets of nobody leave connections alone", BOUND, async () => {
  const { world, network } = await open();
  const listener = await world.listener(world.environment(), { serve: echo });
  const clients = await world.client(world.environment(1));
  const client = clients.connect(udpAddress("127.0.0.1", listener.endpoint.port));
  await waitFor("the handshake", () => client.established);
  const from = udpAddress("127.0.0.1", listener.endpoint.port);
  const to = udpAddress("127.0.0.1", network.bound[1]?.local.port ?? 0);
  for (let i = 0; i < 500; i++) network.inject({ bytes: shortPacket(60), from, to });
  for (const bytes of [longPacket(1, 1200), longPacket(0, 40), randomBytes(3)])
    network.inject({ bytes, from, to });
  const id = client.say("undisturbed");
  await waitFor("the echo", () => client.stream(id).ended);
  assert.equal(client.closed, null);
});

test("a machine without IPv6 has no connections over it", BOUND, async () => {
  const { world, network } = await open();
  network.refuseV6 = true;
  const clients = await world.client(world.environment(1));
  assert.throws(() => clients.connect(udpAddress("::1", 443)), /no connection/);
  const stranger = await Stranger.at(network, udpAddress("127.0.0.1", 1));
  const client = clients.connect(udpAddress("127.0.0.1", stranger.socket.local.port));
  await waitFor("its first packet", () => stranger.received.length > 0);
  assert.ok((stranger.received[0]?.length ?? 0) >= 1200);
  client.link.abandon();
  await waitFor("the end", () => client.closed !== null);
});

test("an endpoint that closes ends its connections, and says so", BOUND, async () => {
  const { world } = await open();
  const listener = await world.listener(world.environment());
  const clients = await world.client(world.environment(1));
  const client = clients.connect(udpAddress("127.0.0.1", listener.endpoint.port));
  await waitFor("the handshake", () => client.established && listener.served[0]?.established);
  clients.endpoint.close();
  assert.equal(client.closed?.by, "local");
  await waitFor("the other side", () => listener.served[0]?.closed?.by === "peer");
  assert.equal(clients.endpoint.openConnections, 0);
});
