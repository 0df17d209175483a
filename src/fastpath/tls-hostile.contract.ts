/**
 * The part of the TLS contract about peers that break the rules: what is no handshake, records that are
 * none, renegotiation, floods. Whatever they do ends their own connection, and no other's.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { CONTENT, message, record, Tls13Client } from "../../test/support/tls13-client.ts";
import {
  alone,
  assertTlsError,
  echo,
  ForeignServer,
  handshakeOf,
  reach,
  secured,
  serve,
  type Served,
  tcp,
  type TlsTraits,
} from "./tls-peers.contract.ts";
import type { Recorder } from "./transport-peers.contract.ts";

const RECORD_HEADER_BYTES = 5;

/** Instead of a ClientHello. */
const GARBAGE: Readonly<Record<string, Buffer>> = {
  "plaintext HTTP": Buffer.from("GET / HTTP/1.1\r\nHost: example.test\r\n\r\n"),
  "an HTTP/2 preface": Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  zeros: Buffer.alloc(1000),
  ones: Buffer.alloc(1000, 0xff),
  "noise after a header": record(CONTENT.handshake, randomBytes(500)),
  "an SSL 2 hello": Buffer.from("802e0103010015000000100100800700c003008006004002008004008000000000", "hex"),
  "an SSL 3 record": Buffer.concat([Buffer.from("1603000005", "hex"), Buffer.alloc(5)]),
  "a record that is too long": record(CONTENT.handshake, Buffer.alloc(20_000), 0xffff),
  "a record without content": record(CONTENT.handshake, Buffer.alloc(0)),
  "application data first": record(CONTENT.applicationData, Buffer.from("hello")),
  "a Finished first": record(CONTENT.handshake, message(20, Buffer.alloc(12))),
  "an unknown content type": record(99, Buffer.from("hello")),
  "a fatal alert": record(CONTENT.alert, Buffer.from([2, 40])),
  "a message that is too long": record(CONTENT.handshake, Buffer.from("01ffffff", "hex")),
  "a hello of nothing": record(CONTENT.handshake, message(1, Buffer.alloc(0))),
  "a hello of zeros": record(CONTENT.handshake, message(1, Buffer.alloc(100))),
};

export function testHostile(traits: TlsTraits): void {
  testGarbage(traits);
  testHellos(traits);
  testRecords(traits);
  testRenegotiation(traits);
  testFloods(traits);
}

/** Where the next connection's owner will be found. */
async function ownerOf(served: Served, index: number): Promise<Recorder> {
  await served.acceptor.until("the connection", () => served.acceptor.recorders.length > index);
  return served.acceptor.recorders[index] as Recorder;
}

function testGarbage(traits: TlsTraits): void {
  const it = alone(traits);

  it("what is no handshake ends the connection, with a reason, and hurts nobody", async (transport) => {
    const served = await serve(transport);
    const good = await secured(served);
    for (const [what, bytes] of Object.entries(GARBAGE)) {
      const index = served.acceptor.recorders.length;
      const peer = await tcp(served.port);
      peer.socket.write(bytes);
      const own = await ownerOf(served, index);
      // Some of it may be the beginning of something.
      peer.socket.end();
      await own.until(`the close after ${what}`, () => own.closed !== null);
      assert.deepEqual(own.events, ["close"], what);
      assertTlsError(own);
      peer.socket.destroy();
      await echo(transport, good);
    }
  });

  it("a peer that hangs up before or within its hello is told by its reason", async (transport) => {
    const served = await serve(transport);
    const client = await Tls13Client.connect(served.port);
    const hello = client.hello();
    client.socket.destroy();
    for (const bytes of [0, 1, 5, 6, hello.length - 1]) {
      const index = served.acceptor.recorders.length;
      const peer = await tcp(served.port);
      peer.socket.end(hello.subarray(0, bytes));
      const own = await ownerOf(served, index);
      await own.until("the close", () => own.closed !== null);
      assertTlsError(own, /eof/);
      peer.socket.destroy();
    }
  });

  it("a peer that falls silent within its hello waits until it is destroyed", async (transport) => {
    const served = await serve(transport);
    const silent: Recorder[] = [];
    for (const bytes of [0, 100]) {
      const index = served.acceptor.recorders.length;
      const client = await Tls13Client.connect(served.port);
      client.socket.write(client.hello().subarray(0, bytes));
      silent.push(await ownerOf(served, index));
    }
    await echo(transport, await secured(served));
    for (const own of silent) {
      assert.deepEqual(own.events, []);
      transport.destroy(own.connection);
      await own.until("the close", () => own.closed !== null);
      assert.equal(own.closed, "");
    }
  });

  it("a peer that resets within its handshake is told by its errno", async (transport) => {
    const served = await serve(transport);
    const client = await Tls13Client.connect(served.port);
    client.socket.write(client.hello());
    await client.readRecord();
    client.socket.resetAndDestroy();
    const own = await ownerOf(served, 0);
    await own.until("the close", () => own.closed !== null);
    assert.equal(own.closed, "ECONNRESET");
  });
}

