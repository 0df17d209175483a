import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { afterEach, test } from "node:test";
import { MemoryNetwork, udpAddress } from "../../../test/support/memory-udp.ts";
import { shortPacket, Stranger } from "../../../test/support/quic-stranger.ts";
import { echo } from "../../../test/support/quic-owners.ts";
import { QuicWorld, type Tally, type TestListener, TRANSPORT } from "../../../test/support/quic-world.ts";
import { waitFor } from "../../../test/support/wait-for.ts";
import {
  HAND_OVER_HEADER_BYTES,
  HAND_OVER_SECRET_BYTES,
  readHandOver,
  writeHandOver,
} from "./hand-over-frame.ts";
import {
  UDP_ECN,
  UDP_END,
  UDP_LOCAL,
  UDP_RECORD_WORDS,
  UDP_REMOTE,
  UDP_REMOTE_PORT,
  UDP_START,
} from "../../fastpath/udp.ts";
import { HandOver } from "./hand-over.ts";

const BOUND = { timeout: 30_000 };
const PORT = 4433;
const worlds: QuicWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.close();
});

interface Worker {
  readonly listener: TestListener;
  readonly counters: Tally;
  readonly handOver: HandOver;
}

/** Two workers that share a port; which of them gets a datagram is the test's choice. */
async function twoWorkers(): Promise<{ world: QuicWorld; network: MemoryNetwork; workers: Worker[] }> {
  const network = new MemoryNetwork();
  const world = await QuicWorld.open(network);
  worlds.push(world);
  const secret = randomBytes(HAND_OVER_SECRET_BYTES);
  const transport = { ...TRANSPORT, disableActiveMigration: false };
  const ports: number[] = [];
  const workers: Worker[] = [];
  for (const index of [0, 1]) {
    const environment = world.environment(index);
    const peers = { portOf: (worker: number) => ports[worker] ?? 0, takers: [] };
    const handOver = await HandOver.open(network, { environment, peers, secret });
    world.onClose(() => handOver.close());
    ports.push(handOver.port);
    const listener = await world.listener(environment, {
      port: PORT,
      handOver,
      serve: echo,
      settings: { transport },
    });
    workers.push({ listener, counters: environment.counters, handOver });
  }
  return { world, network, workers };
}

test("a client that moves reaches its worker through the other one", BOUND, async () => {
  const { world, network, workers } = await twoWorkers();
  const [owner, other] = workers as [Worker, Worker];
  const clients = await world.client(world.environment(9), { ...TRANSPORT, disableActiveMigration: false });
  const client = clients.connect(udpAddress("127.0.0.1", PORT));
  await waitFor("the handshake", () => client.established && owner.listener.served[0]?.established);
  const port = owner.listener.served[0]?.link.remotePort ?? 0;
  const moved = port + 1000;
  network.steer = (datagram, sockets) => (sockets === 2 && datagram.from.port === moved ? 1 : 0);
  network.transit = (datagram) => {
    const { from, to } = datagram;
    if (from.port === port) return [{ ...datagram, from: { ...from, port: moved } }];
    return to.port === moved ? [{ ...datagram, to: { ...to, port } }] : [datagram];
  };
  for (let i = 0; i < 20; i++) {
    const id = client.say(`line ${i}`);
    await waitFor("the echo", () => client.stream(id).ended);
    assert.equal(client.stream(id).text, `line ${i}`);
  }
  assert.equal(owner.listener.served[0]?.link.remotePort, moved);
  assert.equal(other.listener.endpoint.openConnections, 0);
  const forwarded = other.counters.get("quic_packets_handed_over_total");
  assert.ok(forwarded >= 20);
  assert.equal(owner.counters.get("quic_packets_taken_over_total"), forwarded);
  assert.equal(other.counters.get("quic_packets_taken_over_total"), 0);
});

test(
  "a packet for a connection that is no more is reset by its worker, and goes no further",
  BOUND,
  async () => {
    const { network, workers } = await twoWorkers();
    const [owner, other] = workers as [Worker, Worker];
    network.steer = () => 1;
    const stranger = await Stranger.at(network, udpAddress("127.0.0.1", PORT));
    stranger.send(shortPacket(100, 0));
    await waitFor("the reset", () => stranger.received.length === 1);
    assert.equal(owner.counters.get("quic_stateless_resets_sent_total"), 1);
    assert.equal(other.counters.get("quic_stateless_resets_sent_total"), 0);
    assert.equal(owner.counters.get("quic_packets_handed_over_total"), 0);
  },
);

test("a worker that is not there is answered for", BOUND, async () => {
  const { network, workers } = await twoWorkers();
  const stranger = await Stranger.at(network, udpAddress("127.0.0.1", PORT));
  stranger.send(shortPacket(100, 200));
  await waitFor("the reset", () => stranger.received.length === 1);
  assert.equal(workers[0]?.counters.get("quic_stateless_resets_sent_total"), 1);
});

test("frames of others are not taken over", BOUND, async () => {
  const { network, workers } = await twoWorkers();
  const [owner] = workers as [Worker];
  const stranger = await Stranger.at(network, udpAddress("127.0.0.1", owner.handOver.port));
  for (const size of [0, 1, 15, 16, HAND_OVER_HEADER_BYTES, HAND_OVER_HEADER_BYTES + 1, 1400]) {
    stranger.send(randomBytes(size));
  }
  await waitFor("all", () => owner.counters.get("quic_hand_overs_rejected_total") >= 6);
  assert.equal(owner.counters.get("quic_packets_taken_over_total"), 0);
  assert.equal(stranger.received.length, 0);
});

test("a frame holds what is told of a datagram", () => {
  const secret = randomBytes(HAND_OVER_SECRET_BYTES);
  const records = new Uint32Array(2 * UDP_RECORD_WORDS);
  const at = UDP_RECORD_WORDS;
  records.set([0x20010db8, 1, 2, 3], at + UDP_REMOTE);
  records[at + UDP_REMOTE_PORT] = 65_535;
  records.set([0, 0, 0xffff, 0x7f000001], at + UDP_LOCAL);
  records[at + UDP_ECN] = 3;
  const frame = Buffer.alloc(200);
  const start = writeHandOver(frame, 10, secret, { records, at, socketLocal: udpAddress("0.0.0.0", 443) });
  assert.equal(start, 10 + HAND_OVER_HEADER_BYTES);
  const record = new Uint32Array(UDP_RECORD_WORDS);
  assert.equal(readHandOver(frame, 10, start + 5, secret, record), 443);
  assert.deepEqual([record[UDP_START], record[UDP_END]], [start, start + 5]);
  for (const word of [UDP_REMOTE, UDP_REMOTE_PORT, UDP_LOCAL, UDP_LOCAL + 3, UDP_ECN]) {
    assert.equal(record[word], records[at + word]);
  }
  assert.equal(readHandOver(frame, 10, start, secret, record), -1, "a frame without a datagram");
  for (let i = 0; i < HAND_OVER_SECRET_BYTES; i++) {
    const wrong = Buffer.from(secret);
    wrong[i] = (wrong[i] as number) ^ 1;
    assert.equal(readHandOver(frame, 10, start + 5, wrong, record), -1);
  }
});
