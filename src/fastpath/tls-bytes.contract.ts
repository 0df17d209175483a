/** The part of the TLS contract about bytes: both directions, whole ticks, backpressure, other owners. */
import assert from "node:assert/strict";
import { MAX_RESERVE_BYTES } from "../base/limits.ts";
import { BIG_BYTES, testPauses } from "./byte-stream.contract.ts";
import {
  alone,
  type BothTls,
  bothSides,
  clientSettings,
  dial,
  echo,
  IPV4,
  ownPair,
  reach,
  secured,
  serve,
  serverSettings,
  type TlsTraits,
} from "./tls-peers.contract.ts";
import type { Connection, ConnectionOwner } from "./transport.ts";
import { Acceptor, fill, openDescriptors, pattern, Recorder, say } from "./transport-peers.contract.ts";

export function testBytes(traits: TlsTraits): void {
  const both = bothSides(traits);
  testSending(both);
  testReceiving(both);
  testOwners(traits);
  testMany(traits);
}

function testSending(both: BothTls): void {
  both("what is staged in one callback goes out at once, in order", async (transport, pair) => {
    const parts = Array.from({ length: 100 }, (_, i) => `part ${i};`);
    pair.own.onDataHook = () => {
      parts.forEach((part, index) => {
        if (index % 3 === 0) transport.sendFrom(pair.own.connection, Buffer.from(part), 0, part.length);
        else say(transport, pair, part);
      });
      assert.ok(transport.queuedBytes(pair.own.connection) > 0, "staged bytes count as queued");
    };
    pair.peer.socket.write("go");
    const whole = parts.join("");
    await pair.peer.until("all parts", () => pair.peer.receivedBytes >= whole.length);
    assert.equal(pair.peer.text, whole);
    assert.equal(pair.peer.chunks.length, 1, "in one record");
  });

  both("reservations may be as large as the limit", async (transport, pair) => {
    const offset = transport.reserve(MAX_RESERVE_BYTES);
    const body = pattern(MAX_RESERVE_BYTES);
    body.copy(transport.out, offset);
    transport.send(pair.own.connection, offset, offset + MAX_RESERVE_BYTES);
    say(transport, pair, "behind");
    transport.flush();
    await pair.peer.until("everything", () => pair.peer.receivedBytes >= MAX_RESERVE_BYTES + 6);
    assert.ok(pair.peer.bytes.equals(Buffer.concat([body, Buffer.from("behind")])));
  });

  both("what was handed over is the sender's again, while much is still queued", async (transport, pair) => {
    pair.peer.socket.pause();
    const sent: Buffer[] = [];
    const reused = Buffer.alloc(10_000);
    for (let seed = 0; seed < 200; seed++) {
      const part = pattern(1 + ((seed * 7919) % 10_000), seed);
      part.copy(reused);
      if (seed % 2 === 0) transport.sendFrom(pair.own.connection, reused, 0, part.length);
      else {
        const offset = transport.reserve(part.length);
        part.copy(transport.out, offset);
        transport.send(pair.own.connection, offset, offset + part.length);
      }
      sent.push(part);
      // `sendFrom` takes bytes before the event loop has its turn; then they may change.
      if (seed % 4 === 3) {
        transport.flush();
        await new Promise((resolve) => setImmediate(resolve));
      } else transport.flush();
      if (seed % 4 === 3) reused.fill(0xee);
    }
    pair.peer.socket.resume();
    const whole = Buffer.concat(sent);
    await pair.peer.until("everything", () => pair.peer.receivedBytes === whole.length);
    assert.ok(pair.peer.bytes.equals(whole));
  });

  both("a peer that does not read blocks it, and reading drains it", async (transport, pair) => {
    pair.peer.socket.pause();
    const sent = await fill(transport, pair);
    assert.ok(!pair.own.has("drain"));
    say(transport, pair, "behind");
    transport.flush();
    assert.ok(transport.blocked(pair.own.connection));
    assert.ok(transport.queuedBytes(pair.own.connection) > 0);
    pair.peer.socket.resume();
    await pair.own.until("the drain", () => pair.own.has("drain"));
    await pair.peer.until("everything", () => pair.peer.receivedBytes === sent.length + 6);
    assert.ok(pair.peer.bytes.equals(Buffer.concat([sent, Buffer.from("behind")])));
    assert.equal(transport.blocked(pair.own.connection), false);
    assert.equal(transport.queuedBytes(pair.own.connection), 0);
    assert.equal(pair.own.events.filter((event) => event === "drain").length, 1);
  });
}

