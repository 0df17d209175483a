import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { assertClean, get, requestsTo } from "../../../test/support/memory-http.ts";
import type { MemoryPeer } from "../../../test/support/memory-peer.ts";
import { fieldValue } from "../../../test/support/strict-http1.ts";

const REQUEST = get("/attach", "Connection: Upgrade", "Upgrade: Foo/2");
const SWITCHING = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: foo/2\r\nX-Y: z\r\n\r\n";

function foo(): MemoryGateway {
  return new MemoryGateway({ routes: [{ rule: "", upgrades: ["foo/2"] }], websocket: { enabled: false } });
}

function open(gateway: MemoryGateway): { client: MemoryPeer; backend: MemoryPeer } {
  const client = gateway.client();
  client.send(REQUEST);
  const backend = gateway.backend();
  assert.equal(fieldValue(requestsTo(backend)[0]?.fields ?? [], "upgrade"), "foo/2");
  backend.take();
  backend.send(SWITCHING);
  assert.match(client.take(), /^HTTP\/1\.1 101 .*\r\nX-Y: z\r\n.*upgrade: foo\/2\r\n/is);
  return { client, backend };
}

test("bytes pass both ways as they are, and each direction ends by itself", () => {
  const gateway = foo();
  const { client, backend } = open(gateway);
  assert.equal(gateway.global("upgrade_tunnels"), 1);
  backend.send("\x81\x05\x00 hello");
  client.send(Buffer.from([0, 255, 13, 10]));
  assert.equal(client.take(), "\x81\x05\x00 hello");
  assert.equal(backend.take(), "\x00\xff\r\n");
  client.end();
  assert.equal(backend.ending, "fin");
  assert.equal(client.ending, "open");
  backend.send("last words");
  backend.end();
  assert.equal(client.text, "last words");
  assert.equal(client.ending, "closed");
  assert.equal(backend.ending, "closed", "in order, without an RST");
  assert.deepEqual(gateway.finished, { "1xx": 1 });
  assert.deepEqual(gateway.allFaults, {});
  assertClean(gateway, client);
  assert.equal(gateway.global("upgrade_tunnels"), 0);
  assert.equal(gateway.global("upgrade_tunnels_total"), 1);
});

test("the backend may be the first to end its direction", () => {
  const gateway = foo();
  const { client, backend } = open(gateway);
  backend.end();
  assert.equal(client.ending, "fin");
  client.send("there is more");
  assert.equal(backend.text, "there is more");
  assert.equal(backend.ending, "open");
  client.end();
  assert.equal(backend.ending, "closed");
  assert.deepEqual(gateway.allFaults, {});
  assertClean(gateway, client);
});

test("what the client sent behind its request, and its FIN, wait for the tunnel", () => {
  for (const early of [true, false]) {
    const gateway = foo();
    const client = gateway.client();
    client.send(`${REQUEST}early`);
    // Some transports tell of a FIN although the connection is paused.
    if (early) client.endNow();
    else client.end();
    const backend = gateway.backend();
    assert.equal(backend.take().includes("early"), false);
    backend.send(`${SWITCHING}at once`);
    assert.equal(backend.text, "early");
    assert.equal(backend.ending, "fin");
    assert.ok(client.text.endsWith("\r\n\r\nat once"));
    backend.end();
    assertClean(gateway, client);
  }
});

test("a FIN that is told while bytes are held back comes behind them", () => {
  const gateway = foo();
  const { client, backend } = open(gateway);
  backend.stopReading();
  let sent = 0;
  for (; !client.paused; sent++) client.send("x".repeat(16_384));
  client.endNow();
  assert.equal(backend.ending, "open");
  backend.startReading();
  assert.equal(backend.text.length, sent * 16_384);
  assert.equal(backend.ending, "fin");
  backend.end();
  assertClean(gateway, client);
});

test("an RST is no end: it is passed on as one, either way", () => {
  for (const broken of ["client", "backend"] as const) {
    const gateway = foo();
    const { client, backend } = open(gateway);
    if (broken === "client") client.fail("ECONNRESET");
    else backend.fail("ECONNRESET");
    assert.equal((broken === "client" ? backend : client).ending, "reset");
    assert.deepEqual(gateway.allFaults, broken === "client" ? { client_closed: 1 } : { upstream_reset: 1 });
    assert.deepEqual(gateway.finished, { "1xx": 1 });
    assert.equal(gateway.global("upgrade_tunnels"), 0);
    assertClean(gateway, client);
  }
});

test("only silence in both directions ends it", () => {
  const gateway = foo();
  const { client, backend } = open(gateway);
  for (let i = 0; i < 4; i++) {
    gateway.advance(40_000);
    if (i % 2 === 0) client.send("x");
    else backend.send("y");
  }
  gateway.advance(59_000);
  assert.equal(client.ending, "open");
  gateway.advance(1100);
  assert.equal(client.ending, "reset");
  assert.equal(backend.ending, "reset");
  assert.deepEqual(gateway.allFaults, { tunnel_idle: 1 });
  assertClean(gateway, client);
});

test("a side that does not read stops the other, and little is held", () => {
  for (const slow of ["client", "backend"] as const) {
    const gateway = foo();
    const { client, backend } = open(gateway);
    const [reader, writer] = slow === "client" ? [client, backend] : [backend, client];
    reader.stopReading();
    const part = Buffer.alloc(16_384, 0x61);
    let sent = 0;
    while (!writer.paused && sent < 100) {
      writer.send(part);
      sent += 1;
    }
    assert.ok(writer.paused, "the writer is stopped");
    assert.ok(reader.maxQueuedBytes <= 128 * 1024, `${reader.maxQueuedBytes} bytes are held`);
    writer.send("end");
    reader.startReading();
    assert.equal(reader.bytes.length, sent * part.length + 3);
    client.end();
    backend.end();
    assertClean(gateway, client);
  }
});

test("a drain leaves it its budget, and then cuts it", () => {
  const gateway = foo();
  const { client, backend } = open(gateway);
  void gateway.socket.drain();
  gateway.advance(5000);
  client.send("still there");
  assert.equal(backend.text, "still there");
  assert.equal(gateway.socket.abort(), 1);
  gateway.transport.pump();
  assert.notEqual(client.ending, "open");
  assert.deepEqual(gateway.allFaults, { drained: 1 });
  assertClean(gateway);
});
