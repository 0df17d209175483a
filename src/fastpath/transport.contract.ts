/**
 * What every transport must do (`transport.ts`), against plain sockets on loopback. Each
 * implementation's test runs it.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { MAX_RESERVE_BYTES, SEND_HIGH_WATER_BYTES } from "../base/limits.ts";
import { testPauses } from "./byte-stream.contract.ts";
import type { Transport } from "./transport.ts";
import { testAlive, testEnds } from "./transport-ends.contract.ts";
import {
  accepted,
  type Both,
  connected,
  fill,
  type Pair,
  type PairTest,
  pattern,
  Recorder,
  say,
  type TransportTraits,
} from "./transport-peers.contract.ts";
import { testListeners } from "./transport-listeners.contract.ts";

const IPV4 = "127.0.0.1";

const SIDES = { accepted, connected } as const;

export function testTransport(traits: TransportTraits): void {
  const both = (what: string, body: PairTest): void => {
    for (const [side, open] of Object.entries(SIDES)) {
      test(`${traits.name}, ${side} connection: ${what}`, { timeout: 30_000 }, async (context) => {
        const transport = traits.make();
        context.after(() => transport.close());
        const pair = await open(transport, IPV4);
        context.after(() => pair.peer.socket.destroy());
        await body(transport, pair, context);
      });
    }
  };
  testSending(both);
  testOwners(both);
  testBackpressure(both);
  testPauses(both);
  testEnds(both);
  testAlive(both, traits);
  testFamilies(traits);
  testListeners(traits);
}

function testSending(both: Both): void {
  both("bytes pass in both directions", async (transport, pair) => {
    pair.peer.socket.write("to the gateway");
    await pair.own.until("bytes", () => pair.own.text === "to the gateway");
    say(transport, pair, "to the peer");
    transport.flush();
    await pair.peer.until("bytes", () => pair.peer.text === "to the peer");
  });

  both(
    "what is staged in one callback goes out at once, in order, when it returns",
    async (transport, pair) => {
      const parts = Array.from({ length: 40 }, (_, i) => `part ${i};`);
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
      assert.equal(pair.peer.chunks.length, 1, "in one piece");
    },
  );

  both("less than was reserved may be sent, and nothing at all", async (transport, pair) => {
    transport.reserve(1000);
    const offset = transport.reserve(100);
    transport.out.latin1Write("abc", offset);
    transport.send(pair.own.connection, offset, offset + 3);
    transport.send(pair.own.connection, offset + 3, offset + 3);
    say(transport, pair, "def");
    transport.flush();
    await pair.peer.until("bytes", () => pair.peer.text === "abcdef");
  });

  both("reservations may be as large as the limit, and no larger", async (transport, pair) => {
    const offset = transport.reserve(MAX_RESERVE_BYTES);
    const body = pattern(MAX_RESERVE_BYTES);
    body.copy(transport.out, offset);
    transport.send(pair.own.connection, offset, offset + MAX_RESERVE_BYTES);
    say(transport, pair, "behind");
    transport.flush();
    await pair.peer.until("everything", () => pair.peer.receivedBytes >= MAX_RESERVE_BYTES + 6);
    assert.ok(pair.peer.bytes.equals(Buffer.concat([body, Buffer.from("behind")])));
    assert.throws(() => transport.reserve(MAX_RESERVE_BYTES + 1), /limit/);
  });

  both("received bytes can be sent on from within the call, whatever their size", async (transport, pair) => {
    // Mirrors: what arrives is sent back by sendFrom, while the far end is slow to read.
    pair.own.onDataHook = (bytes, start, end) => transport.sendFrom(pair.own.connection, bytes, start, end);
    pair.peer.socket.pause();
    const parts = [10, 4000, 70_000, 1, 8_000_000, 5000].map((bytes, seed) => pattern(bytes, seed));
    for (const part of parts) pair.peer.socket.write(part);
    const whole = Buffer.concat(parts);
    await pair.own.until("everything to arrive", () => pair.own.receivedBytes === whole.length);
    pair.peer.socket.resume();
    await pair.peer.until("everything to come back", () => pair.peer.receivedBytes === whole.length);
    assert.ok(pair.peer.bytes.equals(whole));
  });
}

function testOwners(both: Both): void {
  both("events go to the owner that it was handed to, from within a call on", async (transport, pair) => {
    const next = new Recorder();
    next.connection = pair.own.connection;
    pair.own.onDataHook = () => transport.handOver(pair.own.connection, next);
    pair.peer.socket.write("first");
    await pair.own.until("bytes", () => pair.own.text === "first");
    const before = [...pair.own.events];
    pair.peer.socket.end("second");
    await next.until("the end", () => next.has("end"));
    assert.equal(next.text, "second");
    transport.end(next.connection);
    await next.until("the close", () => next.closed !== null);
    assert.deepEqual(pair.own.events, before);
  });
}

function testBackpressure(both: Both): void {
  both("a peer that does not read blocks it, and reading drains it", async (transport, pair) => {
    pair.peer.socket.pause();
    const sent = await fill(transport, pair);
    assert.ok(transport.queuedBytes(pair.own.connection) >= SEND_HIGH_WATER_BYTES / 4);
    assert.ok(!pair.own.has("drain"));
    say(transport, pair, "behind");
    transport.flush();
    assert.ok(transport.blocked(pair.own.connection));
    pair.peer.socket.resume();
    await pair.own.until("the drain", () => pair.own.has("drain"));
    await pair.peer.until("everything", () => pair.peer.receivedBytes === sent.length + 6);
    assert.ok(pair.peer.bytes.equals(Buffer.concat([sent, Buffer.from("behind")])));
    assert.equal(transport.blocked(pair.own.connection), false);
    assert.equal(transport.queuedBytes(pair.own.connection), 0);
    assert.equal(pair.own.events.filter((event) => event === "drain").length, 1);
  });

  both("a connection that was never blocked does not drain", async (transport, pair) => {
    for (let i = 0; i < 20; i++) {
      say(transport, pair, "x");
      transport.flush();
      await pair.peer.until("the byte", () => pair.peer.receivedBytes === i + 1);
    }
    assert.deepEqual(
      pair.own.events.filter((event) => event === "drain"),
      [],
    );
  });
}

function testFamilies({ name, make }: TransportTraits): void {
  const echo = async (transport: Transport, pair: Pair): Promise<void> => {
    pair.peer.socket.write("ping");
    await pair.own.until("ping", () => pair.own.text === "ping");
    say(transport, pair, "pong");
    transport.end(pair.own.connection);
    await pair.peer.until("pong", () => pair.peer.text === "pong" && pair.peer.ended);
    pair.peer.socket.destroy();
  };

  test(`${name}: IPv6, both ways`, { timeout: 30_000 }, async (context) => {
    const transport = make();
    context.after(() => transport.close());
    const pair = await accepted(transport, "::1");
    assert.equal(pair.own.connection.remoteAddress, "::1");
    await echo(transport, pair);
    await echo(transport, await connected(transport, "::1"));
  });

  test(`${name}: Unix sockets, which can be reset like any other`, { timeout: 30_000 }, async (context) => {
    const transport = make();
    const directory = mkdtempSync(join(tmpdir(), "transport-"));
    context.after(() => {
      transport.close();
      rmSync(directory, { recursive: true });
    });
    const pair = await connected(transport, join(directory, "a"));
    assert.equal(pair.own.connection.remoteAddress, "");
    assert.equal(transport.alive(pair.own.connection), true);
    await echo(transport, pair);
    const cut = await connected(transport, join(directory, "b"));
    transport.reset(cut.own.connection);
    await cut.own.until("our close", () => cut.own.closed !== null);
    await cut.peer.until("the peer's end", () => cut.peer.ended || cut.peer.closed);
    cut.peer.socket.destroy();
  });
}
