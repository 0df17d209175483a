import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { type MemoryDatagram, MemoryNetwork, udpAddress } from "../../../test/support/memory-udp.ts";
import { type NotingOwner, Pour } from "../../../test/support/quic-owners.ts";
import { QuicWorld, TRANSPORT } from "../../../test/support/quic-world.ts";
import { pause, waitFor } from "../../../test/support/wait-for.ts";

const BOUND = { timeout: 30_000 };
const NOTHING = Buffer.alloc(0);
const WINDOW_BYTES = 64 * 1024;
const LITTLE_BYTES = 250;
const worlds: QuicWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.close();
});

interface Pair {
  readonly network: MemoryNetwork;
  readonly serverPort: number;
  readonly client: NotingOwner;
  readonly server: NotingOwner;
}

/** The server's connection has a window of `WINDOW_BYTES` for all streams. */
async function connected(): Promise<Pair> {
  const network = new MemoryNetwork();
  const world = await QuicWorld.open(network);
  worlds.push(world);
  const transport = { ...TRANSPORT, connectionWindowBytes: WINDOW_BYTES, streamWindowBytes: WINDOW_BYTES };
  const listener = await world.listener(world.environment(), { settings: { transport } });
  const clients = await world.client(world.environment(1));
  const client = clients.connect(udpAddress("127.0.0.1", listener.endpoint.port));
  await waitFor("the handshake", () => client.established && listener.served[0]?.established);
  return { network, serverPort: listener.endpoint.port, client, server: listener.served[0] as NotingOwner };
}

/** A stream that nothing comes back on: quiche is through with it when all that was sent is acknowledged. */
function open({ link }: NotingOwner, text: string): number {
  const id = link.openUnidirectional();
  assert.equal(link.write(id, Buffer.from(text), 0, text.length, false), text.length);
  link.flush();
  return id;
}

/** What goes to the client stays in the list. */
function holdReplies(network: MemoryNetwork, serverPort: number): MemoryDatagram[] {
  const held: MemoryDatagram[] = [];
  network.transit = (datagram) => {
    if (datagram.to.port === serverPort) return [datagram];
    held.push(datagram);
    return [];
  };
  return held;
}

function release(network: MemoryNetwork, held: readonly MemoryDatagram[]): void {
  network.transit = (datagram) => [datagram];
  for (const datagram of held) network.inject(datagram);
}

function pour({ link }: NotingOwner): void {
  const id = link.openUnidirectional();
  const bytes = Buffer.alloc(2 * WINDOW_BYTES);
  assert.ok(link.write(id, bytes, 0, bytes.length, false) < bytes.length);
  link.flush();
}

/** At once, and later than an end waits for the windows of a peer that is heard. */
for (const lateMs of [0, 400]) {
  test(
    `ends come though all before them is acknowledged while nothing can be sent, ${lateMs} ms late`,
    BOUND,
    async () => {
      const { network, serverPort, client, server } = await connected();
      const held = holdReplies(network, serverPort);
      const ids = Array.from({ length: 12 }, () => open(client, "hello"));
      await waitFor(
        "the octets, and their acknowledgement",
        () => ids.every((id) => server.stream(id).octets === 5) && held.length > 0,
      );
      pour(client);
      for (const id of ids) assert.equal(client.link.write(id, NOTHING, 0, 0, true), 0);
      client.link.flush();
      await pause(lateMs);
      release(network, held);
      await waitFor("the ends", () => ids.every((id) => server.stream(id).ended));
    },
  );
}

/** The engine tells of room that the headers of the other stream's packets have taken. */
test("an end comes though little room seems to be left, and none is", BOUND, async () => {
  const { network, serverPort, client, server } = await connected();
  const held = holdReplies(network, serverPort);
  const id = open(client, "hello");
  await waitFor(
    "the octets, and their acknowledgement",
    () => server.stream(id).octets === 5 && held.length > 0,
  );
  const other = client.link.openUnidirectional();
  const bytes = Buffer.alloc(client.link.engine.streamCapacity(id) - LITTLE_BYTES);
  assert.equal(client.link.write(other, bytes, 0, bytes.length, false), bytes.length);
  client.link.flush();
  assert.equal(client.link.engine.streamCapacity(id), LITTLE_BYTES);
  assert.equal(client.link.write(id, NOTHING, 0, 0, true), 0);
  client.link.flush();
  release(network, held);
  await waitFor("the end", () => server.stream(id).ended);
});

