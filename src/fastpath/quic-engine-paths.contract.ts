/** The part of the QUIC contract about connection IDs, migration (RFC 9000 section 9) and statistics. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  connected,
  ID_BYTES,
  namedTest,
  type QuicEngineTraits,
  read,
  RESET_TOKEN_BYTES,
  transfer,
  transportSettings,
  write,
} from "./quic-engine-peers.contract.ts";
import { Forger } from "./quic-engine-forger.contract.ts";
import { pattern } from "./quic-engine-streams.contract.ts";

const MIGRATING = { transport: transportSettings({ disableActiveMigration: false }) };
const PING = 1;

export function testPaths(traits: QuicEngineTraits): void {
  const it = namedTest(traits);

  it("a peer gets as many connection IDs as it has room for, within reason", async () => {
    const network = await connected(traits, { server: MIGRATING, client: MIGRATING });
    let given = 0;
    while (network.server.offerConnectionId(randomBytes(ID_BYTES), randomBytes(RESET_TOKEN_BYTES))) given++;
    assert.ok(given >= 1 && given < 16, `${given}`);
    network.settle();
    assert.equal(network.client.closeReason ?? network.server.closeReason, null);
    assert.equal(network.server.retiredConnectionId(), null);
    const text = pattern(2000);
    assert.ok((await transfer(network, [network.client, network.server], 0, text)).equals(text));
  });

  it("IDs of another length and tokens that are none are our own mistake", async () => {
    const network = await connected(traits);
    assert.throws(() => network.server.offerConnectionId(randomBytes(ID_BYTES), randomBytes(15)), /token/);
    assert.throws(
      () => network.server.offerConnectionId(randomBytes(ID_BYTES + 1), randomBytes(16)),
      /length/,
    );
    assert.throws(() => network.server.offerConnectionId(randomBytes(ID_BYTES), Buffer.alloc(16)), /token/);
  });

  it("packets for any of a connection's IDs are taken, and retired ones do no harm", async () => {
    const forger = await Forger.client(traits, { server: MIGRATING, client: MIGRATING });
    const { server } = forger.network;
    const ids = [forger.network.serverId];
    for (let id = randomBytes(ID_BYTES); server.offerConnectionId(id, randomBytes(RESET_TOKEN_BYTES));) {
      ids.push(id);
      id = randomBytes(ID_BYTES);
    }
    assert.ok(ids.length > 1);
    forger.network.packetsOf(server);
    for (const id of [...ids, ...ids.toReversed()]) {
      const before = server.authenticOctets();
      forger.send(Buffer.from([PING]), id);
      assert.ok(server.authenticOctets() > before);
    }
    // RETIRE_CONNECTION_ID of the first one.
    forger.send(Buffer.from([0x19, 0]), ids[1]);
    assert.ok(server.retiredConnectionId()?.equals(ids[0] as Buffer));
    assert.equal(server.closeReason, null);
    assert.ok(forger.network.packetsOf(server).length > 0);
  });

  it("what the acknowledgement of a packet changes shows in the statistics", async () => {
    const network = await connected(traits);
    const body = pattern(300_000);
    let changes = 0;
    write(network.client, 0, "a request", true);
    network.settle();
    for (let written = 0, round = 0; round < 20; round++) {
      written += Math.max(0, network.server.writeStream(0, body, written, body.length, true));
      for (const packet of network.packetsOf(network.server)) network.toClient(packet);
      read(network.client, 0);
      const before = network.server.stats();
      for (const packet of network.packetsOf(network.client)) network.toServer(packet);
      const after = network.server.stats();
      if (after.deliveryBytesPerSecond !== before.deliveryBytesPerSecond) changes += 1;
    }
    assert.ok(changes > 2, `${changes} changes`);
  });

  it("statistics count what has passed", async () => {
    const network = await connected(traits);
    const before = network.client.stats();
    const body = pattern(100_000);
    await transfer(network, [network.client, network.server], 0, body);
    const [sent, received] = [network.client.stats(), network.server.stats()];
    assert.ok(sent.bytesSent >= before.bytesSent + body.length);
    assert.ok(received.bytesReceived >= body.length);
    assert.ok(sent.packetsSent > before.packetsSent + 70);
    assert.ok(received.packetsReceived > 70);
    assert.equal(sent.packetsLost, 0);
    assert.ok(sent.roundTripMs >= 0);
    assert.ok(sent.congestionWindowBytes > 10_000);
  });
}