function testReceiving(both: BothTls): void {
  testPauses(both);

  both(
    "after a pause nothing comes, even what was received with the bytes before it",
    async (transport, pair) => {
      pair.own.onDataHook = () => transport.pause(pair.own.connection);
      // Several records, which arrive together.
      pair.peer.socket.cork();
      for (let i = 0; i < 20; i++) pair.peer.socket.write("x".repeat(1000));
      pair.peer.socket.uncork();
      for (let i = 0; i < 20; i++) pair.peer.socket.write("y".repeat(1000));
      let calls = 0;
      while (pair.own.receivedBytes < 40_000) {
        await pair.own.until(
          "a call",
          () => pair.own.events.filter((event) => event === "data").length > calls,
        );
        for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
        calls += 1;
        assert.equal(pair.own.events.filter((event) => event === "data").length, calls);
        transport.resume(pair.own.connection);
      }
      assert.equal(pair.own.text, "x".repeat(20_000) + "y".repeat(20_000));
    },
  );

  both("received bytes can be sent on from within the call, whatever their size", async (transport, pair) => {
    pair.own.onDataHook = (bytes, start, end) => transport.sendFrom(pair.own.connection, bytes, start, end);
    pair.peer.socket.pause();
    const parts = [10, 4000, 70_000, 1, BIG_BYTES, 5000].map((bytes, seed) => pattern(bytes, seed));
    for (const part of parts) pair.peer.socket.write(part);
    const whole = Buffer.concat(parts);
    await pair.own.until("everything to arrive", () => pair.own.receivedBytes === whole.length);
    pair.peer.socket.resume();
    await pair.peer.until("everything to come back", () => pair.peer.receivedBytes === whole.length);
    assert.ok(pair.peer.bytes.equals(whole));
  });
}

function testOwners(traits: TlsTraits): void {
  const both = bothSides(traits);
  const it = alone(traits);

  both("events go to the owner that it was handed to, from within a call on", async (transport, pair) => {
    const next = new Recorder();
    next.connection = pair.own.connection;
    pair.own.onDataHook = () => transport.handOver(pair.own.connection, next);
    pair.peer.socket.write("first");
    await pair.own.until("bytes", () => pair.own.text === "first");
    pair.peer.socket.write("second");
    await next.until("bytes", () => next.text === "second");
    pair.peer.socket.end();
    await next.until("the end", () => next.has("end"));
    transport.end(next.connection);
    await next.until("the close", () => next.closed !== null);
    assert.deepEqual(pair.own.events, ["connect", "data"]);
    assert.deepEqual(next.events, ["data", "end", "close"]);
  });

  it("an owner can hand over when the handshake is done, for what was agreed", async (transport) => {
    const first = new Recorder();
    const next = new Recorder();
    const context = transport.tlsServer(serverSettings({ alpn: ["h2"] }));
    const listener = await transport.bind({ host: IPV4, port: 0, reusePort: true });
    first.onConnect = () => {
      first.events.push("connect");
      if (first.connection.tls?.alpn === "h2") transport.handOver(first.connection, next);
    };
    listener.accept(
      new (class extends Acceptor {
        override onAccept(connection: Connection): ConnectionOwner {
          transport.secure(connection, context);
          first.connection = connection;
          return first;
        }
      })(),
    );
    const peer = dial(listener.port, { ALPNProtocols: ["h2"] });
    peer.socket.write("to the second");
    await next.until("bytes", () => next.text === "to the second");
    peer.socket.destroy();
    await next.until("the close", () => next.closed !== null);
    assert.deepEqual(first.events, ["connect"]);
  });

  it("an outgoing connection can be handed over when it is open", async (transport) => {
    const served = await serve(transport);
    const first = new Recorder();
    const next = new Recorder();
    const tls = transport.tlsClient(clientSettings());
    first.onConnect = () => transport.handOver(first.connection, next);
    first.connection = transport.connect({ host: IPV4, port: served.port, tls }, first);
    await served.acceptor.until("the connection", () => served.acceptor.recorders.length === 1);
    const far = served.last();
    await far.until("the handshake", () => far.has("connect"));
    transport.sendFrom(far.connection, Buffer.from("x"), 0, 1);
    transport.flush();
    await next.until("bytes", () => next.text === "x");
    assert.deepEqual(first.events, []);
  });
}

