/** The part of the QUIC contract about the end of connections (RFC 9000 section 10). */
import assert from "node:assert/strict";
import {
  connected,
  directions,
  namedTest,
  pair,
  type QuicEngineTraits,
  transportSettings,
  write,
} from "./quic-engine-peers.contract.ts";
import { MAX_QUIC_INTEGER, type QuicClose } from "./quic-engine.ts";

const CLOSES: readonly Omit<QuicClose, "by">[] = [
  { application: true, code: 0, reason: "" },
  { application: true, code: 0x100, reason: "that is all" },
  { application: true, code: MAX_QUIC_INTEGER, reason: "größer geht es nicht" },
  { application: false, code: 0, reason: "" },
  { application: false, code: 2, reason: "not today" },
];

/** APPLICATION_ERROR (RFC 9000 section 20.1). */
const APPLICATION_ERROR = 0xc;

export function testCloses(traits: QuicEngineTraits): void {
  const it = namedTest(traits);

  it("a close reaches the peer with its code and reason, and both are gone after a while", async () => {
    for (const close of CLOSES) {
      for (const side of [0, 1]) {
        const network = await connected(traits);
        const ends = directions(network)[side];
        assert.ok(ends !== undefined);
        const [from, to] = ends;
        from.close(close.application, close.code, close.reason);
        from.close(true, 77, "too late");
        assert.deepEqual(from.closeReason, { by: "local", ...close });
        assert.equal(from.draining, true);
        network.settle();
        assert.deepEqual(to.closeReason, { by: "peer", ...close });
        assert.equal(to.draining, true);
        to.close(true, 78, "too late");
        await network.until("both to be gone", () => from.closed && to.closed);
        assert.deepEqual(from.closeReason, { by: "local", ...close });
        assert.deepEqual(to.closeReason, { by: "peer", ...close });
        assert.equal(from.timeoutMs(), Infinity);
      }
    }
  });

  it("a reason of any length and kind is sent, cut between characters", async () => {
    for (const reason of [
      "x".repeat(10_000),
      "€".repeat(1000),
      `a${"€".repeat(1000)}`,
      "\u{1f600}".repeat(500),
    ]) {
      const network = await connected(traits);
      network.client.close(true, 1, reason);
      network.settle();
      const told = network.server.closeReason?.reason ?? "";
      assert.ok(told.length > 50 && reason.startsWith(told), told);
    }
  });

  it("an application's code is not told before the handshake (RFC 9000 section 10.2.3)", async () => {
    const network = pair(traits);
    for (const packet of network.packetsOf(network.client)) network.toServer(packet);
    const flight = network.packetsOf(network.server);
    network.server.close(true, 0x123, "secret");
    for (const packet of [...flight, ...network.packetsOf(network.server)]) network.toClient(packet);
    await network.until("the close", () => network.client.draining);
    const { closeReason } = network.client;
    assert.deepEqual(
      [closeReason?.by, closeReason?.application, closeReason?.code, closeReason?.reason],
      ["peer", false, APPLICATION_ERROR, ""],
    );
  });

  it("who hears nothing for long enough is gone", async () => {
    const transport = transportSettings({ maxIdleTimeoutMs: 50 });
    const network = await connected(traits, { server: { transport } });
    assert.ok(network.client.timeoutMs() <= 51 && network.server.timeoutMs() <= 51);
    await network.until("both to be gone", () => network.client.closed && network.server.closed);
    for (const end of [network.client, network.server])
      assert.deepEqual(end.closeReason, { by: "timeout", application: false, code: 0, reason: "" });
  });

  it("a timer that fires too early changes nothing", async () => {
    const network = await connected(traits);
    for (const end of [network.client, network.server]) end.onTimeout();
    network.settle();
    assert.equal(network.client.closed || network.server.closed, false);
    assert.ok(network.client.timeoutMs() > 1000);
  });

  it("a ping goes out by itself, and is acknowledged", async () => {
    const network = await connected(traits);
    const { client, server } = network;
    network.settle();
    const [told, heard] = [server.stats().packetsReceived, client.stats().packetsReceived];
    client.ping();
    network.settle();
    assert.equal(server.stats().packetsReceived, told + 1);
    await network.until("the acknowledgement", () => client.stats().packetsReceived > heard);
  });

  it("a stateless reset ends the connection", async () => {
    const network = await connected(traits);
    const random = Buffer.from(Array.from({ length: 30 }, (_, i) => i * 11));
    random[0] = 0x40 | ((random[0] as number) & 0x3f);
    const reset = Buffer.concat([random, network.resetToken]);
    const other = Buffer.from(reset);
    other[other.length - 1] = (other[other.length - 1] as number) ^ 1;
    network.toClient(other);
    assert.equal(network.client.closed, false);
    network.toClient(reset);
    assert.equal(network.client.closed, true);
    assert.deepEqual(network.client.closeReason, { by: "reset", application: false, code: 0, reason: "" });
  });

  it("what is asked of a connection that is over is answered", async () => {
    const network = await connected(traits);
    const { client } = network;
    client.close(true, 1, "over");
    await network.until("the end", () => client.closed);
    const room = Buffer.alloc(1500);
    assert.equal(client.nextPacket(room, 0, room.length), 0);
    client.receive(Buffer.from("anything"), 0, 8);
    client.onTimeout();
    write(client, 0, "x", true);
    client.readStream(0, room, 0, room.length);
    client.resetStream(0, 1);
    client.stopSending(0, 1);
    client.sendDatagram(room, 0, 10);
    assert.equal(client.readDatagram(room, 0, 1500), -1);
    assert.equal(client.retiredConnectionId(), null);
    client.stats();
    client.ping();
    client.close(true, 2, "again");
    assert.equal(client.closeReason?.code, 1);
  });
}
