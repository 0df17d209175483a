/** The part of the QUIC contract about peers that want no more of a stream: STOP_SENDING and its code. */
import assert from "node:assert/strict";
import { frame } from "./quic-engine-frames.contract.ts";
import {
  connected,
  directions,
  firstIds,
  namedTest,
  type Network,
  type QuicEngineTraits,
  read,
  write,
} from "./quic-engine-peers.contract.ts";
import { MAX_QUIC_INTEGER, type QuicConnectionEngine, StreamResult } from "./quic-engine.ts";

const CODES = [0, 1, 0x10c, 2 ** 32, MAX_QUIC_INTEGER];

type Ends = readonly [QuicConnectionEngine, QuicConnectionEngine];

/** Streams that an engine may forget as soon as nothing of what was sent is to be acknowledged. */
const FORGOTTEN: Readonly<Record<string, (network: Network, ends: Ends, more: number) => number>> = {
  "a stream of one direction": (network, [from], more) => firstIds(network, from).own + more,
  "what is left of a stream of two": (network, [from, to], more) => {
    const id = firstIds(network, from).both + more;
    write(from, id, "hello");
    network.settle();
    write(to, id, "that is all", true);
    network.settle();
    assert.equal(read(from, id).fin, true);
    return id;
  },
};

export function testStops(traits: QuicEngineTraits): void {
  const it = namedTest(traits);

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
        network.settle();
        assert.equal(read(from, id).bytes.toString(), "answer");
      }
    }
  });

  it("a stop that comes with a reset is told with its code, if it is asked for before the reset is read", async () => {
    const network = await connected(traits);
    for (const [from, to] of directions(network)) {
      const id = firstIds(network, from).both;
      write(from, id, "asked");
      network.settle();
      read(to, id);
      write(to, id, "answering");
      network.settle();
      from.resetStream(id, 0x11);
      from.stopSending(id, 0x22);
      network.settle();
      assert.equal(to.streamCapacity(id), StreamResult.ended);
      assert.equal(to.streamCode, 0x22);
      assert.equal(read(to, id).result, StreamResult.ended);
      assert.equal(to.streamCode, 0x11);
    }
  });

  for (const [what, begin] of Object.entries(FORGOTTEN)) {
    it(`a stop is told with its code when ${what} is all acknowledged by the same packet`, async () => {
      const network = await connected(traits);
      for (const ends of directions(network)) {
        const [from, to] = ends;
        for (const [i, code] of CODES.entries()) {
          const id = begin(network, ends, 4 * i);
          write(from, id, "begun");
          for (const packet of network.packetsOf(from)) network.deliver(packet, to);
          to.stopSending(id, code);
          const answer = network.packetsOf(to);
          assert.equal(answer.length, 1);
          network.deliver(answer[0] as Buffer, from);
          assert.equal(from.streamCapacity(id), StreamResult.ended);
          assert.equal(from.streamCode, code);
          assert.equal(write(from, id, "more"), StreamResult.ended);
          network.settle();
          assert.equal(read(to, id).result < 0, true);
        }
      }
    });
  }

  it("a stop is told with its code when the acknowledgement follows before anybody asks", async () => {
    const network = await connected(traits);
    for (const ends of directions(network)) {
      const [from, to] = ends;
      for (const [i, code] of CODES.entries()) {
        const id = firstIds(network, from).own + 4 * i;
        write(from, id, "begun");
        network.settle();
        write(from, id, "more");
        const late = network.packetsOf(from);
        to.stopSending(id, code);
        const stop = network.packetsOf(to);
        for (const packet of late) network.deliver(packet, to);
        const acknowledgement = network.packetsOf(to);
        assert.deepEqual([stop.length, acknowledgement.length], [1, 1]);
        for (const packet of [...stop, ...acknowledgement]) network.deliver(packet, from);
        assert.equal(from.streamCapacity(id), StreamResult.ended);
        assert.equal(from.streamCode, code);
      }
    }
  });

  it("the code of a stop is that of the peer, whatever others say before", async () => {
    const network = await connected(traits);
    const { client, server } = network;
    const id = firstIds(network, server).own;
    write(server, id, "begun");
    for (const packet of network.packetsOf(server)) network.toClient(packet);
    for (let first = 0x40; first < 0x60; first++) {
      const number = frame(1, 1, 1, 1);
      network.toServer(
        Buffer.concat([Buffer.from([first]), network.serverId, number, frame(0x05, id, 7), Buffer.alloc(40)]),
      );
    }
    assert.ok(server.streamCapacity(id) > 0);
    client.stopSending(id, 0x10c);
    for (const packet of network.packetsOf(client)) network.toServer(packet);
    assert.equal(server.streamCapacity(id), StreamResult.ended);
    assert.equal(server.streamCode, 0x10c);
  });
}
