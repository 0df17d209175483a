import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import type { MemoryPeer } from "../../../test/support/memory-peer.ts";
import { answersTo, assertClean, get, ok, post, told } from "../../../test/support/memory-http.ts";
import { fieldValue } from "../../../test/support/strict-http1.ts";

/** The Connection field of each response. */
function connectionFields(client: MemoryPeer): (string | undefined)[] {
  return answersTo(client).map(({ message }) => fieldValue(message.fields, "connection"));
}

test("the response that reaches the cap says that it is the last, and what comes behind is not served", () => {
  const gateway = new MemoryGateway({ listener: { maxKeepaliveRequests: 3 } });
  const client = gateway.client();
  client.send(get("/").repeat(4));
  for (let i = 0; i < 3; i++) gateway.backend().send(ok(String(i)));
  assert.deepEqual(told(client), ["200 0", "200 1", "200 2"]);
  assert.deepEqual(connectionFields(client), [undefined, undefined, "close"]);
  assert.equal(client.ending, "fin");
  assertClean(gateway, client);
});

test("a cap of one closes after each request, and 0 is no cap", () => {
  const once = new MemoryGateway({ listener: { maxKeepaliveRequests: 1 } });
  const client = once.client();
  client.send(get("/"));
  once.backend().send(ok("x"));
  assert.deepEqual(connectionFields(client), ["close"]);
  assertClean(once, client);
  const endless = new MemoryGateway({ listener: { maxKeepaliveRequests: 0 } });
  const other = endless.client();
  for (let i = 0; i < 300; i++) {
    other.send(get("/"));
    endless.backend().send(ok("x"));
  }
  assert.equal(answersTo(other).length, 300);
  assert.equal(other.ending, "open");
  assertClean(endless, other);
});

test("the gateway's own answers count, and keep the connection", () => {
  const gateway = new MemoryGateway({
    routes: [{ rule: "Path(`/known`)" }],
    listener: { maxKeepaliveRequests: 2 },
  });
  const client = gateway.client();
  client.send(get("/a"));
  assert.equal(client.ending, "open");
  client.send(get("/b"));
  assert.deepEqual(connectionFields(client), [undefined, "close"]);
  assertClean(gateway, client);
});

test("Connection: close from the client is honoured", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(get("/", "Connection: close"));
  gateway.backend().send(ok("bye"));
  assert.deepEqual(connectionFields(client), ["close"]);
  assert.equal(client.ending, "closed", "a client that has said everything is not waited for");
  assertClean(gateway, client);
});

test("Connection: close with more behind it is honoured, and the rest is read, lest the answer be lost", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(get("/", "Connection: close") + get("/more"));
  gateway.backend().send(ok("bye"));
  assert.deepEqual(told(client), ["200 bye"]);
  assert.equal(client.ending, "fin");
  assertClean(gateway, client);
});

test("a client that closes after this request and reads slowly keeps its connection until it has all", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(get("/", "Connection: close"));
  client.stopReading();
  gateway.backend().send(ok("bye"));
  assert.equal(client.ending, "open");
  client.startReading();
  assert.equal(client.ending, "closed");
  assert.deepEqual(told(client), ["200 bye"]);
  assertClean(gateway, client);
});

test("Connection: close from the backend is the backend's alone", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(get("/"));
  gateway.backend().send(ok("x", "Connection: close"));
  assert.equal(gateway.backend().ending, "closed");
  client.send(get("/"));
  gateway.backend(1).send(ok("y"));
  assert.deepEqual(told(client), ["200 x", "200 y"]);
  assertClean(gateway, client);
});

test("HTTP/1.0 closes unless it asks not to, and is told", () => {
  const gateway = new MemoryGateway();
  const plain = gateway.client();
  plain.send("GET / HTTP/1.0\r\n\r\n");
  gateway.backend().send(ok("x"));
  assert.equal(plain.ending, "closed");
  const kept = gateway.client();
  for (let i = 0; i < 2; i++) {
    kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    gateway.backend().send(ok("y"));
  }
  assert.deepEqual(connectionFields(kept), ["keep-alive", "keep-alive"]);
  assert.equal(kept.ending, "open");
  assertClean(gateway, plain, kept);
});

test("a drain ends idle connections after their grace, and busy ones after their response", async () => {
  const gateway = new MemoryGateway({ listener: { drainJitterMs: 1000 } });
  const rested = gateway.client();
  rested.send(get("/"));
  gateway.backend(0).send(ok("x"));
  gateway.advance(10_000);
  const busy = gateway.client();
  busy.send(get("/"));
  const sending = gateway.client();
  sending.send(post("/", "body").slice(0, -2));
  const fresh = gateway.client();
  await gateway.socket.drain();
  gateway.advance(100);
  assert.equal(rested.ending, "fin", "it has rested longer than the grace");
  assert.equal(fresh.ending, "open", "a request may be on its way");
  gateway.backend(0).send(ok("busy"));
  sending.send("dy");
  gateway.backend(1).send(ok("sent"));
  assert.deepEqual([...told(busy), ...told(sending)], ["200 busy", "200 sent"]);
  assert.deepEqual([...connectionFields(busy), ...connectionFields(sending)], ["close", "close"]);
  gateway.advance(1000);
  assert.equal(fresh.ending, "open");
  gateway.advance(500);
  assert.equal(fresh.ending, "fin", "a grace of 1 s and half the jitter");
  assertClean(gateway, rested, busy, sending, fresh);
});

test("a request that comes in the grace of a drain is served", async () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  await gateway.socket.drain();
  client.send(get("/"));
  gateway.backend().send(ok("last"));
  assert.deepEqual(told(client), ["200 last"]);
  assert.deepEqual(connectionFields(client), ["close"]);
  assert.equal(client.ending, "fin");
  assertClean(gateway, client);
});

test("a drain in the middle of a response that promised to go on still closes behind it", async () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(get("/"));
  gateway.backend().send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
  await gateway.socket.drain();
  gateway.backend().send("cd");
  assert.deepEqual(told(client), ["200 abcd"]);
  assert.equal(client.ending, "fin");
  assertClean(gateway, client);
});
