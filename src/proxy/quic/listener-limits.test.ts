import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { afterEach, test } from "node:test";
import {
  type MemoryDatagram,
  MemoryNetwork,
  MemoryUdp,
  udpAddress,
} from "../../../test/support/memory-udp.ts";
import { cryptoFrame, initialPacket } from "../../../test/support/quic-initial.ts";
import { QuicheClient } from "../../../test/support/quiche-client.ts";
import { longPacket, Stranger } from "../../../test/support/quic-stranger.ts";
import { echo, type NotingOwner } from "../../../test/support/quic-owners.ts";
import {
  ALPN,
  QuicWorld,
  SERVER_NAME,
  type Tally,
  type TestClient,
  type TestListener,
  TRANSPORT,
  type WorldListenerOptions,
} from "../../../test/support/quic-world.ts";
import { waitFor } from "../../../test/support/wait-for.ts";
import type { UdpAddress } from "../../fastpath/udp.ts";
import { PacketHeader } from "../../wire/quic/packet-header.ts";
import { HANDSHAKE_OCTETS, IN_FLIGHT_OCTETS, STANDING_OCTETS } from "./octet-budget.ts";

const BOUND = { timeout: 60_000 };
const PIECE = Buffer.alloc(1150);
const worlds: QuicWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.close();
});

interface Scene {
  readonly world: QuicWorld;
  readonly network: MemoryNetwork;
  readonly listener: TestListener;
  readonly counters: Tally;
  readonly clients: TestClient;
  readonly at: UdpAddress;
}

async function scene(options: WorldListenerOptions = {}): Promise<Scene> {
  const network = new MemoryNetwork();
  const world = await QuicWorld.open(network);
  worlds.push(world);
  const environment = world.environment();
  const listener = await world.listener(environment, options);
  const clients = await world.client(world.environment(1), options.settings?.transport);
  const at = udpAddress("127.0.0.1", listener.endpoint.port);
  return { world, network, listener, counters: environment.counters, clients, at };
}

async function connected({
  clients,
  at,
  listener,
}: Scene): Promise<{ client: NotingOwner; server: NotingOwner }> {
  const before = listener.served.length;
  const client = clients.connect(at);
  await waitFor("the handshake", () => client.established && listener.served[before]?.established);
  return { client, server: listener.served[before] as NotingOwner };
}

/** First packets of as many clients, each with a ClientHello of its own, who will not be heard of again. */
function firstPackets(world: QuicWorld, count: number): Buffer[] {
  const context = world.engine.client({
    transport: TRANSPORT,
    alpn: [ALPN],
    caPem: world.authority.rootPem,
    verifyPeer: true,
    serverName: SERVER_NAME,
    verifyName: SERVER_NAME,
    keyLogPath: "",
  });
  const path = { local: udpAddress("127.0.0.1", 1), remote: udpAddress("127.0.0.1", 2) };
  return Array.from({ length: count }, () => {
    const packet = Buffer.alloc(1350);
    const length = world.engine.connect(context, randomBytes(12), path)?.nextPacket(packet, 0, 1350) ?? 0;
    return packet.subarray(0, length);
  });
}

test(
  "50,000 first packets switch Retry on, leave no more than the threshold behind, and hurt nobody",
  BOUND,
  async () => {
    const threshold = 50;
    const options = {
      serve: echo,
      settings: { retry: { kind: "under-load", halfOpenThreshold: threshold } },
    } as const;
    const flooded = await scene(options);
    const { world, network, at, listener, counters, clients } = flooded;
    const { client } = await connected(flooded);
    const stranger = await Stranger.at(network, at);
    for (const packet of firstPackets(world, 4 * threshold)) stranger.send(packet);
    await waitFor("the threshold", () => listener.endpoint.halfOpenConnections === threshold);
    await waitFor("Retries", () => counters.get("quic_retries_sent_total") >= 3 * threshold);
    for (let sent = 0; sent < 50_000;) {
      for (let i = 0; i < 1000; i++, sent++) stranger.send(longPacket(1, 1200));
      const id = client.say(`still here after ${sent}`);
      await waitFor("an echo", () => client.stream(id).ended);
      stranger.received.length = 0;
    }
    await waitFor("all", () => counters.get("quic_retries_sent_total") >= 50_000 + 3 * threshold);
    assert.equal(listener.endpoint.halfOpenConnections, threshold);
    assert.equal(listener.endpoint.openConnections, threshold + 1);
    assert.ok(listener.endpoint.ids.map.size <= 2 * (threshold + 1));
    const late = clients.connect(at);
    await waitFor("a client that comes in the flood", () => late.established);
    assert.equal(counters.get("quic_retry_tokens_accepted_total"), 1);
  },
);

