import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { type MemoryDatagram, MemoryNetwork, udpAddress } from "../../../test/support/memory-udp.ts";
import { echo, type NotingOwner, Pour } from "../../../test/support/quic-owners.ts";
import { QuicWorld, SERVER_NAME, type TestListener, TRANSPORT } from "../../../test/support/quic-world.ts";
import { waitFor } from "../../../test/support/wait-for.ts";
import { shareBytes } from "../../fastpath/quiche-windows.ts";

const BOUND = { timeout: 60_000 };
const worlds: QuicWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.close();
});

interface Pair {
  readonly world: QuicWorld;
  readonly network: MemoryNetwork;
  readonly listener: TestListener;
  readonly client: NotingOwner;
  readonly server: NotingOwner;
}

/** A client and a server, connected. */
async function connected(serve: (owner: NotingOwner) => void = () => {}): Promise<Pair> {
  const network = new MemoryNetwork();
  const world = await QuicWorld.open(network);
  worlds.push(world);
  const listener = await world.listener(world.environment(), { serve });
  const clients = await world.client(world.environment(1));
  const client = clients.connect(udpAddress("127.0.0.1", listener.endpoint.port));
  await waitFor("the handshake", () => client.established && listener.served[0]?.established);
  return { world, network, listener, client, server: listener.served[0] as NotingOwner };
}

test("a handshake tells both sides what was agreed", BOUND, async () => {
  const { client, server, listener } = await connected();
  assert.equal(client.link.applicationProtocol, "echo");
  assert.equal(server.link.applicationProtocol, "echo");
  assert.equal(server.link.serverName, SERVER_NAME);
  assert.equal(server.link.remoteAddress, "127.0.0.1");
  assert.equal(client.link.remotePort, listener.endpoint.port);
  assert.equal(listener.endpoint.halfOpenConnections, 0);
});

test("many streams, of both sides and both kinds, come whole and in order", BOUND, async () => {
  const { client, server } = await connected(echo);
  const sent = new Map<number, string>();
  for (let i = 0; i < 400;) {
    await waitFor("streams to open", () => client.link.bidirectionalLeft() > 0);
    while (i < 400 && client.link.bidirectionalLeft() > 0) {
      const text = `stream ${i++} `.repeat(i);
      sent.set(client.say(text), text);
    }
  }
  await waitFor("all echoes", () => [...sent.keys()].every((id) => client.stream(id).ended));
  for (const [id, text] of sent) assert.equal(client.stream(id).text, text);
  const own = server.link.openUnidirectional();
  const peers = client.link.openUnidirectional();
  assert.deepEqual([own, peers], [3, 2]);
  server.link.write(own, Buffer.from("from the server"), 0, 15, true);
  client.link.write(peers, Buffer.from("from the client"), 0, 15, true);
  await waitFor("both", () => client.stream(3).ended && server.stream(2).ended);
  assert.equal(client.stream(3).text, "from the server");
  assert.equal(server.stream(2).octets, 15);
});

test("large bodies both ways at once, through windows that fill", BOUND, async () => {
  const { client } = await connected(echo);
  client.keep = false;
  const octets = 12 * 1024 * 1024;
  const pours = [0, 1, 2].map(() => {
    const id = client.link.openBidirectional();
    return { id, pour: new Pour(client.link, id, octets / 3) };
  });
  client.onWritable = (id) => pours.find((pour) => pour.id === id)?.pour.go();
  for (const { pour } of pours) pour.go();
  await waitFor("the echoes", () => pours.every(({ id }) => client.stream(id).ended), { timeoutMs: 40_000 });
  for (const { id } of pours) assert.equal(client.stream(id).octets, octets / 3);
});