test("an end waits not for long where it is the peer's window that has no room", BOUND, async () => {
  const { client, server } = await connected();
  const id = open(client, "hello");
  await waitFor("the octets", () => server.stream(id).octets === 5);
  server.onData = (other) => {
    if (other !== id) server.link.pause(other);
  };
  const other = client.link.openUnidirectional();
  const filling = new Pour(client.link, other, 4 * WINDOW_BYTES);
  client.onWritable = () => filling.go();
  filling.go();
  let before = -1;
  await waitFor(
    "the window to be full",
    () => {
      const still = filling.left === before && client.link.engine.streamCapacity(id) === 0;
      before = filling.left;
      return still;
    },
    { everyMs: 50 },
  );
  assert.equal(client.link.write(id, NOTHING, 0, 0, true), 0);
  await waitFor("the end", () => server.stream(id).ended);
  assert.equal(filling.left, before);
});

/** quiche forgets a stream as soon as all of its octets are acknowledged, though its end was lost. */
test("an end without octets comes though its packet is lost", BOUND, async () => {
  await endThroughLoss(1);
});

/** What goes out then are the octets before it, with the end: the peer has read those. */
test("an end comes though all packets that have nothing else are lost", BOUND, async () => {
  await endThroughLoss(8);
});

/** The end, and as many packets in all as are to be lost; nothing comes back meanwhile. */
async function endThroughLoss(packets: number): Promise<void> {
  const { network, serverPort, client, server } = await connected();
  const held: MemoryDatagram[] = [];
  let toLose = 0;
  network.transit = (datagram) => {
    if (datagram.to.port !== serverPort) held.push(datagram);
    else if (toLose === 0) return [datagram];
    else toLose -= 1;
    return [];
  };
  const id = open(client, "hello");
  await waitFor("the octets", () => server.stream(id).octets === 5);
  toLose = packets;
  assert.equal(client.link.write(id, NOTHING, 0, 0, true), 0);
  client.link.flush();
  await waitFor("the loss, and the end", () => toLose === 0 && server.stream(id).ended, {
    timeoutMs: 20_000,
  });
  release(network, held);
  await waitFor("the stream to be forgotten", () => client.link.finished(id));
}

test("an end that waits is dropped with the stream", BOUND, async () => {
  const { client, server } = await connected();
  const id = open(client, "hello");
  await waitFor("the octets", () => server.stream(id).octets === 5);
  pour(client);
  assert.equal(client.link.write(id, NOTHING, 0, 0, true), 0);
  client.link.reset(id, 7);
  await waitFor("the reset", () => server.stream(id).resetCode === 7);
  assert.equal(server.stream(id).ended, false);
});

test("a stop is told with its code though its packet acknowledges all that was sent", BOUND, async () => {
  const { client, server } = await connected();
  server.onData = (id) => server.link.stop(id, 268);
  const id = open(client, "hello");
  await waitFor("the stop", () => client.stream(id).stoppedCode !== -1);
  assert.equal(client.stream(id).stoppedCode, 268);
});

test("stops of many streams are told with their codes, whatever comes with them at once", BOUND, async () => {
  const { network, serverPort, client, server } = await connected();
  const held = holdReplies(network, serverPort);
  const ids = Array.from({ length: 12 }, () => open(client, "hello"));
  await waitFor("the octets", () => ids.every((id) => server.stream(id).octets === 5));
  for (const id of ids) {
    server.link.stop(id, 0x1000 + id);
    if (id % 8 === 2) server.link.flush();
    client.link.write(id, Buffer.from("more"), 0, 4, false);
    client.link.flush();
  }
  const before = held.length;
  await waitFor("the acknowledgements", () => held.length > before);
  release(network, held);
  await waitFor("the stops", () => ids.every((id) => client.stream(id).stoppedCode !== -1));
  for (const id of ids) assert.equal(client.stream(id).stoppedCode, 0x1000 + id);
});
