/** The part of the QUIC contract about streams that are given up: RESET_STREAM, its codes, and what such streams leave. */
import assert from "node:assert/strict";
import { Forger } from "./quic-engine-forger.contract.ts";
import { frame } from "./quic-engine-frames.contract.ts";
import {
  connected,
  directions,
  firstIds,
  namedTest,
  type Network,
  type QuicEngineTraits,
  read,
  transfer,
  transportSettings,
  write,
} from "./quic-engine-peers.contract.ts";
import { MAX_QUIC_INTEGER, StreamResult } from "./quic-engine.ts";

const CODES = [0, 1, 0x10c, 2 ** 32, MAX_QUIC_INTEGER];
const BAD_CODES = [-1, Number.NaN, 1.5, 2 ** 53, 2 ** 62, Infinity];

/** A share of 64 KiB and more for each stream. */
const SHARED = transportSettings({
  connectionWindowBytes: 2_000_000,
  streamWindowBytes: 200_000,
  maxBidirectionalStreams: 20,
  maxUnidirectionalStreams: 10,
});

/** As a relay has it: the connection's window is what bounds. */
const NARROW = transportSettings({
  connectionWindowBytes: 224 * 1024,
  streamWindowBytes: 128 * 1024,
  streamStartBytes: 8 * 1024,
});

const UPLOAD = Buffer.alloc(8000, "u");

/** How an upload may end before its time; the server has not read it. */
const ABORTED_UPLOADS: Readonly<Record<string, (network: Network, id: number) => void>> = {
  "are reset unread": ({ client, server }, id) => {
    client.resetStream(id, 1);
    server.resetStream(id, 1);
  },
  "are stopped and answered, and end meanwhile": (network, id) => {
    const { client, server } = network;
    server.stopSending(id, 1);
    write(server, id, "no", true);
    write(client, id, "the rest", true);
  },
  "are stopped after the answer, and reset": (network, id) => {
    const { client, server } = network;
    write(server, id, "no", true);
    network.settle();
    server.stopSending(id, 1);
    network.settle();
    assert.equal(client.streamCapacity(id), StreamResult.ended);
    client.resetStream(id, 1);
  },
};