test("a stream that is paused holds its sender at the window, and no other stream", BOUND, async () => {
  const { client, server } = await connected();
  server.keep = false;
  const octets = 4 * TRANSPORT.streamWindowBytes;
  const held = client.link.openBidirectional();
  const pour = new Pour(client.link, held, octets);
  client.onWritable = () => pour.go();
  server.onData = (id) => {
    if (id === held && server.stream(held).octets < 2000) server.link.pause(held);
  };
  pour.left = octets;
  client.link.write(held, Buffer.from("first"), 0, 5, false);
  await waitFor("the first octets", () => server.stream(held).octets > 0);
  pour.go();
  await waitFor("the window to fill", () => octets - pour.left >= shareBytes(TRANSPORT) - 70_000);
  const other = client.say("not held");
  await waitFor("the other", () => server.stream(other).ended);
  const sent = octets - pour.left;
  assert.ok(sent <= TRANSPORT.streamWindowBytes, `${sent} octets were taken`);
  assert.equal(server.stream(held).octets, 5);
  server.onData = () => {};
  server.link.resume(held);
  await waitFor("the rest", () => server.stream(held).ended, { timeoutMs: 20_000 });
  assert.equal(server.stream(held).octets, octets + 5);
});

test(
  "a connection that is held as a whole reads no stream, old or new, and loses nothing",
  BOUND,
  async () => {
    const { client, server } = await connected();
    const old = client.say("before", false);
    await waitFor("the stream", () => server.stream(old).octets === 6);
    server.link.pauseAll();
    client.link.write(old, Buffer.from(" and after"), 0, 10, true);
    const young = client.say("opened meanwhile");
    client.link.sendDatagram(Buffer.from("not a stream"), 0, 12);
    await waitFor("the datagram", () => server.datagrams.length === 1);
    assert.equal(server.stream(old).text, "before");
    assert.equal(server.streams.size, 1);
    server.link.resumeAll();
    await waitFor("both", () => server.stream(old).ended && server.stream(young).ended);
    assert.equal(server.stream(old).text, "before and after");
    assert.equal(server.stream(young).text, "opened meanwhile");
  },
);

test("resets and stops carry their codes, either way", BOUND, async () => {
  const { client, server } = await connected();
  const reset = client.say("unfinished", false);
  const stopped = client.say("unwanted", false);
  await waitFor("both", () => server.stream(reset).octets > 0 && server.stream(stopped).octets > 0);
  client.link.reset(reset, 0x10c);
  server.link.stop(stopped, 0x10b);
  await waitFor("the reset", () => server.stream(reset).resetCode === 0x10c);
  await waitFor("the stop", () => client.stream(stopped).stoppedCode === 0x10b);
  assert.equal(client.link.write(stopped, Buffer.from("more"), 0, 4, false), -1);
  server.link.reset(reset, 0x123456789);
  await waitFor("the other way", () => client.stream(reset).resetCode === 0x123456789);
  assert.equal(server.stream(stopped).resetCode, -1, "what was stopped says nothing more");
});

test("a reset and a stop that come together are both heard of, each with its code", BOUND, async () => {
  const { client, server } = await connected();
  const ids = Array.from({ length: 16 }, () => client.say("x", false));
  await waitFor("all", () => ids.every((id) => server.stream(id).octets === 1));
  // A part of an answer, which is acknowledged, and one that is to come.
  for (const id of ids) server.link.write(id, Buffer.from("y"), 0, 1, false);
  await waitFor("the answers", () => ids.every((id) => client.stream(id).octets === 1));
  for (const id of ids) {
    client.link.reset(id, 0x1000 + id);
    client.link.stop(id, 0x2000 + id);
  }
  await waitFor("all resets", () => ids.every((id) => server.stream(id).resetCode >= 0));
  for (const id of ids) {
    assert.equal(server.stream(id).resetCode, 0x1000 + id);
    assert.equal(server.stream(id).stoppedCode, 0x2000 + id);
  }
});

