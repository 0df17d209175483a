/** The part of the transport contract about how connections end, and how idle ones are seen to have ended. */
import assert from "node:assert/strict";
import { testCuts } from "./byte-stream.contract.ts";
import { type Both, fill, say, type TransportTraits } from "./transport-peers.contract.ts";

export function testEnds(both: Both): void {
  both("FIN of the peer leaves our side open", async (transport, pair) => {
    pair.peer.socket.end("last words");
    await pair.own.until("the end", () => pair.own.has("end"));
    assert.equal(pair.own.text, "last words");
    say(transport, pair, "answer");
    transport.end(pair.own.connection);
    await pair.peer.until("the answer and FIN", () => pair.peer.ended);
    assert.equal(pair.peer.text, "answer");
    await pair.own.until("the close", () => pair.own.closed !== null);
    assert.equal(pair.own.closed, "");
    assert.equal(pair.own.events.at(-1), "close");
  });

  both("our FIN comes behind what is queued, and leaves the peer's side open", async (transport, pair) => {
    pair.peer.socket.pause();
    const sent = await fill(transport, pair);
    say(transport, pair, "behind");
    transport.end(pair.own.connection);
    pair.peer.socket.resume();
    await pair.peer.until("everything and FIN", () => pair.peer.ended);
    assert.equal(pair.peer.receivedBytes, sent.length + 6);
    pair.peer.socket.write("still here");
    await pair.own.until("what the peer still says", () => pair.own.text === "still here");
    assert.equal(pair.own.closed, null);
    pair.peer.socket.end();
    await pair.own.until("the close", () => pair.own.closed !== null);
    assert.equal(pair.own.closed, "");
  });

  both("finish closes behind what is queued, and hears nothing more", async (transport, pair) => {
    pair.peer.socket.pause();
    const sent = await fill(transport, pair);
    say(transport, pair, "behind");
    transport.finish(pair.own.connection);
    say(transport, pair, "never sent");
    transport.flush();
    pair.peer.socket.resume();
    await pair.peer.until("everything and FIN", () => pair.peer.ended);
    assert.equal(pair.peer.receivedBytes, sent.length + 6);
    await pair.own.until("the close", () => pair.own.closed !== null);
    assert.equal(pair.own.closed, "");
    assert.ok(!pair.own.has("data") && !pair.own.has("end"));
  });

  both("finish with nothing queued closes, also from within a call", async (transport, pair) => {
    pair.own.onDataHook = () => {
      say(transport, pair, "last words");
      transport.finish(pair.own.connection);
      assert.equal(pair.own.closed, null, "onClose comes later, not from within the call");
    };
    pair.peer.socket.write("x");
    await pair.own.until("the close", () => pair.own.closed !== null);
    await pair.peer.until("the end", () => pair.peer.ended);
    assert.equal(pair.peer.text, "last words");
  });

  both("finish is cut short by destroy", async (transport, pair) => {
    pair.peer.socket.pause();
    await fill(transport, pair);
    transport.finish(pair.own.connection);
    assert.equal(pair.own.closed, null);
    transport.destroy(pair.own.connection);
    await pair.own.until("the close", () => pair.own.closed !== null);
    assert.equal(pair.own.closed, "");
  });

  both("RST of the peer is told from an orderly end", async (_transport, pair) => {
    pair.peer.socket.resetAndDestroy();
    await pair.own.until("the close", () => pair.own.closed !== null);
    assert.equal(pair.own.closed, "ECONNRESET");
    assert.ok(!pair.own.has("end"));
  });

  both("our reset reaches the peer as one", async (transport, pair) => {
    say(transport, pair, "never sent");
    transport.reset(pair.own.connection);
    assert.equal(pair.own.closed, null, "onClose comes later, not from within the call");
    await pair.own.until("our close", () => pair.own.closed !== null);
    await pair.peer.until("the reset", () => pair.peer.closed);
    assert.equal(pair.peer.error, "ECONNRESET");
    assert.equal(pair.peer.text, "");
  });
  testCuts(both);
}

export function testAlive(both: Both, { probes }: TransportTraits): void {
  both(
    "an idle connection is alive until the peer ends, speaks, or it is destroyed",
    async (transport, pair) => {
      assert.equal(transport.alive(pair.own.connection), true);
      pair.peer.socket.end();
      await pair.own.until("the end", () => pair.own.has("end"));
      assert.equal(transport.alive(pair.own.connection), false);
      transport.destroy(pair.own.connection);
      assert.equal(transport.alive(pair.own.connection), false);
    },
  );

  if (!probes) return;

  both("bytes that nobody asked for are seen before their event", (transport, pair) => {
    pair.peer.socket.write("unexpected");
    assert.equal(transport.alive(pair.own.connection), false);
    return Promise.resolve();
  });

  both("a reset is seen before its event", (transport, pair) => {
    pair.peer.socket.resetAndDestroy();
    assert.equal(transport.alive(pair.own.connection), false);
    return Promise.resolve();
  });
}
