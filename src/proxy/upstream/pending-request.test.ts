import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import type { MemoryPeer } from "../../../test/support/memory-peer.ts";
import { assertClean, get, ok, post, requestsTo, told } from "../../../test/support/memory-http.ts";

test("those who wait are served in the order in which they came, without those who left", () => {
  const gateway = new MemoryGateway({ pool: { maxPerBackend: 1 } });
  const clients = ["a", "b", "c", "d"].map((name) => {
    const client = gateway.client();
    client.send(get(`/${name}`));
    return client;
  });
  clients[1]?.fail("ECONNRESET");
  for (let i = 0; i < 3; i++) gateway.backend().send(ok(String(i)));
  assert.deepEqual(
    requestsTo(gateway.backend()).map(({ startLine }) => startLine),
    ["GET /a HTTP/1.1", "GET /c HTTP/1.1", "GET /d HTTP/1.1"],
  );
  assertClean(gateway, ...clients.filter((_, index) => index !== 1));
});

test("the body of one who waits stays with its client until there is a connection", () => {
  const gateway = new MemoryGateway({ pool: { maxPerBackend: 1 } });
  const first = gateway.client();
  first.send(get("/first"));
  const second = gateway.client();
  second.send(post("/second", "0123456789").slice(0, -5));
  second.send("56789");
  assert.ok(second.paused);
  gateway.backend().send(ok("first"));
  assert.equal(requestsTo(gateway.backend())[1]?.body.toString(), "0123456789");
  gateway.backend().send(ok("second"));
  assert.deepEqual(told(second), ["200 second"]);
  assertClean(gateway, first, second);
});

test("waiting is bounded by the connect timeout, for each from when it began to wait", () => {
  const gateway = new MemoryGateway({ runtime: { connectTimeoutMs: 2000 } });
  gateway.holdDials();
  const clients: MemoryPeer[] = [];
  for (let i = 0; i < 3; i++) {
    const client = gateway.client();
    client.send(get("/"));
    clients.push(client);
    gateway.advance(500);
  }
  const answered = (): number => clients.filter((client) => client.text !== "").length;
  assert.equal(answered(), 0);
  gateway.advance(600);
  assert.equal(answered(), 1);
  gateway.advance(500);
  assert.equal(answered(), 2);
  gateway.advance(500);
  assert.deepEqual(
    clients.flatMap((client) => told(client)),
    ["504 gateway timeout", "504 gateway timeout", "504 gateway timeout"],
  );
  assertClean(gateway, ...clients);
});

test("the total timeout ends the waiting, too", () => {
  const gateway = new MemoryGateway({ http: { totalTimeoutMs: 1000 } });
  gateway.holdDials();
  const client = gateway.client();
  client.send(get("/"));
  gateway.advance(1100);
  assert.deepEqual(told(client), ["504 request timeout"]);
  gateway.backend().accept();
  assert.equal(gateway.backend().text, "");
  assertClean(gateway, client);
});