function testHellos(traits: TlsTraits): void {
  const it = alone(traits);

  it("a hello may come in records of one octet", async (transport) => {
    const served = await serve(transport);
    const client = await Tls13Client.connect(served.port);
    const hello = client.hello().subarray(RECORD_HEADER_BYTES);
    client.socket.write(
      Buffer.concat(Array.from(hello, (octet) => record(CONTENT.handshake, Buffer.of(octet)))),
    );
    assert.equal((await client.readRecord()).type, CONTENT.handshake);
    client.socket.destroy();
    const own = await ownerOf(served, 0);
    await own.until("the close", () => own.closed !== null);
  });

  it("a hello that was changed or cut is answered or refused, and hurts nobody", async (transport) => {
    const served = await serve(transport, { alpn: ["h2"] });
    const good = await secured(served);
    const client = await Tls13Client.connect(served.port);
    const hello = client.hello({ serverName: Buffer.from("a.example.test"), alpn: ["h2"] });
    client.socket.destroy();
    await ownerOf(served, 1);
    for (let round = 0; round < hello.length; round++) {
      const index = served.acceptor.recorders.length;
      const changed = Buffer.from(hello);
      changed[round] = (changed[round] as number) ^ (1 << (round % 8));
      const peer = await tcp(served.port);
      peer.socket.end(round % 3 === 0 ? changed.subarray(0, round + 1) : changed);
      const own = await ownerOf(served, index);
      await own.until("the close", () => own.closed !== null);
      assert.deepEqual(own.events, ["close"]);
      assert.notEqual(own.closed, "");
      peer.socket.destroy();
    }
    await echo(transport, good);
  });
}

function testRecords(traits: TlsTraits): void {
  const it = alone(traits);

  /** After the handshake. */
  const broken: Readonly<Record<string, (client: Tls13Client) => Buffer>> = {
    "a record in the clear": () => record(CONTENT.applicationData, Buffer.from("hello")),
    "a record that nobody sealed": () => record(CONTENT.applicationData, randomBytes(100)),
    "a record that is too long": () => record(CONTENT.applicationData, randomBytes(17_000)),
    "an alert in the clear": () => record(CONTENT.alert, Buffer.from([1, 0])),
    "an unknown content type": (client) => client.seal(99, Buffer.from("hello")),
    "no content type": (client) => client.seal(0, Buffer.alloc(10)),
    "a second ClientHello": (client) => client.seal(CONTENT.handshake, client.hello().subarray(5)),
    "a KeyUpdate of a third kind": (client) => client.seal(CONTENT.handshake, message(24, Buffer.of(2))),
    "a KeyUpdate with more behind it": (client) =>
      client.seal(CONTENT.handshake, Buffer.concat([message(24, Buffer.of(0)), message(24, Buffer.of(0))])),
    "a message that is too long": (client) =>
      client.seal(CONTENT.handshake, Buffer.from("18ffffff00", "hex")),
    "an alert of one octet": (client) => client.seal(CONTENT.alert, Buffer.of(1)),
    "a fatal alert": (client) => client.seal(CONTENT.alert, Buffer.from([2, 80])),
  };

  it("a broken record ends the connection, behind what came before, and hurts nobody", async (transport) => {
    const served = await serve(transport);
    const good = await secured(served);
    for (const [what, make] of Object.entries(broken)) {
      const index = served.acceptor.recorders.length;
      const client = await Tls13Client.open(served.port);
      const own = await ownerOf(served, index);
      client.socket.write(Buffer.concat([client.text("good"), make(client), client.text("bad")]));
      await own.until(`the close after ${what}`, () => own.closed !== null);
      assert.equal(own.text, "good", what);
      assertTlsError(own);
      client.socket.destroy();
      await echo(transport, good);
    }
  });

  it("a broken record behind an end of our own ends the connection and nothing else", async (transport) => {
    const served = await serve(transport);
    const good = await secured(served);
    for (const act of ["end", "finish", "destroy"] as const) {
      for (const make of Object.values(broken)) {
        const index = served.acceptor.recorders.length;
        const client = await Tls13Client.open(served.port);
        const own = await ownerOf(served, index);
        own.onDataHook = () => transport[act](own.connection);
        const parts = [
          client.text("good"),
          client.keyUpdate(true),
          client.text("more"),
          client.keyUpdate(true),
        ];
        client.socket.end(Buffer.concat([...parts, make(client)]));
        await own.until("the close", () => own.closed !== null);
        client.socket.destroy();
      }
      await echo(transport, good);
    }
  });
}