test(
  "a paused stream that its peer gives up is heard of at once, and nothing of it is read",
  BOUND,
  async () => {
    const { client, server } = await connected();
    server.onData = (id) => server.link.pause(id);
    const ids = Array.from({ length: 16 }, () => client.say("x", false));
    await waitFor("all", () => ids.every((id) => server.stream(id).octets === 1));
    for (const id of ids) client.link.write(id, Buffer.from("unread"), 0, 6, false);
    const other = ids.pop() as number;
    for (const id of ids) client.link.reset(id, 0x10c);
    await waitFor("the resets", () => ids.every((id) => server.stream(id).resetCode === 0x10c));
    for (const id of ids) assert.equal(server.stream(id).octets, 1);
    assert.equal(server.stream(other).resetCode, -1);
    server.onData = () => {};
    server.link.resume(other);
    await waitFor("the other", () => server.stream(other).text === "xunread");
  },
);

test(
  "the end of a paused stream waits until it is read again, with octets before it or without",
  BOUND,
  async () => {
    const { client, server } = await connected();
    server.onData = (id) => server.link.pause(id);
    const ids = Array.from({ length: 8 }, () => client.say("x", false));
    await waitFor("all", () => ids.every((id) => server.stream(id).octets === 1));
    // Half of the streams are over in the other direction already.
    const answered = ids.filter((_, i) => i % 2 === 0);
    for (const id of answered) server.link.write(id, Buffer.from("answer"), 0, 6, true);
    await waitFor("the answers", () => answered.every((id) => client.stream(id).ended));
    for (const [i, id] of ids.entries()) client.link.write(id, Buffer.from("rest"), 0, i < 4 ? 0 : 4, true);
    const probe = client.link.openUnidirectional();
    client.link.write(probe, Buffer.from("after them"), 0, 10, true);
    await waitFor("what came after", () => server.stream(probe).ended);
    for (const id of ids) assert.equal(server.stream(id).ended, false);
    server.onData = () => {};
    for (const id of ids) server.link.resume(id);
    await waitFor("all ends", () => ids.every((id) => server.stream(id).ended));
    for (const [i, id] of ids.entries()) assert.equal(server.stream(id).text, i < 4 ? "x" : "xrest");
  },
);

test("a stream that stalls holds up no other, however much passes", BOUND, async () => {
  const { client, server } = await connected();
  server.keep = false;
  const held = client.link.openBidirectional();
  server.onData = (id) => {
    if (id === held) server.link.pause(held);
  };
  const stalled = new Pour(client.link, held, TRANSPORT.streamWindowBytes);
  stalled.go();
  await waitFor("the stall", () => server.stream(held).octets > 0);
  const octets = 2 * TRANSPORT.connectionWindowBytes;
  const other = client.link.openBidirectional();
  const pour = new Pour(client.link, other, octets);
  client.onWritable = (id) => (id === held ? stalled : pour).go();
  stalled.go();
  pour.go();
  await waitFor("the other", () => server.stream(other).ended, { timeoutMs: 40_000 });
  assert.equal(server.stream(other).octets, octets);
  assert.equal(server.stream(held).ended, false);
  server.onData = () => {};
  server.link.resume(held);
  await waitFor("the rest", () => server.stream(held).ended, { timeoutMs: 20_000 });
  assert.equal(server.closed, null);
});

test(
  "a connection says that it is worn before cancelled uploads leave it without streams",
  BOUND,
  async () => {
    const { client, server } = await connected();
    let worn = 0;
    server.onWornOut = () => (worn += 1);
    server.onData = (id) => {
      if (server.stream(id).octets > 1) return;
      // Answered in full, and then the rest is not wanted: the answer is acknowledged before the reset comes.
      server.link.write(id, Buffer.from("no"), 0, 2, true);
    };
    let uploads = 0;
    for (; worn === 0 && uploads < 1000; uploads++) {
      assert.ok(client.link.bidirectionalLeft() > 0, `no stream after ${uploads}`);
      const id = client.say("x", false);
      await waitFor("the answer", () => client.stream(id).ended);
      server.link.stop(id, 0x100);
      await waitFor("the stop", () => client.stream(id).stoppedCode === 0x100);
    }
    assert.ok(uploads >= TRANSPORT.maxBidirectionalStreams / 2 && uploads < 1000, `${uploads}`);
    const last = client.say("x");
    await waitFor("an answer", () => client.stream(last).ended);
    assert.equal(worn, 1, "told once");
  },
);