function testMany(traits: TlsTraits): void {
  const it = alone(traits);

  it("both ends of a connection can be this transport's, with big bodies both ways at once", async (transport) => {
    const { client, server } = await ownPair(transport);
    const whole = pattern(BIG_BYTES);
    const send = async (own: Recorder): Promise<void> => {
      for (let at = 0; at < whole.length; at += 100_000) {
        transport.sendFrom(own.connection, whole, at, Math.min(whole.length, at + 100_000));
        transport.flush();
        if (!transport.blocked(own.connection)) continue;
        const drains = own.events.filter((event) => event === "drain").length;
        await own.until("a drain", () => own.events.filter((event) => event === "drain").length > drains);
      }
    };
    await Promise.all([send(client), send(server)]);
    for (const own of [client, server]) {
      await own.until("everything", () => own.receivedBytes === whole.length);
      assert.ok(Buffer.concat(own.received).equals(whole));
    }
  });

  it("a thousand connections, however they end, leave no descriptor", async (transport) => {
    const served = await serve(transport, { ticketKeys: [] });
    const { recorders } = served.acceptor;
    await secured(served);
    const before = openDescriptors();
    for (let round = 0; round < 10; round++) {
      recorders.length = 0;
      const peers = Array.from({ length: 100 }, () => dial(served.port));
      await served.acceptor.until("a hundred", () => recorders.length === 100);
      for (const own of recorders) await own.until("its handshake", () => own.has("connect"));
      for (const peer of peers) await peer.settled();
      recorders.forEach(({ connection }, index) => {
        if (index % 4 === 0) transport.destroy(connection);
        else if (index % 4 === 1) transport.reset(connection);
        else if (index % 4 === 2) transport.finish(connection);
      });
      peers.forEach(({ socket }, index) => (index % 2 === 0 ? socket.end() : socket.destroy()));
      for (const own of recorders) {
        if (own.closed === null && own.has("end")) transport.destroy(own.connection);
        own.onEndHook = () => transport.destroy(own.connection);
        await own.until("the close", () => own.closed !== null);
      }
      for (const peer of peers) {
        peer.socket.destroy();
        await peer.until("the close", () => peer.closed);
      }
    }
    assert.ok(openDescriptors() <= before, `${openDescriptors()} descriptors, ${before} before`);
  });

  it("a hundred connections at once mix up nothing", async (transport) => {
    const served = await serve(transport, { ticketKeys: [] });
    const pairs = [];
    for (let i = 0; i < 50; i++) pairs.push(await secured(served));
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        pairs.map((pair, index) => echo(transport, pair, `${index}:${"x".repeat(index * 97)}`)),
      );
    }
    pairs.forEach(({ own, peer }, index) => {
      assert.equal(own.text, `${index}:${"x".repeat(index * 97)}`.repeat(10));
      assert.equal(peer.text, own.text);
    });
  });

  it("an idle connection is alive until the peer ends or it is destroyed", async (transport) => {
    const { client, server } = await ownPair(transport);
    transport.sendFrom(server.connection, Buffer.from("x"), 0, 1);
    transport.flush();
    // Behind the tickets, which are bytes that nobody asked for.
    await client.until("bytes", () => client.text === "x");
    assert.equal(transport.alive(client.connection), true);
    transport.end(server.connection);
    await client.until("the end", () => client.has("end"));
    assert.equal(transport.alive(client.connection), false);
    const again = await reach(transport, (await serve(transport)).port);
    transport.destroy(again.connection);
    assert.equal(transport.alive(again.connection), false);
  });
}
