/** The part of the QUIC contract about connection IDs, migration (RFC 9000 section 9) and statistics. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  address,
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
import type { QuicPathEvent } from "./quic-engine.ts";
import { pattern } from "./quic-engine-streams.contract.ts";

const MIGRATING = { transport: transportSettings({ disableActiveMigration: false }) };
const ELSEWHERE = address("198.51.100.7", 60_001);

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

  it("a client that is elsewhere goes on after its new path was validated", async () => {
    const network = await connected(traits, { server: MIGRATING, client: MIGRATING });
    const before = network.serverPath;
    network.server.offerConnectionId(randomBytes(ID_BYTES), randomBytes(RESET_TOKEN_BYTES));
    network.client.offerConnectionId(randomBytes(ID_BYTES), randomBytes(RESET_TOKEN_BYTES));
    network.settle();
    network.rebind(ELSEWHERE);
    write(network.client, 0, "from elsewhere", true);
    const events: QuicPathEvent[] = [];
    await network.until("the migration", () => {
      for (let event = network.server.pathEvent(); event !== null; event = network.server.pathEvent())
        events.push(event);
      return events.some(({ kind }) => kind === "migrated");
    });
    assert.ok(events.some(({ kind }) => kind === "validated"));
    for (const { path } of events) assert.equal(path, network.serverPath);
    assert.equal(read(network.server, 0).bytes.toString(), "from elsewhere");
    assert.equal(network.server.packetPath, network.serverPath);
    const body = pattern(50_000);
    assert.ok((await transfer(network, [network.server, network.client], 0, body)).equals(body));
    network.rebind(before.remote);
    write(network.client, 4, "back", true);
    await network.until("the way back", () => network.server.streamReadable(4));
    network.settle();
    assert.deepEqual(network.server.packetPath, before);
  });

  it("a client that is elsewhere is not heard where migration is disabled", async () => {
    const network = await connected(traits);
    const before = network.serverPath;
    network.rebind(ELSEWHERE);
    write(network.client, 0, "from elsewhere", true);
    network.settle();
    assert.equal(network.server.hasReadable, false);
    assert.equal(network.server.pathEvent(), null);
    assert.equal(network.server.packetPath, before);
    network.rebind(before.remote);
    await network.until("the client to be heard", () => network.server.streamReadable(0));
  });

  it("addresses that are equal are one path, whoever made them", async () => {
    const network = await connected(traits);
    const first = network.serverPath;
    network.serverPath = {
      local: { words: Uint32Array.from(first.local.words), port: first.local.port },
      remote: { words: Uint32Array.from(first.remote.words), port: first.remote.port },
    };
    write(network.client, 0, "x", true);
    network.settle();
    assert.equal(read(network.server, 0).bytes.toString(), "x");
    write(network.server, 0, "y", true);
    network.settle();
    assert.equal(network.server.packetPath, first);
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
