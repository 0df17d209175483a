/** A client on quiche sends few packets before the server has said that it has all of the handshake. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "../../test/support/wait-for.ts";
import {
  clientSettings,
  Network,
  serverSettings,
  transportSettings,
  write,
} from "./quic-engine-peers.contract.ts";
import type { QuicEngine } from "./quic-engine.ts";
import { loadQuicEngine } from "./quiche-engine.ts";

const BOUND = { timeout: 60_000 };
/** Each takes a packet of its own, and all of them fit into the first congestion window. */
const STREAMS = 150;
/** A server that changes its keys does so with the hundredth packet. */
const TOO_MANY_PACKETS = 100;
const ID_STEP = 4;

/** A client that has all of the server's handshake, and streams to send; the server has none of its answer. */
function complete(engine: QuicEngine): Network {
  const transport = transportSettings({ maxBidirectionalStreams: STREAMS });
  const server = engine.server(serverSettings({ transport }));
  const network = new Network(engine, server, engine.client(clientSettings()));
  const { client } = network;
  while (!client.established) {
    for (const packet of network.packetsOf(client)) network.toServer(packet);
    for (const packet of network.packetsOf(network.server)) network.toClient(packet);
  }
  for (let i = 0; i < STREAMS; i++) assert.equal(write(client, i * ID_STEP, "ask", true), 3);
  return network;
}

function arrived({ server }: Network): number {
  let count = 0;
  for (let i = 0; i < STREAMS; i++) if (server.streamReadable(i * ID_STEP)) count += 1;
  return count;
}

const load = await loadQuicEngine();
if (load.kind === "loaded") {
  const { engine } = load;

  test("a client's first flight is bounded, until the server has answered", BOUND, () => {
    const network = complete(engine);
    const first = network.packetsOf(network.client);
    assert.ok(first.length > 0 && first.length < TOO_MANY_PACKETS, `${first.length} packets`);
    for (const packet of first) network.toServer(packet);
    assert.ok(arrived(network) < STREAMS);
    network.settle();
    assert.equal(arrived(network), STREAMS);
  });

  test("a client does not wait for ever for a server's answer", BOUND, async () => {
    const network = complete(engine);
    const { client } = network;
    for (const packet of network.packetsOf(client)) network.toServer(packet);
    assert.ok(client.timeoutMs() < Infinity, "it looks again by itself");
    await waitFor("all streams", () => {
      for (const packet of network.packetsOf(client)) network.toServer(packet);
      return arrived(network) === STREAMS;
    });
  });

  test("a close waits for nothing", BOUND, () => {
    const network = complete(engine);
    network.packetsOf(network.client);
    network.client.close(true, 0x100, "");
    assert.equal(network.packetsOf(network.client).length, 1);
  });
} else {
  test("the first flight", { skip: load.reason }, () => {});
}
