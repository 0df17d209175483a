import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { assertClean } from "../../../test/support/memory-http.ts";
import type { MemoryPeer } from "../../../test/support/memory-peer.ts";
import type { PlanSpec } from "../../../test/support/memory-plan.ts";
import { secureListener } from "../../../test/support/memory-tls.ts";

function relaying(spec: PlanSpec = {}): MemoryGateway {
  return new MemoryGateway({ ...spec, listener: { ...secureListener(), protocol: "tls", ...spec.listener } });
}

function connect(gateway: MemoryGateway, address?: string): MemoryPeer {
  const client = gateway.client(address);
  client.handshake({ serverName: "db.example" });
  return client;
}

test("bytes pass in both directions, and are counted", () => {
  const gateway = relaying();
  const client = connect(gateway);
  client.send("hello");
  const backend = gateway.backend();
  backend.send("who is there");
  client.send("!");
  assert.equal(backend.text, "hello!");
  assert.equal(client.text, "who is there");
  assert.equal(gateway.global("bytes_client_to_backend"), 6);
  assert.equal(gateway.global("bytes_backend_to_client"), 12);
  assert.equal(gateway.gauges["10.0.0.1:80 inflight"], 1);
  client.end();
  backend.end();
  assert.deepEqual(gateway.allFaults, {});
  assertClean(gateway);
});

test("a backend that speaks first is heard", () => {
  const gateway = relaying();
  const client = connect(gateway);
  gateway.backend().send("220 ready");
  assert.equal(client.text, "220 ready");
  assertClean(gateway, client);
});

test("what a client says before there is a backend waits, and so does its end", () => {
  const gateway = relaying();
  gateway.holdDials();
  const client = connect(gateway);
  client.send("early");
  client.end();
  assert.equal(client.undeliveredBytes, 5);
  const backend = gateway.backend();
  backend.accept();
  assert.equal(backend.text, "early");
  assert.equal(backend.ending, "fin");
  backend.send("answer");
  backend.end();
  assert.equal(client.text, "answer");
  assert.equal(gateway.socket.openConnections, 0);
  assertClean(gateway);
});

test("what was being read when the client was paused is not lost", () => {
  const gateway = relaying();
  gateway.holdDials();
  const client = connect(gateway);
  client.sendNow("early ");
  client.send("late");
  gateway.backend().accept();
  assert.equal(gateway.backend().text, "early late");
  assert.equal(gateway.global("bytes_client_to_backend"), 10);
  assertClean(gateway, client);
});

test("an end that is told before there is a backend is not forgotten", () => {
  const gateway = relaying();
  gateway.holdDials();
  const client = connect(gateway);
  client.endNow();
  gateway.backend().accept();
  assert.equal(gateway.backend().ending, "fin");
  gateway.backend().end();
  assertClean(gateway);
});

test("each direction ends by itself", () => {
  const gateway = relaying();
  const client = connect(gateway);
  const backend = gateway.backend();
  backend.end();
  assert.equal(client.ending, "fin");
  client.send("still here");
  assert.equal(backend.text, "still here");
  client.end();
  assert.equal(client.ending, "closed");
  assert.equal(backend.ending, "closed");
  assert.deepEqual(gateway.allFaults, {});
  assertClean(gateway);
});

test("a slow reader holds back whoever writes to it, on either side", () => {
  for (const slow of ["client", "backend"] as const) {
    const gateway = relaying();
    const client = connect(gateway);
    const peers = { client, backend: gateway.backend() };
    const reader = peers[slow];
    const writer = peers[slow === "client" ? "backend" : "client"];
    reader.stopReading();
    const part = "x".repeat(16 * 1024);
    for (let i = 0; i < 40; i++) writer.send(part);
    assert.ok(writer.paused);
    assert.ok(reader.maxQueuedBytes <= 5 * part.length, `${reader.maxQueuedBytes} queued`);
    reader.startReading();
    assert.equal(reader.bytes.length, 40 * part.length);
    assertClean(gateway, client);
  }
});

