/** The part of the contract that a connection has to keep with TLS and without: how it is cut, and how it pauses. */
import assert from "node:assert/strict";
import { type Both, fill, pattern, say } from "./transport-peers.contract.ts";

/** More than the kernel holds on the way. */
export const BIG_BYTES = 8_000_000;

export function testCuts(both: Both): void {
  both(
    "reset closes at once, however much is queued and whatever the peer has said",
    async (transport, pair) => {
      pair.peer.socket.pause();
      await fill(transport, pair);
      pair.peer.socket.end("last words");
      await pair.own.until("the end", () => pair.own.has("end"));
      transport.reset(pair.own.connection);
      await pair.own.until("the close", () => pair.own.closed !== null);
      assert.equal(pair.own.closed, "");
    },
  );

  both("reset closes at once after an end of the peer", async (transport, pair) => {
    pair.peer.socket.end("last words");
    await pair.own.until("the end", () => pair.own.has("end"));
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    transport.reset(pair.own.connection);
    await pair.own.until("the close", () => pair.own.closed !== null);
    assert.equal(pair.own.closed, "");
  });

  both("destroy closes at once, and what is sent afterwards goes nowhere", async (transport, pair) => {
    transport.destroy(pair.own.connection);
    assert.equal(pair.own.closed, null, "onClose comes later, not from within the call");
    say(transport, pair, "too late");
    transport.flush();
    transport.destroy(pair.own.connection);
    pair.peer.socket.write("not delivered");
    await pair.own.until("our close", () => pair.own.closed !== null);
    await pair.peer.until("the peer's end", () => pair.peer.ended || pair.peer.closed);
    assert.equal(pair.peer.text, "");
    assert.deepEqual(
      pair.own.events.filter((event) => event !== "connect"),
      ["close"],
    );
    say(transport, pair, "later still");
    transport.flush();
  });

  both("destroying from within a call is the end of it", async (transport, pair) => {
    pair.own.onDataHook = () => {
      say(transport, pair, "never sent");
      transport.destroy(pair.own.connection);
    };
    pair.peer.socket.cork();
    for (let i = 0; i < 10; i++) pair.peer.socket.write("x");
    pair.peer.socket.uncork();
    pair.peer.socket.write("y");
    await pair.own.until("the close", () => pair.own.closed !== null);
    assert.deepEqual(
      pair.own.events.filter((event) => event !== "connect"),
      ["data", "close"],
    );
  });
}

export function testPauses(both: Both): void {
  both("a paused connection holds the peer back, and loses nothing", async (transport, pair) => {
    transport.pause(pair.own.connection);
    const whole = pattern(BIG_BYTES);
    assert.equal(pair.peer.socket.write(whole), false);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(pair.own.receivedBytes <= 65_536, "at most a read that was under way");
    assert.ok(pair.peer.socket.writableLength > 0, "the kernel takes no more from the peer");
    transport.resume(pair.own.connection);
    await pair.own.until("everything", () => pair.own.receivedBytes === whole.length);
    assert.ok(Buffer.concat(pair.own.received).equals(whole));
  });

  both("it can be paused and resumed from within a call, at every read", async (transport, pair) => {
    pair.own.onDataHook = () => {
      transport.pause(pair.own.connection);
      setImmediate(() => transport.resume(pair.own.connection));
    };
    const whole = pattern(1_000_000);
    pair.peer.socket.end(whole);
    await pair.own.until("the end", () => pair.own.has("end"));
    assert.ok(Buffer.concat(pair.own.received).equals(whole));
    assert.equal(pair.own.events.lastIndexOf("data") < pair.own.events.indexOf("end"), true);
  });
}