test("first packets that nobody can open are load as well", BOUND, async () => {
  const flooded = await scene();
  const stranger = await Stranger.at(flooded.network, flooded.at);
  for (let i = 0; i < 3000; i++) stranger.send(longPacket(1, 1200));
  const { counters } = flooded;
  const seen = (): number =>
    counters.get("quic_client_hello_rejected_total") + counters.get("quic_retries_sent_total");
  await waitFor("all", () => seen() === 3000);
  assert.ok(counters.get("quic_retries_sent_total") > 500);
  assert.equal(flooded.listener.endpoint.openConnections, 0);
});

test("a handshake that does not go on is given up", BOUND, async () => {
  const { world, network, at, listener, counters } = await scene({ settings: { handshakeTimeoutMs: 300 } });
  const stranger = await Stranger.at(network, at);
  for (const packet of firstPackets(world, 5)) stranger.send(packet);
  await waitFor("the handshakes", () => counters.get("quic_handshakes_started_total") === 5);
  assert.equal(listener.tickets.count("127.0.0.1"), 5);
  await waitFor("their end", () => listener.endpoint.openConnections === 0, { timeoutMs: 10_000 });
  assert.equal(counters.get("quic_handshakes_failed_total"), 5);
  assert.equal(listener.failures.length, 5);
  assert.equal(listener.failures[0]?.reason, "handshake timeout");
  assert.equal(listener.tickets.count("127.0.0.1"), 0);
  assert.equal(listener.endpoint.ids.map.size, 0);
});

test("caps: of the worker, and of one address; who is over them is refused", BOUND, async () => {
  for (const options of [{ settings: { maxConnections: 2 } }, { maxPerAddress: 2 }]) {
    const capped = await scene(options);
    const { client } = await connected(capped);
    await connected(capped);
    const third = capped.clients.connect(capped.at);
    await waitFor("the refusal", () => third.closed !== null);
    assert.deepEqual(third.closed, { by: "peer", application: false, code: 0x2, reason: "" });
    assert.equal(capped.counters.get("quic_connections_refused_total"), 1);
    client.link.close(0, "");
    await waitFor("a place", () => capped.listener.endpoint.openConnections === 1);
    await connected(capped);
  }
});

test("a name without a certificate is refused", BOUND, async () => {
  const { clients, at, listener } = await scene({ owner: { contextFor: () => null } });
  const client = clients.connect(at);
  await waitFor("the refusal", () => client.closed?.code === 0x2);
  assert.equal(listener.endpoint.openConnections, 0);
  assert.equal(listener.tickets.count("127.0.0.1"), 0);
});

test("a client that nobody serves is refused once its handshake is over", BOUND, async () => {
  const { clients, at, listener, counters } = await scene({ owner: { onConnection: () => null } });
  const client = clients.connect(at);
  await waitFor("the refusal", () => client.closed?.code === 0x2);
  await waitFor("nothing to be left", () => listener.endpoint.openConnections === 0);
  assert.equal(counters.get("quic_connections_refused_total"), 1);
  assert.equal(counters.get("quic_connections_total"), 0);
});

