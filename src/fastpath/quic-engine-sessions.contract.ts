/** The part of the QUIC contract about resumption and early data (RFC 9001 sections 4.5 and 4.6). */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  address,
  authority,
  clientSettings,
  establish,
  NAME,
  namedTest,
  Network,
  type QuicEngineTraits,
  read,
  serverSettings,
  write,
} from "./quic-engine-peers.contract.ts";
import type { QuicClientContext, QuicServerContext } from "./quic-engine.ts";

const TICKET_KEY_BYTES = 48;

export function testSessions(traits: QuicEngineTraits): void {
  const it = namedTest(traits);
  const { engine } = traits;

  /** Connects, and is told a ticket. */
  const first = async (server: QuicServerContext, client: QuicClientContext): Promise<void> => {
    const network = new Network(engine, server, client);
    await establish(network);
    assert.equal(network.client.resumed, false);
    write(network.client, 0, "x", true);
    network.settle();
    network.client.close(true, 0, "");
    network.settle();
  };

  it("a later connection to the same address resumes", async () => {
    const server = engine.server(serverSettings());
    const client = engine.client(clientSettings());
    await first(server, client);
    const network = new Network(engine, server, client);
    await establish(network);
    assert.equal(network.client.resumed, true);
    assert.equal(network.server.resumed, true);
    assert.equal(network.server.applicationProtocol, "h3");
  });

  it("a client that is told to remember nothing does not resume", async () => {
    const server = engine.server(serverSettings());
    const client = engine.client(clientSettings({ resume: false }));
    await first(server, client);
    const network = new Network(engine, server, client);
    await establish(network);
    assert.equal(network.client.resumed, false);
  });

  it("who was verified by address resumes too", async () => {
    const server = engine.server(serverSettings());
    const client = engine.client(clientSettings({ serverName: "192.0.2.1", verifyName: "192.0.2.1" }));
    await first(server, client);
    const network = new Network(engine, server, client);
    await establish(network);
    assert.equal(network.client.resumed, true);
  });

  it("a connection to another address does not resume", async () => {
    const server = engine.server(serverSettings());
    const client = engine.client(clientSettings());
    await first(server, client);
    const network = new Network(engine, server, client, { server: address("192.0.2.1", 444) });
    await establish(network);
    assert.equal(network.client.resumed, false);
  });

  it("who shares the ticket key resumes what another began, and nobody else does", async () => {
    const ticketKey = randomBytes(TICKET_KEY_BYTES);
    const client = engine.client(clientSettings());
    await first(engine.server(serverSettings({ ticketKey })), client);
    for (const [key, resumes] of [
      [randomBytes(TICKET_KEY_BYTES), false],
      [ticketKey, true],
    ] as const) {
      const other = engine.client(clientSettings());
      await first(engine.server(serverSettings({ ticketKey })), other);
      const network = new Network(engine, engine.server(serverSettings({ ticketKey: key })), other);
      await establish(network);
      assert.equal(network.client.resumed, resumes);
    }
  });

  it("a session is not remembered of a server that was not believed", async () => {
    const ticketKey = randomBytes(TICKET_KEY_BYTES);
    const client = engine.client(clientSettings({ serverName: "192.0.2.1", verifyName: "192.0.2.1" }));
    const wrong = authority.issue({ names: [NAME] });
    const refused = new Network(
      engine,
      engine.server(serverSettings({ ticketKey, identity: wrong })),
      client,
    );
    await refused.until("the refusal", () => refused.client.closeReason !== null);
    refused.settle();
    const network = new Network(engine, engine.server(serverSettings({ ticketKey })), client);
    await establish(network);
    assert.equal(network.client.resumed, false);
  });

  /** A client that has a ticket begins a connection, and has sent its first packets. */
  const withTicket = async (earlyData: boolean): Promise<{ network: Network; initial: Buffer[] }> => {
    const server = engine.server(serverSettings({ earlyData }));
    const client = engine.client(clientSettings());
    traits.offerEarlyData(client);
    await first(server, client);
    const network = new Network(engine, server, client);
    return { network, initial: network.packetsOf(network.client) };
  };

  it("early data is read before the handshake is complete, where it is allowed", async () => {
    const { network, initial } = await withTicket(true);
    assert.equal(write(network.client, 0, "early", true), 5);
    for (const packet of [...initial, ...network.packetsOf(network.client)]) network.toServer(packet);
    assert.equal(network.server.established, false);
    assert.equal(network.server.inEarlyData, true);
    assert.equal(network.server.applicationProtocol, "h3");
    assert.equal(network.server.hasReadable, true);
    assert.equal(read(network.server, 0).bytes.toString(), "early");
    assert.ok(write(network.server, 0, "answer", true) > 0);
    await establish(network);
    assert.equal(network.server.inEarlyData, false);
    assert.equal(network.server.resumed, true);
    assert.equal(read(network.client, 0).bytes.toString(), "answer");
  });

  it("early data waits for the handshake where it is not allowed", async () => {
    const { network, initial } = await withTicket(false);
    assert.equal(write(network.client, 0, "early", true), 5);
    for (const packet of [...initial, ...network.packetsOf(network.client)]) network.toServer(packet);
    assert.equal(network.server.inEarlyData, false);
    assert.equal(network.server.hasReadable, false);
    await establish(network);
    assert.equal(network.client.resumed, true);
    await network.until("what was early", () => network.server.streamReadable(0));
    assert.equal(read(network.server, 0).bytes.toString(), "early");
  });
}
