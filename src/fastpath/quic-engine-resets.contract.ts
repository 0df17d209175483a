/** The part of the QUIC contract about streams that are given up: RESET_STREAM, STOP_SENDING, their codes. */
import assert from "node:assert/strict";
import {
  connected,
  directions,
  firstIds,
  namedTest,
  type QuicEngineTraits,
  read,
  transportSettings,
  write,
} from "./quic-engine-peers.contract.ts";
import { MAX_QUIC_INTEGER, StreamResult } from "./quic-engine.ts";

const CODES = [0, 1, 0x10c, 2 ** 32, MAX_QUIC_INTEGER];
const BAD_CODES = [-1, Number.NaN, 1.5, 2 ** 53, 2 ** 62, Infinity];

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
        assert.equal(to.streamFinished(id), false);
        assert.equal(read(to, id).result, StreamResult.ended);
        assert.equal(to.streamCode, code);
        assert.equal(write(to, id, "still", true), 5);
        assert.equal(to.streamFinished(id), true);
        network.settle();
        assert.equal(read(from, id).bytes.toString(), "still");
        assert.equal(from.streamFinished(id), true);
        from.resetStream(id, code);
        to.resetStream(id, code);
      }
    }
  });

  it("STOP_SENDING reaches the writer with its code, and ends that direction only", async () => {
    const network = await connected(traits);
    for (const [from, to] of directions(network)) {
      for (const [i, code] of CODES.entries()) {
        const id = firstIds(network, from).both + 4 * i;
        write(from, id, "begun");
        network.settle();
        to.stopSending(id, code);
        to.stopSending(id, code);
        assert.equal(to.streamReadable(id), false);
        network.settle();
        assert.equal(from.streamCapacity(id), StreamResult.ended);
        assert.equal(from.streamCode, code);
        assert.equal(write(from, id, "more", true) < 0, true);
        assert.equal(write(to, id, "answer", true), 6);
        assert.equal(to.streamFinished(id), true);
        network.settle();
        assert.equal(read(from, id).bytes.toString(), "answer");
        assert.equal(from.streamFinished(id), true);
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
      for (const id of [own, own + 4]) assert.ok(from.streamFinished(id) && to.streamFinished(id));
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