export function testResets(traits: QuicEngineTraits): void {
  const it = namedTest(traits);

  it("a reset reaches the reader with its code, and ends that direction only", async () => {
    const network = await connected(traits);
    for (const [from, to] of directions(network)) {
      for (const [i, code] of CODES.entries()) {
        const id = firstIds(network, from).both + 4 * i;
        write(from, id, "begun");
        network.settle();
        from.resetStream(id, code);
        network.settle();
        assert.equal(to.streamReadable(id), true);
        assert.equal(read(to, id).result, StreamResult.ended);
        assert.equal(to.streamCode, code);
        assert.equal(write(to, id, "still", true), 5);
        network.settle();
        assert.equal(read(from, id).bytes.toString(), "still");
        from.resetStream(id, code);
        to.resetStream(id, code);
      }
    }
  });

  it("unidirectional streams are reset and stopped as well", async () => {
    const network = await connected(traits);
    for (const [from, to] of directions(network)) {
      const { own } = firstIds(network, from);
      write(from, own, "begun");
      write(from, own + 4, "begun");
      network.settle();
      from.resetStream(own, 5);
      to.stopSending(own + 4, 6);
      // One flight: the end of a stream may be forgotten when both know of it.
      for (const packet of network.packetsOf(to)) network.deliver(packet, from);
      for (const packet of network.packetsOf(from)) network.deliver(packet, to);
      assert.equal(read(to, own).result, StreamResult.ended);
      assert.equal(to.streamCode, 5);
      assert.equal(from.streamCapacity(own + 4), StreamResult.ended);
      assert.equal(from.streamCode, 6);
    }
  });

  it("what is stopped again and again does not use up the connection's window", async () => {
    const transport = transportSettings({ connectionWindowBytes: 50_000, streamWindowBytes: 20_000 });
    const network = await connected(traits, { server: { transport } });
    const { client, server } = network;
    const body = Buffer.alloc(5000);
    for (let id = 0; id < 4 * 40; id += 4) {
      assert.equal(client.writeStream(id, body, 0, body.length, false), body.length, `stream ${id}`);
      network.settle();
      server.stopSending(id, 1);
      server.resetStream(id, 2);
      network.settle();
      assert.equal(client.streamCapacity(id) < 0, true);
      assert.equal(read(client, id).result, StreamResult.ended);
      network.settle();
    }
  });

  it("who reads nothing hears of a reset, of an end that nothing is before, and of nothing else", async () => {
    const network = await connected(traits);
    const room = Buffer.alloc(100);
    for (const [from, to] of directions(network)) {
      const { both } = firstIds(network, from);
      const [reset, open, ended, bare] = [both, both + 4, both + 8, both + 12];
      for (const id of [reset, open]) write(from, id, "unread");
      write(from, ended, "unread", true);
      write(from, bare, "", true);
      network.settle();
      for (const id of [reset, open, ended]) {
        assert.equal(to.streamReadable(id), true);
        assert.ok(to.readStream(id, room, 7, 7) <= 0);
        assert.equal(to.streamFin, false);
      }
      assert.equal(to.readStream(bare, room, 7, 7), 0);
      assert.equal(to.streamFin, true);
      assert.equal(to.streamReadable(bare), false, "it is read");
      from.resetStream(reset, 0x77);
      network.settle();
      assert.equal(to.readStream(reset, room, 7, 7), StreamResult.ended);
      assert.equal(to.streamCode, 0x77);
      assert.equal(to.streamReadable(reset), false);
      assert.deepEqual(read(to, open).bytes.toString(), "unread");
      const { bytes, fin } = read(to, ended);
      assert.deepEqual([bytes.toString(), fin], ["unread", true]);
      assert.ok(room.equals(Buffer.alloc(100)));
    }
  });

  it("an end that nothing is before is told to who reads nothing, after the other direction is over, too", async () => {
    const network = await connected(traits);
    const { client, server } = network;
    write(client, 0, "ask");
    network.settle();
    assert.equal(read(server, 0).bytes.toString(), "ask");
    write(server, 0, "answer", true);
    network.settle();
    assert.equal(read(client, 0).fin, true);
    network.settle();
    write(client, 0, "", true);
    network.settle();
    assert.equal(server.readStream(0, Buffer.alloc(1), 0, 0), 0);
    assert.equal(server.streamFin, true);
    assert.equal(server.streamReadable(0), false);
    assert.equal(server.hasReadable, false);
  });

  for (const [what, end] of Object.entries(ABORTED_UPLOADS)) {
    it(`thousands of uploads that ${what}: no stall before the engine says that the connection is worn`, async () => {
      const network = await connected(traits, { server: { transport: SHARED } });
      const { client, server } = network;
      let id = 0;
      for (let i = 0; i < 3000 && !server.worn; i++, id += 4) {
        assert.ok(client.bidirectionalStreamsLeft() > 0, `no stream after ${i}`);
        assert.equal(client.writeStream(id, UPLOAD, 0, UPLOAD.length, false), UPLOAD.length, `upload ${i}`);
        network.settle();
        end(network, id);
        network.settle();
        read(server, id);
        read(client, id);
        network.settle();
      }
      assert.ok(id > SHARED.maxBidirectionalStreams, `worn after ${id / 4} streams`);
      assert.equal(client.closeReason ?? server.closeReason, null);
    });
  }

  it("a connection whose window is lost with unread uploads says so while streams still pass", async () => {
    const network = await connected(traits, { server: { transport: NARROW } });
    const { client, server } = network;
    let id = 0;
    for (; !server.worn && id < 4 * 100; id += 4) {
      assert.equal(
        client.writeStream(id, UPLOAD, 0, UPLOAD.length, false),
        UPLOAD.length,
        `upload ${id / 4}`,
      );
      network.settle();
      client.resetStream(id, 1);
      server.resetStream(id, 1);
      network.settle();
      for (const end of [server, client]) assert.equal(read(end, id).result, StreamResult.ended);
    }
    const body = Buffer.alloc(2000, "z");
    for (const last = id + 4 * 300; id < last; id += 4) {
      assert.ok((await transfer(network, [client, server], id, body)).equals(body));
      write(server, id, "", true);
      network.settle();
      read(client, id);
      network.settle();
    }
  });

  it("uploads that were read to where they are reset lose nothing, thousands of them", async () => {
    const network = await connected(traits, { server: { transport: NARROW } });
    const { client, server } = network;
    for (let id = 0; id < 4 * 3000; id += 4) {
      assert.equal(
        client.writeStream(id, UPLOAD, 0, UPLOAD.length, false),
        UPLOAD.length,
        `upload ${id / 4}`,
      );
      network.settle();
      assert.equal(read(server, id).bytes.length, UPLOAD.length);
      client.resetStream(id, 1);
      server.resetStream(id, 1);
      network.settle();
      for (const end of [server, client]) assert.equal(read(end, id).result, StreamResult.ended);
      assert.equal(server.worn, false, `after ${id / 4}`);
    }
  });

  it("the same of a peer that ends what we have stopped, and does not reset it", async () => {
    const forger = await Forger.client(traits, { server: { transport: SHARED } });
    const { network } = forger;
    const { server } = network;
    let count = 0;
    for (; count < 3000 && !server.worn; count++) {
      const id = 4 * count;
      forger.send(frame(0x0a, id, 5, Buffer.from("begun")));
      assert.equal(server.closeReason, null, `no stream after ${count}`);
      assert.equal(read(server, id).bytes.toString(), "begun");
      server.stopSending(id, 1);
      write(server, id, "no", true);
      network.packetsOf(server);
      forger.send(frame(0x0f, id, 5, 4, Buffer.from("rest")));
      // All that the server can have sent so far.
      forger.send(frame(0x02, 100_000, 0, 0, 100_000));
    }
    assert.ok(count > SHARED.maxBidirectionalStreams / 4, `worn after ${count} streams`);
  });

  it("a code that no peer could be told is our own mistake, and harms nobody", async () => {
    const network = await connected(traits);
    write(network.client, 0, "begun");
    for (const code of BAD_CODES) {
      assert.throws(() => network.client.resetStream(0, code), /code/);
      assert.throws(() => network.client.stopSending(0, code), /code/);
      assert.throws(() => network.client.close(true, code, ""), /code/);
    }
    write(network.client, 0, "", true);
    network.settle();
    assert.equal(read(network.server, 0).bytes.toString(), "begun");
  });
}