test("a stop is noticed on a stream that rests, among many", BOUND, async () => {
  const { client, server } = await connected();
  const ids = Array.from({ length: 16 }, () => client.say("x", false));
  await waitFor("all", () => ids.every((id) => server.stream(id).octets === 1));
  for (const id of ids) server.link.stop(id, 0x77);
  await waitFor("all stops", () => ids.every((id) => client.stream(id).stoppedCode === 0x77));
});

test("no more streams than the peer allows, and word when it allows more", BOUND, async () => {
  const { client, server } = await connected(echo);
  const ids = Array.from({ length: 16 }, () => client.say("x", false));
  await waitFor("all", () => ids.every((id) => client.stream(id).octets === 1));
  assert.equal(client.link.openBidirectional(), -1);
  assert.equal(client.streamsAllowed, 0);
  for (const id of ids) client.link.write(id, Buffer.alloc(0), 0, 0, true);
  await waitFor("word", () => client.streamsAllowed === 1);
  assert.equal(client.link.openBidirectional(), 64);
  assert.equal(server.closed, null);
});

test("datagrams go both ways; too large ones are dropped", BOUND, async () => {
  const { client, server } = await connected();
  assert.ok(client.link.sendDatagram(Buffer.from("ping"), 0, 4));
  assert.ok(server.link.sendDatagram(Buffer.from("pong"), 0, 4));
  await waitFor("both", () => server.datagrams.length === 1 && client.datagrams.length === 1);
  assert.deepEqual([server.datagrams, client.datagrams], [["ping"], ["pong"]]);
  assert.equal(client.link.sendDatagram(Buffer.alloc(1400), 0, 1400), false);
});

test("a close carries its code and reason, and is the last that anybody hears", BOUND, async () => {
  const { client, server, listener } = await connected();
  client.say("and then nothing", false);
  client.link.close(0x10c, "enough");
  assert.equal(client.closed, null, "not within the call");
  await waitFor("both", () => client.closed !== null && server.closed !== null);
  assert.deepEqual(server.closed, { by: "peer", application: true, code: 0x10c, reason: "enough" });
  assert.deepEqual(client.closed, { by: "local", application: true, code: 0x10c, reason: "enough" });
  assert.equal(client.link.openBidirectional(), -1);
  assert.equal(client.link.write(0, Buffer.from("x"), 0, 1, false), -1);
  await waitFor("nothing to be left", () => listener.endpoint.openConnections === 0);
  assert.equal(listener.tickets.count("127.0.0.1"), 0);
});

test("what came before a close in the same batch is still heard", BOUND, async () => {
  const { client, server } = await connected();
  const id = client.say("last words");
  client.link.close(0x100, "");
  await waitFor("the close", () => server.closed !== null);
  assert.equal(server.stream(id).text, "last words");
});

test("an abandoned connection says nothing, and its owner hears that it is over", BOUND, async () => {
  const { client, server, world } = await connected();
  client.link.abandon();
  await waitFor("the end", () => client.closed !== null);
  assert.equal(server.closed, null);
  assert.ok(world.clock.nowMs > 0);
});

test("silence ends a connection after the idle timeout, on both sides", BOUND, async () => {
  const network = new MemoryNetwork();
  const world = await QuicWorld.open(network);
  worlds.push(world);
  const transport = { ...TRANSPORT, maxIdleTimeoutMs: 400 };
  const listener = await world.listener(world.environment(), { settings: { transport } });
  const client = (await world.client(world.environment(1), transport)).connect(
    udpAddress("127.0.0.1", listener.endpoint.port),
  );
  await waitFor("the handshake", () => client.established && listener.served[0]?.established);
  await waitFor("the end", () => client.closed !== null && listener.served[0]?.closed?.by === "timeout");
  assert.deepEqual(client.closed, { by: "timeout", application: false, code: 0, reason: "" });
  await waitFor("nothing to be left", () => listener.endpoint.openConnections === 0);
});

