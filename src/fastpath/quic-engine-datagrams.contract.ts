/** The part of the QUIC contract about datagrams (RFC 9221). */
import assert from "node:assert/strict";
import {
  connected,
  directions,
  namedTest,
  type QuicEngineTraits,
  transportSettings,
} from "./quic-engine-peers.contract.ts";
import type { QuicConnectionEngine } from "./quic-engine.ts";

const QUEUED = 4;
const OFFERED = { transport: transportSettings({ maxQueuedDatagrams: QUEUED }) };

function send(end: QuicConnectionEngine, text: string): boolean {
  const bytes = Buffer.from(`<<${text}>>`);
  return end.sendDatagram(bytes, 2, bytes.length - 2);
}

/** The oldest, or `null`. */
function receive(end: QuicConnectionEngine, room = 1000): string | null {
  const target = Buffer.alloc(room + 10);
  const length = end.readDatagram(target, 5, 5 + room);
  return length < 0 ? null : target.toString("latin1", 5, 5 + length);
}

export function testDatagrams(traits: QuicEngineTraits): void {
  const it = namedTest(traits);

  it("datagrams pass both ways, in order, empty ones too", async () => {
    const network = await connected(traits, { server: OFFERED, client: OFFERED });
    for (const [from, to] of directions(network)) {
      assert.ok(from.datagramCapacity() >= 1000);
      for (const text of ["one", "", "three"]) assert.equal(send(from, text), true);
      network.settle();
      assert.deepEqual([receive(to), receive(to), receive(to), receive(to)], ["one", "", "three", null]);
    }
  });

  it("a full queue drops what is sent, and the oldest of what was received", async () => {
    const network = await connected(traits, { server: OFFERED, client: OFFERED });
    const { client, server } = network;
    const texts = ["a", "b", "c", "d", "e", "f"];
    assert.deepEqual(
      texts.map((text) => send(client, text)),
      [true, true, true, true, false, false],
    );
    network.settle();
    for (const text of ["g", "h"]) assert.equal(send(client, text), true);
    network.settle();
    assert.deepEqual(
      [0, 1, 2, 3, 4].map(() => receive(server)),
      ["c", "d", "g", "h", null],
    );
  });

  it("what is larger than a packet is not sent, and what does not fit the reader is dropped", async () => {
    const network = await connected(traits, { server: OFFERED, client: OFFERED });
    const { client, server } = network;
    const capacity = client.datagramCapacity();
    assert.equal(send(client, "x".repeat(capacity + 1)), false);
    assert.equal(send(client, "x".repeat(capacity)), true);
    assert.equal(send(client, "short"), true);
    network.settle();
    assert.equal(receive(server, 100), "short");
    assert.equal(receive(server), null);
  });

  it("who does not take datagrams is sent none", async () => {
    const network = await connected(traits, { client: OFFERED });
    assert.equal(network.client.datagramCapacity(), 0);
    assert.equal(send(network.client, "x"), false);
    assert.equal(send(network.client, ""), false);
    assert.equal(receive(network.server), null);
    assert.equal(send(network.server, "x"), false);
    network.settle();
    assert.equal(network.client.closeReason ?? network.server.closeReason, null);
  });
}
