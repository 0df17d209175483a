/** The part of the QUIC contract about streams: octets and ends both ways, windows and limits. */
import assert from "node:assert/strict";
import {
  connected,
  directions,
  firstIds,
  namedTest,
  type QuicEngineTraits,
  read,
  transfer,
  transportSettings,
  write,
} from "./quic-engine-peers.contract.ts";
import { waitFor } from "../../test/support/wait-for.ts";
import { StreamResult } from "./quic-engine.ts";

const CONNECTION_WINDOW = 100_000;
const STREAM_WINDOW = 40_000;

const NARROW = transportSettings({
  connectionWindowBytes: CONNECTION_WINDOW,
  streamWindowBytes: STREAM_WINDOW,
  maxBidirectionalStreams: 3,
  maxUnidirectionalStreams: 2,
});

/** IDs that are none, and native code may take for others. */
const NO_IDS = [-1, Number.NaN, 0.5, Infinity, 2 ** 53, 2 ** 62];

export function pattern(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
}

export function testStreams(traits: QuicEngineTraits): void {
  const it = namedTest(traits);

  it("an end that comes with octets which were read before is told", async () => {
    const network = await connected(traits);
    const { client, server } = network;
    const id = firstIds(network, client).both;
    const ends: number[] = [];
    server.takeEnds(ends);
    write(client, id, "hello");
    for (const packet of network.packetsOf(client)) network.toServer(packet);
    assert.equal(read(server, id).bytes.toString(), "hello");
    // Neither the acknowledgement nor the end by itself arrives, so that both are sent once more.
    network.packetsOf(server);
    write(client, id, "", true);
    network.packetsOf(client);
    let repeated: Buffer[] = [];
    await waitFor("a probe", () => {
      client.onTimeout();
      repeated = network.packetsOf(client);
      return repeated.length > 0;
    });
    for (const packet of repeated) network.toServer(packet);
    assert.ok(server.streamReadable(id) || (server.takeEnds(ends), ends.length === 2));
    if (server.streamReadable(id)) assert.equal(read(server, id).fin, true);
    else assert.deepEqual(ends, [id, 5]);
  });

  it("octets and the end pass on a stream, both ways", async () => {
    const network = await connected(traits);
    for (const [from, to] of directions(network)) {
      const id = firstIds(network, from).both;
      assert.equal(write(from, id, "ping"), 4);
      network.settle();
      assert.equal(to.hasReadable, true);
      const readable: number[] = [99];
      assert.equal(to.readableStreams(readable), 1);
      assert.deepEqual(readable, [id]);
      assert.equal(to.streamReadable(id), true);
      const ping = read(to, id);
      assert.deepEqual([ping.bytes.toString(), ping.fin, ping.result], ["ping", false, StreamResult.blocked]);
      assert.equal(to.streamReadable(id), false);
      assert.equal(write(from, id, "", true), 0);
      assert.equal(write(to, id, "pong", true), 4);
      network.settle();
      assert.deepEqual(read(to, id), { bytes: Buffer.alloc(0), fin: true, result: 0 });
      const pong = read(from, id);
      assert.deepEqual([pong.bytes.toString(), pong.fin], ["pong", true]);
    }
  });

  it("a unidirectional stream passes one way only", async () => {
    const network = await connected(traits);
    for (const [from, to] of directions(network)) {
      const id = firstIds(network, from).own;
      assert.equal(write(from, id, "one way", true), 7);
      network.settle();
      assert.equal(read(to, id).bytes.toString(), "one way");
      assert.equal(write(to, id, "back"), StreamResult.unknown);
      assert.equal(to.streamCapacity(id), StreamResult.unknown);
      assert.equal(read(from, id).result, StreamResult.unknown);
      to.resetStream(id, 1);
      from.stopSending(id, 1);
      network.settle();
      assert.equal(to.closeReason ?? from.closeReason, null);
    }
  });

  it("large bodies pass whole, on several streams at once", async () => {
    const network = await connected(traits);
    for (const [from, to] of directions(network)) {
      const id = firstIds(network, from).both;
      const body = pattern(1_500_000);
      assert.ok((await transfer(network, [from, to], id, body)).equals(body));
      const other = pattern(300_000);
      const both = await Promise.all([
        transfer(network, [to, from], id, other),
        transfer(network, [from, to], id + 4, body),
      ]);
      assert.ok(both[0].equals(other) && both[1].equals(body));
    }
  });

  it("a reader that stalls holds the sender to the stream's window, and nobody else", async () => {
    const network = await connected(traits, { server: { transport: NARROW }, client: { transport: NARROW } });
    for (const [from, to] of directions(network)) {
      const id = firstIds(network, from).both;
      const body = pattern(STREAM_WINDOW * 2);
      let written = 0;
      await network.until("the window to be full", () => {
        written += Math.max(0, from.writeStream(id, body, written, body.length, true));
        return written === STREAM_WINDOW;
      });
      for (let i = 0; i < 20; i++) network.settle();
      assert.equal(from.writeStream(id, body, written, body.length, true), StreamResult.blocked);
      assert.equal(from.streamCapacity(id), 0);
      const other = pattern(5000);
      assert.ok((await transfer(network, [from, to], id + 4, other)).equals(other));
      const received: Buffer[] = [];
      await network.until("the rest", () => {
        const part = read(to, id);
        received.push(part.bytes);
        network.settle();
        written += Math.max(0, from.writeStream(id, body, written, body.length, true));
        return part.fin;
      });
      assert.ok(Buffer.concat(received).equals(body));
    }
  });

  it("a stream that stalls does not hold up another, however much passes on that", async () => {
    const windows = { connectionWindowBytes: 10 * 1024 * 1024, streamWindowBytes: 1024 * 1024 };
    const transport = transportSettings({
      ...windows,
      maxBidirectionalStreams: 128,
      maxUnidirectionalStreams: 16,
    });
    const network = await connected(traits, { server: { transport }, client: { transport } });
    for (const [from, to] of directions(network)) {
      const id = firstIds(network, from).both;
      const stalled = Buffer.alloc(windows.streamWindowBytes);
      let written = 0;
      await network.until("the window to be full", () => {
        const taken = from.writeStream(id, stalled, written, stalled.length, false);
        written += Math.max(0, taken);
        return taken === StreamResult.blocked && written > 64 * 1024;
      });
      const other = pattern(4 * 1024 * 1024);
      for (let i = 1; i <= 4; i++) {
        const received = await transfer(network, [from, to], id + 4 * i, other);
        assert.ok(received.equals(other), `after ${i * 4} MiB`);
      }
    }
  });

  it("all streams together begin with no more than the connection's window", async () => {
    for (const connectionWindowBytes of [1_000_000, 100_000]) {
      const transport = transportSettings({
        connectionWindowBytes,
        streamWindowBytes: 200_000,
        maxBidirectionalStreams: 10,
        maxUnidirectionalStreams: 5,
      });
      const network = await connected(traits, { server: { transport } });
      const { client } = network;
      const body = Buffer.alloc(200_000);
      const ids = Array.from({ length: 10 }, (_, i) => 4 * i);
      const written = new Map(ids.map((id) => [id, 0]));
      await network.until("all windows to be full", () => {
        let taken = 0;
        for (const id of ids) {
          const done = written.get(id) ?? 0;
          const more = Math.max(0, client.writeStream(id, body, done, body.length, false));
          written.set(id, done + more);
          taken += more;
        }
        return taken === 0 && ids.every((id) => client.streamCapacity(id) === 0);
      });
      const total = [...written.values()].reduce((sum, octets) => sum + octets, 0);
      assert.ok(total <= connectionWindowBytes && total > connectionWindowBytes / 2, `${total}`);
    }
  });

  it("readers that stall hold the sender to the connection's window", async () => {
    const network = await connected(traits, { server: { transport: NARROW } });
    const body = pattern(STREAM_WINDOW);
    let total = 0;
    const written = [0, 0, 0];
    await network.until("the window to be full", () => {
      written.forEach((done, i) => {
        const taken = Math.max(0, network.client.writeStream(4 * i, body, done, body.length, false));
        written[i] = done + taken;
        total += taken;
      });
      return total >= CONNECTION_WINDOW;
    });
    assert.equal(total, CONNECTION_WINDOW);
    assert.equal(network.client.streamCapacity(8), 0);
    for (const id of [0, 4, 8]) read(network.server, id);
    await network.until("credit", () => network.client.streamCapacity(8) > 0);
  });

  it("streams beyond the peer's limit cannot be opened until others have ended", async () => {
    const network = await connected(traits, { server: { transport: NARROW } });
    const { client, server } = network;
    assert.equal(client.bidirectionalStreamsLeft(), 3);
    assert.equal(client.unidirectionalStreamsLeft(), 2);
    for (const id of [0, 4, 8]) assert.equal(write(client, id, "x", true), 1);
    for (const id of [2, 6]) assert.equal(write(client, id, "x", true), 1);
    assert.equal(client.bidirectionalStreamsLeft(), 0);
    assert.equal(client.unidirectionalStreamsLeft(), 0);
    assert.equal(write(client, 12, "x", true), StreamResult.blocked);
    assert.equal(write(client, 10, "x", true), StreamResult.blocked);
    network.settle();
    for (const id of [0, 4, 8]) {
      read(server, id);
      write(server, id, "y", true);
    }
    for (const id of [2, 6]) read(server, id);
    network.settle();
    for (const id of [0, 4, 8]) read(client, id);
    await network.until(
      "room",
      () => client.bidirectionalStreamsLeft() > 0 && client.unidirectionalStreamsLeft() > 0,
    );
    assert.equal(write(client, 12, "x", true), 1);
    assert.equal(write(client, 10, "x", true), 1);
  });

  it("streams that are not there are unknown, and nothing happens to them", async () => {
    const network = await connected(traits);
    const { client, server } = network;
    for (const id of [...NO_IDS, 1, 400, 2 ** 52]) {
      assert.equal(client.streamReadable(id), false, `${id}`);
      assert.equal(read(client, id).result, StreamResult.unknown, `${id}`);
      assert.equal(client.streamCapacity(id), StreamResult.unknown, `${id}`);
      client.resetStream(id, 1);
      client.stopSending(id, 1);
    }
    // The peer has not opened these, or they are none; 0 would be ours to open.
    for (const id of [...NO_IDS, 1, 3]) {
      assert.equal(write(client, id, "x"), StreamResult.unknown, `${id}`);
      client.prioritise(id, 3, false);
    }
    network.settle();
    assert.equal(client.closeReason ?? server.closeReason, null);
    assert.equal(server.hasReadable, false);
  });

  it("nothing can be written after the end", async () => {
    const network = await connected(traits);
    write(network.client, 0, "all", true);
    assert.equal(write(network.client, 0, "more", true), StreamResult.unknown);
    network.settle();
    assert.equal(read(network.server, 0).bytes.toString(), "all");
  });

  it("what was written of urgent streams goes first, and incremental ones share", async () => {
    const network = await connected(traits);
    const { client, server } = network;
    for (const id of [0, 4, 8, 12]) write(client, id, "?", true);
    network.settle();
    for (const id of [0, 4, 8, 12]) read(server, id);
    server.prioritise(0, 7, false);
    server.prioritise(4, 0, false);
    const body = pattern(6000);
    for (const id of [0, 4]) assert.equal(server.writeStream(id, body, 0, body.length, true), body.length);
    const order: number[] = [];
    for (const packet of network.packetsOf(server)) {
      network.toClient(packet);
      for (const id of [0, 4]) if (read(client, id).fin) order.push(id);
    }
    assert.deepEqual(order, [4, 0]);
    network.settle();
    for (const id of [8, 12]) server.prioritise(id, 3, true);
    for (const id of [8, 12]) assert.equal(server.writeStream(id, body, 0, 3000, true), 3000);
    const turns = new Set<number>();
    for (const packet of network.packetsOf(server).slice(0, 2)) {
      network.toClient(packet);
      for (const id of [8, 12]) if (read(client, id).bytes.length > 0) turns.add(id);
    }
    assert.deepEqual(
      [...turns].toSorted((a, b) => a - b),
      [8, 12],
    );
  });
}