test("bodies come whole through loss and reordering", BOUND, async () => {
  const { client, network } = await connected(echo);
  let count = 0;
  const late = new WeakSet<MemoryDatagram>();
  network.transit = (datagram) => {
    if (late.has(datagram)) return [datagram];
    count += 1;
    if (count % 20 === 0) return [];
    if (count % 7 === 0) {
      late.add(datagram);
      setTimeout(() => network.inject(datagram), 3);
      return [];
    }
    return count % 11 === 0 ? [datagram, { ...datagram }] : [datagram];
  };
  client.keep = false;
  const id = client.link.openBidirectional();
  const pour = new Pour(client.link, id, 1_000_000);
  client.onWritable = () => pour.go();
  pour.go();
  await waitFor("the echo", () => client.stream(id).ended, { timeoutMs: 40_000 });
  assert.equal(client.stream(id).octets, 1_000_000);
  assert.ok(count > 1000, `${count} datagrams`);
});

test("a socket that takes no more holds its connections until it drains", BOUND, async () => {
  const network = new MemoryNetwork();
  const bound: Awaited<ReturnType<MemoryNetwork["bind"]>>[] = [];
  const bind = network.bind.bind(network);
  network.bind = async (options) => {
    const socket = await bind(options);
    bound.push(socket);
    return socket;
  };
  const world = await QuicWorld.open(network);
  worlds.push(world);
  const listener = await world.listener(world.environment(), { serve: echo });
  const client = (await world.client(world.environment(1))).connect(
    udpAddress("127.0.0.1", listener.endpoint.port),
  );
  await waitFor("the handshake", () => client.established);
  const socket = bound[0];
  assert.ok(socket !== undefined);
  socket.block(true);
  const id = client.say("held");
  await waitFor("the request", () => listener.served[0]?.stream(id).ended);
  assert.equal(client.stream(id).octets, 0);
  socket.block(false);
  await waitFor("the echo", () => client.stream(id).ended);
  assert.equal(client.stream(id).text, "held");
});

test(
  "a body leaves in runs of equal datagrams to one peer, the last of a run no longer than the others",
  BOUND,
  async () => {
    const network = new MemoryNetwork();
    const world = await QuicWorld.open(network);
    worlds.push(world);
    const environment = world.environment();
    const listener = await world.listener(environment);
    const socket = listener.endpoint.sender.socket;
    const runs: { octets: number; segmentBytes: number }[] = [];
    const send = socket.send.bind(socket);
    socket.send = (path, start, end, segmentBytes) => {
      runs.push({ octets: end - start, segmentBytes });
      return send(path, start, end, segmentBytes);
    };
    const clients = await world.client(world.environment(1));
    const client = clients.connect(udpAddress("127.0.0.1", listener.endpoint.port));
    await waitFor("the handshake", () => client.established && listener.served[0]?.established);
    const server = listener.served[0] as NotingOwner;
    const id = server.link.openBidirectional();
    const pour = new Pour(server.link, id, 2_000_000);
    server.onWritable = () => pour.go();
    client.keep = false;
    pour.go();
    await waitFor("the body", () => client.stream(id).ended, { timeoutMs: 20_000 });
    const datagrams = runs.reduce(
      (sum, { octets, segmentBytes }) => sum + Math.ceil(octets / segmentBytes),
      0,
    );
    assert.equal(datagrams, environment.counters.get("quic_datagrams_sent_total"));
    for (const { octets, segmentBytes } of runs) {
      assert.ok(octets <= 65_487 && segmentBytes <= 1350 && octets <= 64 * segmentBytes);
    }
    assert.ok(datagrams / runs.length > 4, `${datagrams} datagrams in ${runs.length} runs`);
    assert.ok(Math.max(...runs.map(({ octets }) => octets)) > 40_000, "up to what the kernel takes at once");
  },
);
