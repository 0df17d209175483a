/** What quiche sends after a close comes to an end, whatever was on the way then. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "../../test/support/wait-for.ts";
import { clientSettings, Network, serverSettings } from "./quic-engine-peers.contract.ts";
import type { QuicConnectionEngine, QuicEngine } from "./quic-engine.ts";
import { loadQuicEngine } from "./quiche-engine.ts";

const BOUND = { timeout: 60_000 };
/** More than any end may take. */
const MANY_PACKETS = 100;

/** A client whose last flight is lost: the server has not confirmed its handshake. */
async function unconfirmed(engine: QuicEngine): Promise<QuicConnectionEngine> {
  const network = new Network(engine, engine.server(serverSettings()), engine.client(clientSettings()));
  const { client } = network;
  network.fault = (packets) => (client.established ? [] : packets);
  await network.until("the client's handshake", () => client.established);
  return client;
}

function packetsLeft(end: QuicConnectionEngine): number {
  const target = Buffer.alloc(1350);
  for (let count = 0; count < MANY_PACKETS; count++)
    if (end.nextPacket(target, 0, target.length) === 0) return count;
  return MANY_PACKETS;
}

const load = await loadQuicEngine();
if (load.kind === "loaded") {
  const { engine } = load;

  test("a close is told when the handshake is not confirmed yet", BOUND, async () => {
    const client = await unconfirmed(engine);
    client.close(true, 0x100, "");
    assert.equal(packetsLeft(client), 1);
    assert.equal(client.closed, false, "the peer may ask once more");
  });

  test("a close that a lost handshake packet is in the way of ends the connection", BOUND, async () => {
    const client = await unconfirmed(engine);
    client.close(true, 0x100, "");
    await waitFor("a probe to be due", () => client.timeoutMs() <= 1);
    client.onTimeout();
    assert.ok(packetsLeft(client) < MANY_PACKETS);
    await waitFor("the end", () => {
      client.onTimeout();
      return client.closed;
    });
    assert.deepEqual(client.closeReason, { by: "local", application: true, code: 0x100, reason: "" });
  });
}