test("an end that is no orderly one is passed on as such", () => {
  const gateway = relaying();
  const client = connect(gateway);
  client.send("half");
  client.fail("tls: unexpected eof while reading");
  assert.equal(gateway.backend().ending, "reset");
  assert.deepEqual(gateway.allFaults, { client_closed: 1 });
  assert.equal(gateway.global("tls_connection_failures_total"), 1);
  const second = connect(gateway);
  gateway.backend(1).fail("ECONNRESET");
  assert.equal(second.ending, "reset");
  assert.deepEqual(gateway.allFaults, { client_closed: 1, upstream_reset: 1 });
  assert.equal(
    gateway.global("tls_connection_failures_total"),
    1,
    "the backend's is none of the client's TLS",
  );
  assertClean(gateway);
});

test("another backend is tried when one cannot be connected to", () => {
  const gateway = relaying({ services: { app: ["10.0.0.1:80", "10.0.0.2:80"] } });
  gateway.holdDials();
  const client = connect(gateway);
  gateway.dial(0).peer.fail("ECONNREFUSED");
  gateway.dial(1).peer.accept();
  client.send("hello");
  assert.equal(gateway.backend(1).text, "hello");
  assertClean(gateway, client);
});

test("a client is reset when no backend can be had", () => {
  const gateway = relaying({ services: { app: ["10.0.0.1:80", "10.0.0.2:80"] } });
  gateway.holdDials();
  const client = connect(gateway);
  gateway.dial(0).peer.fail("ECONNREFUSED");
  gateway.dial(1).peer.fail("ECONNREFUSED");
  assert.equal(client.ending, "reset");
  assert.equal(gateway.transport.dials.length, 2);
  assert.deepEqual(gateway.allFaults, { connect_refused: 1 });
  const none = relaying({ services: { app: ["nowhere.example:80"] } });
  assert.equal(connect(none).ending, "reset");
  assert.deepEqual(none.allFaults, { name_unresolved: 1 });
  assertClean(gateway);
  assertClean(none);
});

test("a dial that takes too long ends with the connect timeout", () => {
  const gateway = relaying({ runtime: { connectTimeoutMs: 2000 } });
  gateway.holdDials();
  const client = connect(gateway);
  gateway.advance(2100);
  assert.equal(client.ending, "reset");
  assert.deepEqual(gateway.allFaults, { connect_timeout: 1 });
  assertClean(gateway);
});

test("a client that leaves while its backend is dialled leaves nothing behind", () => {
  const gateway = relaying();
  gateway.holdDials();
  connect(gateway).fail("ECONNRESET");
  assert.equal(gateway.socket.openConnections, 0);
  gateway.backend().accept();
  assert.equal(gateway.backend().ending, "closed");
  assertClean(gateway);
});

test("silence on both sides ends a relay, and a byte now and then does not", () => {
  const gateway = relaying({ listener: { relayIdleTimeoutMs: 30_000 } });
  const client = connect(gateway);
  gateway.advance(29_000);
  client.send(".");
  gateway.advance(29_000);
  assert.equal(client.ending, "open");
  gateway.advance(2000);
  assert.equal(client.ending, "reset");
  assert.equal(gateway.backend().ending, "reset");
  assert.deepEqual(gateway.allFaults, { tunnel_idle: 1 });
  assertClean(gateway);
});

test("a drain leaves relays their budget, then they are cut", async () => {
  const gateway = relaying();
  const client = connect(gateway);
  await gateway.socket.drain();
  gateway.advance(5000);
  client.send("on and on");
  assert.equal(gateway.backend().text, "on and on");
  assert.equal(gateway.socket.abort(), 1);
  assert.equal(client.ending, "reset");
  assert.deepEqual(gateway.allFaults, { drained: 1 });
  assertClean(gateway);
});

test("a reload leaves relays alone", () => {
  const gateway = relaying();
  const client = connect(gateway);
  gateway.reload({
    listener: { ...secureListener(), protocol: "tls" },
    services: { other: ["10.0.0.9:80"] },
  });
  client.send("old");
  connect(gateway, "192.0.2.2").send("new");
  assert.equal(gateway.backend(0).text, "old");
  assert.equal(gateway.dial(1).target.host, "10.0.0.9");
  assert.equal(gateway.backend(1).text, "new");
  gateway.stop();
});
