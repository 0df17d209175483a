import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { afterEach, test } from "node:test";
import { type MemoryDatagram, MemoryNetwork, udpAddress } from "../../../test/support/memory-udp.ts";
import { longPacket, shortPacket, Stranger } from "../../../test/support/quic-stranger.ts";
import { echo, type NotingOwner } from "../../../test/support/quic-owners.ts";
import {
  LONG_ALPN,
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
import { CONNECTION_ID_BYTES } from "../../wire/quic/connection-id.ts";
import { PacketHeader, PacketType } from "../../wire/quic/packet-header.ts";
import { RetryTokens } from "../../wire/quic/retry-token.ts";
import { MAX_UNANSWERED_BYTES } from "../../wire/quic/stateless-reset.ts";
import { offeredVersions } from "../../wire/quic/version-negotiation.ts";
import { REFUSALS_PER_SECOND, RESETS_PER_SECOND } from "./stateless-replies.ts";

const BOUND = { timeout: 60_000 };
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

async function established(client: NotingOwner): Promise<void> {
  await waitFor("the handshake", () => client.established, { context: () => JSON.stringify(client.closed) });
}

function parsed(bytes: Buffer): PacketHeader {
  const header = new PacketHeader();
  assert.ok(header.parse(bytes, 0, bytes.length, CONNECTION_ID_BYTES));
  return header;
}

/** What a client sends with a token in it, changed on its way. */
function changeTokens(
  network: MemoryNetwork,
  change: (datagram: MemoryDatagram, token: Buffer) => MemoryDatagram[],
): void {
  network.transit = (datagram) => {
    if (((datagram.bytes[0] as number) & 0xf0) !== 0xc0) return [datagram];
    const { tokenStart, tokenEnd } = parsed(datagram.bytes);
    return tokenStart === tokenEnd
      ? [datagram]
      : change(datagram, datagram.bytes.subarray(tokenStart, tokenEnd));
  };
}

test("Retry always: a client proves its address first, and nothing is kept of it before", BOUND, async () => {
  const { clients, counters, at, listener, network } = await scene({
    settings: { retry: { kind: "always" } },
  });
  const stranger = await Stranger.at(network, at);
  for (let i = 0; i < 50; i++) stranger.send(longPacket(1, 1200));
  await waitFor("Retries", () => stranger.received.length === 50);
  for (const retry of stranger.received) {
    assert.equal(parsed(retry).type, PacketType.retry);
    assert.ok(retry.length < 200, `${retry.length} octets for 1200`);
  }
  assert.equal(listener.endpoint.openConnections, 0);
  await established(clients.connect(at));
  assert.equal(counters.get("quic_retries_sent_total"), 51);
  assert.equal(counters.get("quic_retry_tokens_accepted_total"), 1);
  await waitFor("the connection", () => counters.get("quic_connections_total") === 1);
});

test("a forged token opens nothing", BOUND, async () => {
  const { clients, counters, at, listener, network } = await scene({
    settings: { retry: { kind: "always" } },
  });
  changeTokens(network, (datagram, token) => {
    token[token.length - 1] = (token[token.length - 1] as number) ^ 1;
    return [datagram];
  });
  clients.connect(at);
  await waitFor("the token", () => counters.get("quic_retry_tokens_rejected_total") > 0);
  assert.equal(listener.endpoint.openConnections, 0);
  assert.equal(counters.get("quic_handshakes_started_total"), 0);
});

test("a token opens nothing from another address", BOUND, async () => {
  const { clients, counters, at, listener, network } = await scene({
    settings: { retry: { kind: "always" } },
  });
  changeTokens(network, (datagram) => {
    const from = { words: datagram.from.words, port: datagram.from.port + 1 };
    return [{ ...datagram, from }];
  });
  clients.connect(at);
  await waitFor("the token", () => counters.get("quic_retry_tokens_rejected_total") > 0);
  assert.equal(listener.endpoint.openConnections, 0);
});

test("a client whose token has expired is told so", BOUND, async () => {
  const retryTokens = new RetryTokens([randomBytes(32)], -1);
  const { clients, counters, at } = await scene({ settings: { retry: { kind: "always" }, retryTokens } });
  const client = clients.connect(at);
  await waitFor("the refusal", () => client.closed);
  assert.equal(client.closed?.code, 0xb);
  assert.equal(counters.get("quic_retry_tokens_rejected_total"), 1);
});

test("a token of another server is as none", BOUND, async () => {
  const { counters, at, network } = await scene({ settings: { retry: { kind: "always" } } });
  const stranger = await Stranger.at(network, at);
  const packet = longPacket(1, 1200);
  packet[23] = 16;
  packet.writeUInt16BE(0x4000 | (1200 - 42), 40);
  stranger.send(packet);
  await waitFor("a Retry", () => stranger.received.length === 1);
  assert.equal(counters.get("quic_retry_tokens_rejected_total"), 1);
});

test("unknown versions are told which there are, if the datagram is large enough", BOUND, async () => {
  const { at, network, counters, world } = await scene();
  const stranger = await Stranger.at(network, at);
  const asked = longPacket(0x1a2a3a4a, 1200, 20);
  stranger.send(longPacket(0x1a2a3a4a, 1199, 20));
  stranger.send(longPacket(0, 1200));
  stranger.send(asked);
  stranger.send(longPacket(0x6b3343cf, 1200));
  await waitFor("answers", () => stranger.received.length >= 2);
  assert.equal(stranger.received.length, 2);
  const answer = stranger.received[0] as Buffer;
  const header = parsed(answer);
  assert.equal(header.type, PacketType.versionNegotiation);
  assert.deepEqual(
    answer.subarray(header.dcidStart, header.dcidEnd),
    asked.subarray(27, 35),
    "the client's own ID",
  );
  for (const version of world.engine.versions) assert.ok(offeredVersions(header)?.includes(version));
  assert.ok(answer.length < 100);
  assert.equal(counters.get("quic_version_negotiations_sent_total"), 2);
  assert.equal(counters.get("quic_packets_dropped_total"), 2);
});

test("small Initials, short first IDs and packets of no connection get no answer", BOUND, async () => {
  const { at, network, counters, listener } = await scene({ settings: { retry: { kind: "always" } } });
  const stranger = await Stranger.at(network, at);
  stranger.send(longPacket(1, 1199));
  stranger.send(longPacket(1, 1200, 7));
  const handshake = longPacket(1, 1200);
  handshake[0] = 0xe3;
  stranger.send(handshake);
  stranger.send(Buffer.from([0xc3]));
  stranger.send(longPacket(1, 1200));
  await waitFor("the answer to the last", () => stranger.received.length > 0);
  assert.equal(stranger.received.length, 1);
  assert.equal(counters.get("quic_initials_too_small_total"), 1);
  assert.equal(counters.get("quic_packets_dropped_total"), 3);
  assert.equal(listener.endpoint.openConnections, 0);
});

test("an Initial that nobody can open leaves nothing behind", BOUND, async () => {
  const { at, network, counters, listener } = await scene();
  const stranger = await Stranger.at(network, at);
  for (let i = 0; i < 20; i++) stranger.send(longPacket(1, 1200));
  await waitFor("all", () => counters.get("quic_client_hello_rejected_total") === 20);
  assert.equal(stranger.received.length, 0);
  assert.equal(listener.endpoint.openConnections, 0);
  assert.equal(listener.endpoint.ids.map.size, 0);
});

test("stateless resets are shorter than what they answer, and short packets get none", BOUND, async () => {
  const { at, network } = await scene();
  const stranger = await Stranger.at(network, at);
  for (let size = 20; size <= MAX_UNANSWERED_BYTES; size++) stranger.send(shortPacket(size));
  const least = MAX_UNANSWERED_BYTES + 1;
  for (let size = least; size < 300; size++) stranger.send(shortPacket(size));
  await waitFor("the resets", () => stranger.received.length === 300 - least);
  for (const [i, reset] of stranger.received.entries()) {
    assert.ok(reset.length < least + i, `${reset.length} for ${least + i}`);
    assert.equal((reset[0] as number) & 0xc0, 0x40);
  }
  assert.ok(new Set(stranger.received.map(({ length }) => length)).size > 5, "lengths vary");
});

test("stateless resets are sent at a limited rate", BOUND, async () => {
  const { at, network, counters } = await scene();
  const stranger = await Stranger.at(network, at);
  const packets = 4 * RESETS_PER_SECOND;
  for (let i = 0; i < packets; i++) stranger.send(shortPacket(100));
  const sent = (): number => counters.get("quic_stateless_resets_sent_total");
  await waitFor("all", () => sent() + counters.get("quic_replies_withheld_total") === packets);
  assert.ok(sent() >= RESETS_PER_SECOND && sent() < 2 * RESETS_PER_SECOND, `${sent()} resets`);
});

test("so are refusals: making one costs keys, and anybody can ask", BOUND, async () => {
  const { at, network, counters, listener } = await scene();
  const stranger = await Stranger.at(network, at);
  const packets = 3 * REFUSALS_PER_SECOND;
  listener.endpoint.drain(() => 0);
  for (let i = 0; i < packets; i++) stranger.send(longPacket(1, 1200));
  await waitFor("all", () => counters.get("quic_connections_refused_total") === packets);
  await waitFor("the refusals", () => stranger.received.length >= REFUSALS_PER_SECOND);
  const sent = packets - counters.get("quic_replies_withheld_total");
  assert.ok(sent >= REFUSALS_PER_SECOND && sent < 2 * REFUSALS_PER_SECOND, `${sent} refusals`);
});

test("a listener that has lost its connections resets them", BOUND, async () => {
  const { clients, listener, at, world, counters } = await scene({ serve: echo });
  const client = clients.connect(at);
  await established(client);
  const { port } = listener.endpoint;
  listener.endpoint.close();
  assert.equal(client.closed, null);
  const successor = world.environment();
  await world.listener(successor, { port });
  client.say("is anybody there? ".repeat(10));
  await waitFor("the reset", () => client.closed?.by === "reset");
  assert.equal(counters.get("quic_stateless_resets_sent_total"), 0);
  assert.equal(successor.counters.get("quic_stateless_resets_sent_total"), 1);
});

test(
  "a ClientHello of several datagrams is gathered, in any order, and the name in it decides",
  BOUND,
  async () => {
    for (const reversed of [false, true]) {
      const { network, listener, at, clients } = await scene();
      let held: MemoryDatagram | null = null;
      network.transit = (datagram) => {
        if (!reversed || datagram.to.port !== at.port) return [datagram];
        if (held === null) {
          held = datagram;
          return [];
        }
        network.transit = (other) => [other];
        return [datagram, held];
      };
      const client = clients.connect(at, { alpn: LONG_ALPN });
      await established(client);
      assert.deepEqual(listener.names, [SERVER_NAME]);
      assert.equal(listener.endpoint.openConnections, 1);
    }
  },
);

test("half a ClientHello is given up after a time, and the memory of it with it", BOUND, async () => {
  const { network, listener, at, counters, clients } = await scene();
  const { first } = await longHello(clients, network, at);
  network.transit = (datagram) => [datagram];
  network.inject(first);
  await waitFor("the hello", () => listener.endpoint.ids.map.size === 1);
  assert.equal(listener.endpoint.openConnections, 0);
  await waitFor("the end", () => listener.endpoint.ids.map.size === 0, { timeoutMs: 8000 });
  assert.equal(counters.get("quic_client_hello_rejected_total"), 1);
});

/** The first of the datagrams with a ClientHello that needs two; none of them arrives. */
async function longHello(
  clients: TestClient,
  network: MemoryNetwork,
  at: UdpAddress,
): Promise<{ first: MemoryDatagram }> {
  let first: MemoryDatagram | null = null;
  network.transit = (datagram) => {
    if (datagram.to.port === at.port) first ??= datagram;
    return [];
  };
  const client = clients.connect(at, { alpn: LONG_ALPN });
  await waitFor("the first datagram", () => first !== null);
  client.link.abandon();
  await waitFor("the end", () => client.closed);
  assert.ok(first !== null);
  return { first };
}

test("a server says at most three times what an unproven client has said", BOUND, async () => {
  const { network, clients, at, counters } = await scene({ settings: { handshakeTimeoutMs: 1500 } });
  let fromClient = 0;
  let fromServer = 0;
  network.transit = (datagram) => {
    if (datagram.to.port === at.port) {
      if (fromClient > 0) return [];
      fromClient += datagram.bytes.length;
      return [datagram];
    }
    fromServer += datagram.bytes.length;
    return [];
  };
  clients.connect(at);
  await waitFor("the failure", () => counters.get("quic_handshakes_failed_total") === 1, {
    timeoutMs: 10_000,
  });
  assert.ok(fromServer > 0 && fromServer <= 3 * fromClient, `${fromServer} for ${fromClient}`);
});

test("a migrated client goes on where it may, and is not heard where it may not", BOUND, async () => {
  for (const allowed of [true, false]) {
    const transport = { ...TRANSPORT, disableActiveMigration: !allowed, maxIdleTimeoutMs: 1500 };
    const { network, listener, clients, at, counters } = await scene({
      serve: echo,
      settings: { transport },
    });
    const client = clients.connect(at);
    await established(client);
    const before = client.say("before the change");
    await waitFor("the echo", () => client.stream(before).ended);
    const served = listener.served[0] as NotingOwner;
    const { remotePort } = served.link;
    // As an address translator does that has forgotten a client.
    const moved = remotePort + 1000;
    network.transit = (datagram) => {
      const { from, to } = datagram;
      if (from.port === remotePort) return [{ ...datagram, from: { ...from, port: moved } }];
      if (to.port === moved) return [{ ...datagram, to: { ...to, port: remotePort } }];
      return [datagram];
    };
    const after = client.say("after the change");
    if (allowed) {
      await waitFor("the echo", () => client.stream(after).ended);
      assert.equal(client.stream(after).octets, 16);
      await waitFor("the new address", () => served.link.remotePort === moved);
      assert.equal(counters.get("quic_migrations_total"), 1);
    } else {
      await waitFor("the end", () => client.closed, { timeoutMs: 10_000 });
      assert.equal(client.stream(after).octets, 0);
      assert.ok(counters.get("quic_migrations_refused_total") > 0);
      assert.equal(served.link.remotePort, remotePort);
    }
  }
});

test("a client whose address changes again and again goes on each time", BOUND, async () => {
  const transport = { ...TRANSPORT, disableActiveMigration: false };
  const { network, listener, clients, at, counters } = await scene({ serve: echo, settings: { transport } });
  const client = clients.connect(at);
  await established(client);
  const home = (listener.served[0] as NotingOwner).link.remotePort;
  const moves = 20;
  for (let move = 1; move <= moves; move++) {
    const moved = home + 1000 * move;
    network.transit = (datagram) => {
      const { from, to } = datagram;
      if (from.port === home) return [{ ...datagram, from: { ...from, port: moved } }];
      // What goes to where it was before is lost.
      return to.port === moved ? [{ ...datagram, to: { ...to, port: home } }] : [];
    };
    const id = client.say(`move ${move}`);
    await waitFor("the echo", () => client.stream(id).ended);
  }
  assert.equal(counters.get("quic_migrations_total"), moves);
});

test(
  "a spoofed address gets no more than three times what came from it, and takes nothing over",
  BOUND,
  async () => {
    const transport = { ...TRANSPORT, disableActiveMigration: false };
    const { network, listener, clients, at } = await scene({ serve: echo, settings: { transport } });
    const client = clients.connect(at);
    await established(client);
    await waitFor("the server", () => listener.served[0]?.established);
    const spoofed = 9;
    let from = 0;
    let to = 0;
    let copied = 0;
    network.transit = (datagram) => {
      if (datagram.to.port === spoofed) {
        to += datagram.bytes.length;
        return [];
      }
      if (datagram.to.port !== at.port || copied++ > 0) return [datagram];
      // The copy overtakes the original.
      from += datagram.bytes.length;
      const copy = {
        ...datagram,
        bytes: Buffer.from(datagram.bytes),
        from: { ...datagram.from, port: spoofed },
      };
      return [copy, datagram];
    };
    const id = client.say("x".repeat(200_000));
    await waitFor("the echo", () => client.stream(id).ended, { timeoutMs: 20_000 });
    assert.equal(client.stream(id).octets, 200_000);
    assert.ok(from > 0 && to <= 3 * from, `${to} for ${from}`);
  },
);

test(
  "spare connection IDs lead to the connection while it lasts, where clients may migrate",
  BOUND,
  async () => {
    for (const allowed of [true, false]) {
      const transport = { ...TRANSPORT, disableActiveMigration: !allowed };
      const { listener, clients, at } = await scene({ settings: { transport } });
      const client = clients.connect(at);
      await established(client);
      await waitFor("the server", () => listener.served[0]?.established);
      const { map } = listener.endpoint.ids;
      assert.equal(map.size > 2, allowed, `${map.size} IDs`);
      client.link.close(0, "");
      await waitFor("the end", () => listener.endpoint.openConnections === 0, { timeoutMs: 10_000 });
      assert.equal(map.size, 0);
    }
  },
);

test("where early data are taken, a first flight opens a connection once", BOUND, async () => {
  const { network, listener, clients, at, counters } = await scene({ settings: { earlyData: true } });
  let flight: MemoryDatagram | null = null;
  network.transit = (datagram) => {
    if (datagram.to.port === at.port) flight ??= { ...datagram, bytes: Buffer.from(datagram.bytes) };
    return [datagram];
  };
  const client = clients.connect(at);
  await established(client);
  client.link.close(0, "");
  await waitFor("the end", () => listener.endpoint.openConnections === 0, { timeoutMs: 10_000 });
  assert.ok(flight !== null);
  network.inject(flight);
  await waitFor("the replay", () => counters.get("quic_replays_dropped_total") === 1);
  assert.equal(counters.get("quic_handshakes_started_total"), 1);
});