function testRenegotiation(traits: TlsTraits): void {
  const it = alone(traits);
  const old = { maxVersion: "TLSv1.2" } as const;

  it("a client's renegotiation is refused", async (transport) => {
    const served = await serve(transport);
    const good = await secured(served);
    const { own, peer } = await secured(served, old);
    let renegotiated = false;
    peer.tls.renegotiate({}, (error) => {
      renegotiated = error === null;
    });
    await peer.until("the refusal", () => peer.reason !== "" || peer.closed);
    assert.match(peer.reason, /no renegotiation|eof|hang up|disconnected/);
    peer.socket.destroy();
    await own.until("the close", () => own.closed !== null);
    assert.equal(renegotiated, false);
    assert.equal(own.events.filter((event) => event === "connect").length, 1);
    await echo(transport, good);
  });

  it("a server's renegotiation is refused", async (transport, context) => {
    const server = await ForeignServer.start(context, old);
    const own = await reach(transport, server.port);
    const peer = await server.peer();
    let renegotiated = false;
    peer.tls.renegotiate({}, (error) => {
      renegotiated = error === null;
    });
    await peer.until("the refusal", () => peer.reason !== "" || peer.closed || own.closed !== null);
    peer.socket.destroy();
    await own.until("the close", () => own.closed !== null);
    assert.equal(renegotiated, false);
    assert.equal(own.events.filter((event) => event === "connect").length, 1);
  });
}

function testFloods(traits: TlsTraits): void {
  const it = alone(traits);

  it("a KeyUpdate now and then is obeyed, whether it asks for ours or not", async (transport) => {
    const served = await serve(transport);
    const client = await Tls13Client.open(served.port);
    const own = await ownerOf(served, 0);
    for (let round = 0; round < 5; round++) {
      client.socket.write(Buffer.concat([client.keyUpdate(round % 2 === 0), client.text("x")]));
      await own.until("bytes", () => own.receivedBytes === round + 1);
      transport.sendFrom(own.connection, Buffer.from("y"), 0, 1);
      transport.flush();
    }
    client.socket.destroy();
    await own.until("the close", () => own.closed !== null);
  });

  it("KeyUpdates by the thousand end the connection, unread answers or not", async (transport) => {
    const served = await serve(transport);
    const good = await secured(served);
    const client = await Tls13Client.open(served.port);
    const own = await ownerOf(served, 1);
    await handshakeOf(own);
    client.socket.pause();
    const updates = Array.from({ length: 10_000 }, () => client.keyUpdate(true));
    client.socket.write(Buffer.concat(updates));
    await own.until("the close", () => own.closed !== null);
    assertTlsError(own);
    client.socket.destroy();
    await echo(transport, good);
  });

  it("records without content by the thousand end the connection", async (transport) => {
    const served = await serve(transport);
    const good = await secured(served);
    const client = await Tls13Client.open(served.port);
    const own = await ownerOf(served, 1);
    await handshakeOf(own);
    const empty = Array.from({ length: 10_000 }, () => client.seal(CONTENT.applicationData, Buffer.alloc(0)));
    client.socket.write(Buffer.concat(empty));
    await own.until("the close", () => own.closed !== null);
    assertTlsError(own);
    client.socket.destroy();
    await echo(transport, good);
  });

  it("an orderly client in the middle of all that is served", async (transport) => {
    const served = await serve(transport);
    const good = await secured(served);
    const hostile = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const peer = await tcp(served.port);
        const kinds = Object.values(GARBAGE);
        peer.socket.write(kinds[index % kinds.length] as Buffer);
        return peer;
      }),
    );
    await served.acceptor.until("all of them", () => served.acceptor.recorders.length === 1 + hostile.length);
    for (let round = 0; round < 5; round++) {
      await echo(transport, good);
      await echo(transport, await secured(served));
    }
    for (const peer of hostile) peer.socket.destroy();
  });
}
