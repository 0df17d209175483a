/** The part of the QUIC contract about packets that are none or were spoiled: nothing throws, nothing aborts. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  connected,
  namedTest,
  pair,
  type QuicEngineTraits,
  read,
  transfer,
  write,
} from "./quic-engine-peers.contract.ts";
import type { QuicConnectionEngine } from "./quic-engine.ts";
import { pattern } from "./quic-engine-streams.contract.ts";

const RUNS = { numRuns: 200 };

/** Everything that an owner asks after a packet. */
export function ask(end: QuicConnectionEngine): void {
  const room = Buffer.alloc(1500);
  for (let sent = 0; sent < 50 && end.nextPacket(room, 0, room.length) > 0; sent++);
  end.timeoutMs();
  end.readableStreams([]);
  end.readStream(0, room, 0, room.length);
  end.readDatagram(room, 0, room.length);
  end.streamCapacity(0);
  end.retiredConnectionId();
  assert.equal(typeof end.closed, "boolean");
  assert.equal(typeof end.draining, "boolean");
  assert.notEqual(end.closeReason, undefined);
}

/** Octets at random places become others. */
const spoiling = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
  minLength: 1,
  maxLength: 4,
});

function spoiled(packet: Buffer, changes: readonly (readonly [number, number])[]): Buffer {
  const copy = Buffer.from(packet);
  for (const [at, xor] of changes) {
    const i = at % copy.length;
    copy[i] = (copy[i] as number) ^ xor;
  }
  return copy;
}

export function testHostile(traits: QuicEngineTraits): void {
  const it = namedTest(traits);

  it("random octets change nothing for a connection", async () => {
    const network = await connected(traits);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 1500 }), (octets) => {
        network.toServer(Buffer.from(octets));
        network.toClient(Buffer.from(octets));
        ask(network.server);
        ask(network.client);
      }),
      RUNS,
    );
    const body = pattern(20_000);
    assert.ok((await transfer(network, [network.client, network.server], 0, body)).equals(body));
  });

  it("random octets as the first packet of a server harm nobody", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 1500 }), fc.boolean(), (octets, initial) => {
        const network = pair(traits);
        const packet = Buffer.from(octets);
        // A long header of version 1, which makes more of it be looked at.
        if (initial && packet.length > 5) {
          packet[0] = 0xc0 | ((packet[0] as number) & 0xf);
          packet.writeUInt32BE(1, 1);
        }
        network.toServer(packet);
        ask(network.server);
        assert.equal(network.server.established, false);
      }),
      RUNS,
    );
  });

  it("packets of a handshake that were spoiled do not throw", () => {
    fc.assert(
      fc.property(fc.nat({ max: 5 }), spoiling, (which, changes) => {
        let index = 0;
        const network = pair(
          traits,
          {},
          {
            fault: (packets) =>
              packets.map((packet) => (index++ === which ? spoiled(packet, changes) : packet)),
          },
        );
        network.settle();
        ask(network.client);
        if (network.accepted) ask(network.server);
      }),
      RUNS,
    );
  });

  it("packets of a connection that were spoiled, doubled or cut change nothing for it", async () => {
    const network = await connected(traits);
    network.record = { client: [], server: [] };
    await transfer(network, [network.client, network.server], 0, pattern(20_000));
    const record = network.record;
    network.record = null;
    fc.assert(
      fc.property(fc.nat(), spoiling, fc.nat(), (which, changes, cut) => {
        const own = record.client[which % record.client.length] as Buffer;
        const peers = record.server[which % record.server.length] as Buffer;
        for (const packet of [spoiled(own, changes), Buffer.from(own), own.subarray(0, cut % own.length)])
          network.toServer(Buffer.from(packet));
        for (const packet of [
          spoiled(peers, changes),
          Buffer.from(peers),
          peers.subarray(0, cut % peers.length),
        ])
          network.toClient(Buffer.from(packet));
        ask(network.server);
        ask(network.client);
      }),
      RUNS,
    );
    assert.equal(network.client.closeReason ?? network.server.closeReason, null);
    const body = pattern(20_000);
    assert.ok((await transfer(network, [network.client, network.server], 4, body)).equals(body));
  });

  it("an empty range is no packet", async () => {
    const network = await connected(traits);
    network.server.receive(Buffer.from("abc"), 1, 1);
    network.server.receive(Buffer.alloc(0), 0, 0);
    assert.equal(network.server.closeReason, null);
  });

  it("only the range that was given is touched", async () => {
    const network = await connected(traits);
    write(network.client, 0, "ping", true);
    const [packet] = network.packetsOf(network.client);
    assert.ok(packet !== undefined);
    const around = Buffer.concat([Buffer.alloc(64, 1), packet, Buffer.alloc(64, 2)]);
    network.server.receive(around, 64, 64 + packet.length);
    assert.equal(read(network.server, 0).bytes.toString(), "ping");
    assert.ok(around.subarray(0, 64).equals(Buffer.alloc(64, 1)));
    assert.ok(around.subarray(-64).equals(Buffer.alloc(64, 2)));
    const target = Buffer.alloc(2000, 3);
    write(network.server, 0, "pong", true);
    const length = network.server.nextPacket(target, 100, 1500);
    assert.ok(length > 0 && length <= 1400);
    assert.ok(target.subarray(0, 100).equals(Buffer.alloc(100, 3)));
    assert.ok(target.subarray(1500).equals(Buffer.alloc(500, 3)));
  });
}
