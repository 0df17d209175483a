/** The part of the TLS contract about how connections end: close_notify, halves, resets. */
import assert from "node:assert/strict";
import { testCuts } from "./byte-stream.contract.ts";
import { alone, bothSides, dial, echo, ownPair, serve, type TlsTraits } from "./tls-peers.contract.ts";
import { fill, say } from "./transport-peers.contract.ts";

export function testTlsEnds(traits: TlsTraits): void {
  testOrderly(traits);
  testAbrupt(traits);
}

function testOrderly(traits: TlsTraits): void {
  const both = bothSides(traits);
  const it = alone(traits);

  both("close_notify of the peer leaves our side open", async (transport, pair) => {
    pair.peer.socket.end("last words");
    await pair.own.until("the end", () => pair.own.has("end"));
    assert.equal(pair.own.text, "last words");
    say(transport, pair, "answer");
    transport.end(pair.own.connection);
    await pair.peer.until("the answer and the end", () => pair.peer.ended);
    assert.equal(pair.peer.text, "answer");
    await pair.own.until("the close", () => pair.own.closed !== null);
    assert.equal(pair.own.closed, "");
    assert.equal(pair.own.events.at(-1), "close");
  });

  both(
    "our close_notify comes behind what is queued, and leaves the peer's side open",
    async (transport, pair) => {
      pair.peer.socket.pause();
      const sent = await fill(transport, pair);
      say(transport, pair, "behind");
      transport.end(pair.own.connection);
      pair.peer.socket.resume();
      await pair.peer.until("everything and the end", () => pair.peer.ended);
      assert.equal(pair.peer.receivedBytes, sent.length + 6);
      pair.peer.socket.write("still here");
      await pair.own.until("what the peer still says", () => pair.own.text === "still here");
      assert.equal(pair.own.closed, null);
      pair.peer.socket.end();
      await pair.own.until("the close", () => pair.own.closed !== null);
      assert.equal(pair.own.closed, "");
    },
  );

  both("finish closes behind what is queued, and hears nothing more", async (transport, pair) => {
    pair.peer.socket.pause();
    const sent = await fill(transport, pair);
    say(transport, pair, "behind");
    transport.finish(pair.own.connection);
    say(transport, pair, "never sent");
    transport.flush();
    pair.peer.socket.resume();
    await pair.peer.until("everything and the end", () => pair.peer.ended);
    assert.equal(pair.peer.receivedBytes, sent.length + 6);
    await pair.own.until("the close", () => pair.own.closed !== null);
    assert.equal(pair.own.closed, "");
    assert.ok(!pair.own.has("data") && !pair.own.has("end"));
  });

  it("both ways of ending say close_notify first", async (transport) => {
    for (const act of ["end", "finish"] as const) {
      const { client, server } = await ownPair(transport);
      for (const own of [client, server]) {
        transport.sendFrom(own.connection, Buffer.from("x"), 0, 1);
        transport.flush();
      }
      for (const own of [client, server]) await own.until("bytes", () => own.text === "x");
      transport[act](server.connection);
      // Without it this would be a close with an error, and no end.
      await client.until("the end", () => client.has("end"));
      transport.end(client.connection);
      for (const own of [client, server]) {
        await own.until("the close", () => own.closed !== null);
        assert.equal(own.closed, "", act);
      }
    }
  });

  it("an end that was asked for before the handshake is over sends what was staged", async (transport, context) => {
    const served = await serve(transport);
    served.acceptor.onSecured = ({ connection }) => {
      transport.sendFrom(connection, Buffer.from("too early"), 0, 9);
      transport.flush();
      transport.end(connection);
    };
    const peer = dial(served.port);
    context.after(() => peer.socket.destroy());
    await peer.until("the end", () => peer.ended || peer.closed);
    assert.equal(peer.text, "too early");
  });
}

function testAbrupt(traits: TlsTraits): void {
  const both = bothSides(traits);
  const it = alone(traits);

  it("a connection can be ended as soon as its handshake is done, in every way", async (transport) => {
    const served = await serve(transport);
    for (const act of ["end", "finish", "destroy", "reset"] as const) {
      served.acceptor.onSecured = (own) => {
        own.onConnectHook = () => {
          transport.sendFrom(own.connection, Buffer.from("bye"), 0, 3);
          transport[act](own.connection);
        };
      };
      const peer = dial(served.port, { allowHalfOpen: false } as object);
      await peer.until("the end", () => peer.closed);
      const own = served.last();
      await own.until("the close", () => own.closed !== null);
      assert.ok(!own.has("data"));
      if (act === "end" || act === "finish") assert.equal(peer.text, "bye");
    }
  });

  both("our reset reaches the peer as one", async (transport, pair) => {
    // A reset that crosses what the peer still writes, such as tickets, looks otherwise to node:tls.
    await echo(transport, pair);
    say(transport, pair, "never sent");
    transport.reset(pair.own.connection);
    assert.equal(pair.own.closed, null, "onClose comes later, not from within the call");
    await pair.own.until("our close", () => pair.own.closed !== null);
    assert.equal(pair.own.closed, "");
    await pair.peer.until("the reset", () => pair.peer.closed);
    assert.equal(pair.peer.error, "ECONNRESET");
    assert.equal(pair.peer.text, "ping");
  });

  testCuts(both);
}
