/** The part of the transport contract about listeners, dials that fail, and what is left when everything has gone. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import type { ConnectTarget, Transport } from "./transport.ts";
import {
  accepted,
  Acceptor,
  connected,
  openDescriptors,
  Peer,
  Recorder,
  type TransportTraits,
} from "./transport-peers.contract.ts";

const IPV4 = "127.0.0.1";
const BOUND = { timeout: 30_000 };

export function testListeners(traits: TransportTraits): void {
  testDials(traits);
  testAccepting(traits);
  testClosing(traits);
}

/** A port of loopback that refuses. */
async function refusingPort(): Promise<number> {
  const server = createServer();
  server.listen(0, IPV4);
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function dial(transport: Transport, target: ConnectTarget): Promise<Recorder> {
  const own = new Recorder();
  own.connection = transport.connect(target, own);
  assert.deepEqual(own.events, [], "events come later, not from within the call");
  await own.until("the dial to end", () => own.closed !== null);
  assert.deepEqual(own.events, ["close"]);
  return own;
}

function testDials({ name, make }: TransportTraits): void {
  test(`${name}: a dial that fails says why`, BOUND, async (context) => {
    const transport = make();
    context.after(() => transport.close());
    const cases: readonly (readonly [ConnectTarget, string])[] = [
      [{ host: IPV4, port: await refusingPort(), tls: null }, "ECONNREFUSED"],
      [{ host: "::1", port: await refusingPort(), tls: null }, "ECONNREFUSED"],
      [{ host: "/nowhere/at/all", port: -1, tls: null }, "ENOENT"],
    ];
    for (const [target, code] of cases) assert.equal((await dial(transport, target)).closed, code);
    // Too long for the kernel's address: whatever it is called, it is an error and no exception.
    assert.notEqual((await dial(transport, { host: `/${"x".repeat(300)}`, port: -1, tls: null })).closed, "");
    assert.notEqual((await dial(transport, { host: "255.255.255.255", port: 80, tls: null })).closed, "");
  });

  test(`${name}: a dial that is given up never connects`, BOUND, async (context) => {
    const transport = make();
    const server = createServer((socket) => socket.on("error", () => {}));
    server.listen(0, IPV4);
    await once(server, "listening");
    context.after(() => {
      transport.close();
      server.close();
    });
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    for (const act of ["destroy", "reset"] as const) {
      const own = new Recorder();
      own.connection = transport.connect({ host: IPV4, port, tls: null }, own);
      transport[act](own.connection);
      await own.until("the close", () => own.closed !== null);
      assert.deepEqual(own.events, ["close"]);
    }
  });

  test(`${name}: what is staged before a dial succeeds goes out when it does`, BOUND, async (context) => {
    const transport = make();
    context.after(() => transport.close());
    const server = createServer();
    server.listen(0, IPV4);
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const own = new Recorder();
    const incoming = once(server, "connection");
    own.connection = transport.connect({ host: IPV4, port, tls: null }, own);
    const early = Buffer.from("early");
    transport.sendFrom(own.connection, early, 0, early.length);
    transport.flush();
    const peer = new Peer(((await incoming) as [Socket])[0]);
    await peer.until("the early bytes", () => peer.text === "early");
    peer.socket.destroy();
    server.close();
  });
}

function testAccepting({ name, make, losesNoneOnClose }: TransportTraits): void {
  test(`${name}: an accepted connection knows both ends`, BOUND, async (context) => {
    const transport = make();
    context.after(() => transport.close());
    const { own, peer } = await accepted(transport, IPV4);
    assert.equal(own.connection.remoteAddress, IPV4);
    assert.equal(own.connection.remotePort, peer.socket.localPort);
    assert.equal(own.connection.localPort, peer.socket.remotePort);
    peer.socket.destroy();
  });

  test(`${name}: an address that cannot be bound is an error with its code`, BOUND, async (context) => {
    const transport = make();
    const server = createServer();
    server.listen(0, IPV4);
    await once(server, "listening");
    context.after(() => {
      transport.close();
      server.close();
    });
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await assert.rejects(transport.bind({ host: IPV4, port, reusePort: true }), { code: "EADDRINUSE" });
    await assert.rejects(transport.bind({ host: "192.0.2.1", port: 0, reusePort: true }), {
      code: "EADDRNOTAVAIL",
    });
  });

  test(`${name}: two listeners share a port only if both say so`, BOUND, async (context) => {
    const transport = make();
    context.after(() => transport.close());
    const first = await transport.bind({ host: IPV4, port: 0, reusePort: true });
    const second = await transport.bind({ host: IPV4, port: first.port, reusePort: true });
    assert.equal(second.port, first.port);
    const alone = await transport.bind({ host: IPV4, port: 0, reusePort: false });
    alone.accept(new Acceptor());
    await assert.rejects(transport.bind({ host: IPV4, port: alone.port, reusePort: false }), {
      code: "EADDRINUSE",
    });
  });

  test(`${name}: an owner that wants none resets the client`, BOUND, async (context) => {
    const transport = make();
    context.after(() => transport.close());
    const listener = await transport.bind({ host: IPV4, port: 0, reusePort: true });
    const acceptor = new Acceptor();
    acceptor.refuse = true;
    listener.accept(acceptor);
    const peer = new Peer(connect({ host: IPV4, port: listener.port }));
    await peer.until("the reset", () => peer.closed);
    assert.equal(peer.error, "ECONNRESET");
  });

  if (!losesNoneOnClose) return;

  test(
    `${name}: a listener that closes hands over every connection that was made`,
    BOUND,
    async (context) => {
      const transport = make();
      context.after(() => transport.close());
      const closing = await transport.bind({ host: IPV4, port: 0, reusePort: true });
      const acceptor = new Acceptor();
      closing.accept(acceptor);
      const peers = Array.from({ length: 200 }, () => new Peer(connect({ host: IPV4, port: closing.port })));
      const made = Promise.all(peers.map(({ socket }) => once(socket, "connect")));
      await acceptor.until("the first connections", () => acceptor.recorders.length > 10);
      const closed = closing.close();
      await made;
      await closed;
      await acceptor.until("all of them", () => acceptor.recorders.length === peers.length);
      for (const { socket } of peers) socket.write("served");
      for (const own of acceptor.recorders) await own.until("bytes", () => own.text === "served");
      const late = new Peer(connect({ host: IPV4, port: closing.port }));
      await late.until("a refusal", () => late.closed);
      assert.equal(late.error, "ECONNREFUSED");
      for (const { socket } of peers) socket.destroy();
    },
  );
}

function testClosing({ name, make }: TransportTraits): void {
  test(`${name}: a thousand connections, however they end, leave no descriptor`, BOUND, async (context) => {
    const transport = make();
    context.after(() => transport.close());
    const listener = await transport.bind({ host: IPV4, port: 0, reusePort: true });
    const acceptor = new Acceptor();
    listener.accept(acceptor);
    const before = openDescriptors();
    for (let round = 0; round < 10; round++) {
      const peers = Array.from(
        { length: 100 },
        () => new Peer(connect({ host: IPV4, port: listener.port, allowHalfOpen: true })),
      );
      await acceptor.until("a hundred", () => acceptor.recorders.length === 100);
      await Promise.all(peers.map((peer) => peer.until("its handshake", () => !peer.socket.connecting)));
      acceptor.recorders.forEach(({ connection }, index) => {
        if (index % 4 === 0) transport.destroy(connection);
        else if (index % 4 === 1) transport.reset(connection);
        else if (index % 4 === 2) transport.end(connection);
      });
      peers.forEach(({ socket }, index) => (index % 2 === 0 ? socket.end() : socket.resetAndDestroy()));
      for (const peer of peers) peer.socket.destroySoon();
      for (const own of acceptor.recorders.splice(0)) {
        if (own.closed === null && own.has("end")) transport.destroy(own.connection);
        own.onEndHook = () => transport.destroy(own.connection);
        await own.until("the close", () => own.closed !== null);
      }
      for (const peer of peers) await peer.until("the close", () => peer.closed);
    }
    assert.ok(openDescriptors() <= before, `${openDescriptors()} descriptors, ${before} before`);
  });

  test(`${name}: close ends everything it has`, BOUND, async () => {
    const transport = make();
    const listener = await transport.bind({ host: IPV4, port: 0, reusePort: true });
    const pairs = [await accepted(transport, IPV4), await connected(transport, IPV4)];
    transport.close();
    for (const { own, peer } of pairs) {
      await own.until("our close", () => own.closed !== null);
      await peer.until("the peer's end", () => peer.ended || peer.closed);
      peer.socket.destroy();
    }
    const late = new Peer(connect({ host: IPV4, port: listener.port }));
    await late.until("a refusal", () => late.closed);
    assert.equal(late.error, "ECONNREFUSED");
  });
}