test("a drain refuses new clients and lets the others go on; a stop ends them all", BOUND, async () => {
  const drained = await scene({ serve: echo });
  const { listener, clients, at } = drained;
  const { client, server } = await connected(drained);
  const before = client.say("under way", false);
  await waitFor("its beginning", () => client.stream(before).octets > 0);
  listener.endpoint.drain(() => 1234);
  assert.equal(server.graceMs, 1234);
  const late = clients.connect(at);
  await waitFor("the refusal", () => late.closed?.code === 0x2);
  const after = client.say("still served");
  await waitFor("the echo", () => client.stream(after).ended);
  assert.equal(listener.endpoint.abort(), 1);
  listener.endpoint.close();
  await waitFor("the end", () => client.closed !== null);
  assert.deepEqual(client.closed, { by: "peer", application: true, code: 0x100, reason: "stop" });
  assert.equal(listener.endpoint.openConnections, 0);
  assert.equal(listener.tickets.count("127.0.0.1"), 0);
});

test("a handshake that was under way when a drain began is told of it once it is over", BOUND, async () => {
  const { network, listener, clients, at } = await scene();
  const held: MemoryDatagram[] = [];
  network.transit = (datagram) => {
    if (datagram.to.port === at.port) return [datagram];
    held.push(datagram);
    return [];
  };
  const client = clients.connect(at);
  await waitFor("the first flight", () => listener.endpoint.halfOpenConnections === 1 && held.length > 0);
  listener.endpoint.drain(() => 77);
  network.transit = (datagram) => [datagram];
  for (const datagram of held) network.inject(datagram);
  await waitFor("the handshake", () => client.established && listener.served[0]?.established);
  assert.equal(listener.served[0]?.graceMs, 77);
});

test(
  "what is not the peer's, or was heard before, does not end a connection, however much it is",
  BOUND,
  async () => {
    const flooded = await scene({ serve: echo });
    const { network, at, counters } = flooded;
    const { client, server } = await connected(flooded);
    let last: MemoryDatagram | null = null;
    network.transit = (datagram) => {
      if (datagram.to.port === at.port) last = { ...datagram, bytes: Buffer.from(datagram.bytes) };
      return [datagram];
    };
    const id = client.say("x".repeat(1000), false);
    await waitFor("a datagram", () => last !== null && client.stream(id).octets === 1000);
    const copy = last as unknown as MemoryDatagram;
    network.transit = (datagram) => [datagram];
    const forged = Buffer.from(copy.bytes);
    forged[forged.length - 1] = (forged.at(-1) as number) ^ 1;
    for (const bytes of [copy.bytes, forged]) {
      let octets = 0;
      while (octets < 4 * (STANDING_OCTETS + IN_FLIGHT_OCTETS)) {
        for (let i = 0; i < 256; i++) {
          octets += bytes.length;
          network.inject({ ...copy, bytes: Buffer.from(bytes) });
        }
        await new Promise(setImmediate);
      }
      assert.equal(server.closed, null);
      const more = client.say("still served");
      await waitFor("the echo", () => client.stream(more).ended);
    }
    assert.equal(counters.get("quic_budget_exceeded_total"), 0);
  },
);

/** A client that is as it likes, through the handshake. */
async function wilful({ network, at }: Scene): Promise<{ client: QuicheClient; step: () => number }> {
  const stranger = await Stranger.at(network, at);
  const client = new QuicheClient(SERVER_NAME, [ALPN]);
  const step = (): number => {
    for (const datagram of stranger.received.splice(0)) client.receive(datagram);
    let octets = 0;
    for (const datagram of client.datagrams()) {
      octets += datagram.length;
      stranger.send(datagram);
    }
    return octets;
  };
  await waitFor("the handshake", () => {
    step();
    return client.isEstablished;
  });
  return { client, step };
}

test("a peer that sends what brings about nothing is sent away", BOUND, async () => {
  const pinged = await scene();
  const { counters, listener } = pinged;
  const { client, step } = await wilful(pinged);
  await waitFor("the server", () => {
    step();
    return listener.served[0]?.established;
  });
  const server = listener.served[0] as NotingOwner;
  let octets = 0;
  while (server.closed === null && octets < 4 * STANDING_OCTETS) {
    client.ping();
    octets += step();
    await new Promise(setImmediate);
  }
  assert.equal(server.closed?.by, "local");
  assert.equal(server.closed?.code, 0xa);
  // The handshake's own are in it.
  assert.ok(octets > STANDING_OCTETS - 20_000 && octets < STANDING_OCTETS + 100_000, `${octets} octets`);
  assert.equal(counters.get("quic_budget_exceeded_total"), 1);
  await waitFor("nothing to be left", () => listener.endpoint.openConnections === 0, { timeoutMs: 10_000 });
});

test("a handshake may not take any number of octets", BOUND, async () => {
  const { world, network, at, counters, listener } = await scene();
  const stranger = await Stranger.at(network, at);
  const [packet] = firstPackets(world, 1);
  assert.ok(packet !== undefined);
  const header = new PacketHeader();
  assert.ok(header.parse(packet, 0, packet.length, 0));
  const dcid = Buffer.from(packet.subarray(header.dcidStart, header.dcidEnd));
  const scid = Buffer.from(packet.subarray(header.scidStart, header.scidEnd));
  const enough = Math.ceil(HANDSHAKE_OCTETS / 1200) + 1;
  stranger.send(packet);
  // The same once more is nothing. Packets of its own count: a piece of a ClientHello without an end.
  for (let i = 0; i < enough; i++) stranger.send(packet);
  await waitFor("the handshake", () => listener.endpoint.halfOpenConnections === 1);
  assert.equal(counters.get("quic_budget_exceeded_total"), 0);
  for (let i = 0; i < enough; i++)
    stranger.send(
      initialPacket({ dcid, scid, packetNumber: 10 + i, payload: cryptoFrame(20_000 + 2000 * i, PIECE) }),
    );
  await waitFor("the end", () => counters.get("quic_budget_exceeded_total") === 1);
  await waitFor("its failure", () => counters.get("quic_handshakes_failed_total") === 1);
  assert.equal(listener.failures[0]?.code, 0xd, "CRYPTO_BUFFER_EXCEEDED");
  await waitFor("nothing to be left", () => listener.endpoint.openConnections === 0, { timeoutMs: 10_000 });
});

test(
  "ordinary traffic never comes near the budget: uploads, downloads, many small messages",
  BOUND,
  async () => {
    const busy = await scene({ serve: echo });
    const { client } = await connected(busy);
    client.keep = false;
    const id = client.link.openBidirectional();
    const line = Buffer.from("a short line\n");
    let echoed = 0;
    client.onData = (_stream, _bytes, start, end) => {
      echoed += end - start;
      if (echoed % line.length === 0 && echoed < 20_000 * line.length)
        client.link.write(id, line, 0, line.length, false);
    };
    client.link.write(id, line, 0, line.length, false);
    await waitFor("20,000 lines", () => echoed >= 20_000 * line.length, { timeoutMs: 50_000 });
    assert.equal(busy.counters.get("quic_budget_exceeded_total"), 0);
    assert.equal(client.closed, null);
  },
);

test("a socket that fails ends every connection, with the reason for the owners", BOUND, async () => {
  const failing = await scene();
  const { listener, clients, at } = failing;
  const { client, server } = await connected(failing);
  const { socket } = listener.endpoint.sender;
  assert.ok(socket instanceof MemoryUdp);
  socket.fail("ENETDOWN");
  await waitFor("the end", () => server.closed !== null);
  assert.deepEqual(server.closed, { by: "local", application: false, code: 0, reason: "ENETDOWN" });
  assert.deepEqual(listener.errors, ["ENETDOWN"]);
  assert.equal(listener.endpoint.openConnections, 0);
  assert.equal(client.closed, null, "nothing can be said any more");
  assert.equal(clients.connect(at).closed, null);
});
