import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import type { MemoryPeer } from "../../../test/support/memory-peer.ts";
import {
  answersTo,
  assertClean,
  chunk,
  chunkedHead,
  get,
  ok,
  post,
  told,
} from "../../../test/support/memory-http.ts";

const SMALL = { http: { maxRequestBodyBytes: 1000 } };

/** Sends a request whose announced body is over the cap, and a part of it. */
function overCap(gateway: MemoryGateway, body: string): MemoryPeer {
  const client = gateway.client();
  client.send(post("/", "x".repeat(2000)).slice(0, -2000) + body);
  assert.deepEqual(told(client), ["413 request body too large"]);
  assert.equal(client.ending, "fin");
  return client;
}

test("413 for an announced body goes out at once, and no backend hears of the request", () => {
  const gateway = new MemoryGateway(SMALL);
  const client = overCap(gateway, "");
  assert.equal(gateway.transport.dials.length, 0);
  assert.deepEqual(gateway.allFaults, { body_too_large: 1 });
  assertClean(gateway, client);
});

test("413 for a body of unknown length goes out when it passes the cap", () => {
  const gateway = new MemoryGateway(SMALL);
  const client = gateway.client();
  client.send(chunkedHead("/") + chunk("x".repeat(1000)));
  assert.equal(client.text, "");
  client.send(chunk("y"));
  assert.deepEqual(told(client), ["413 request body too large"]);
  assert.equal(gateway.backend().ending, "closed");
  assertClean(gateway, client);
});

test("a body of exactly the cap passes", () => {
  const gateway = new MemoryGateway(SMALL);
  const client = gateway.client();
  client.send(post("/", "x".repeat(1000)));
  gateway.backend().send(ok("fine"));
  assert.deepEqual(told(client), ["200 fine"]);
  assertClean(gateway, client);
});

test("what the client still sends is read, so that it can read its answer", () => {
  for (const first of ["", "x".repeat(500)]) {
    const gateway = new MemoryGateway(SMALL);
    const client = overCap(gateway, first);
    client.send("x".repeat(1500));
    assert.ok(!client.paused, "a connection that lingers receives");
    assert.equal(client.undeliveredBytes, 0);
    client.end();
    assert.equal(client.ending, "closed", "both sides have ended");
    assertClean(gateway);
  }
});

test("a lingering connection ends after a second without FIN from the client", () => {
  const gateway = new MemoryGateway(SMALL);
  const client = overCap(gateway, "x");
  gateway.advance(900);
  assert.equal(client.ending, "fin");
  gateway.advance(200);
  assert.equal(client.ending, "closed");
  assertClean(gateway);
});

test("a client that goes on and on is not read, and has its second to read the answer", () => {
  const gateway = new MemoryGateway(SMALL);
  const client = overCap(gateway, "");
  for (let i = 0; i < 4; i++) client.send("x".repeat(64 * 1024));
  assert.ok(!client.paused, "256 KiB are thrown away");
  client.send("x");
  client.send("x".repeat(64 * 1024));
  assert.equal(client.undeliveredBytes, 64 * 1024);
  gateway.advance(900);
  assert.equal(client.ending, "fin");
  gateway.advance(200);
  assert.equal(client.ending, "closed");
  assertClean(gateway);
});

test("a client that is still reading keeps a lingering connection, until it stalls", () => {
  const gateway = new MemoryGateway({ http: { bodyTimeoutMs: 5000 } });
  const client = gateway.client();
  client.send(get("/", "Connection: close"));
  client.stopReading();
  gateway.backend().send(ok("x".repeat(100_000)));
  for (let i = 0; i < 5; i++) {
    gateway.advance(4000);
    client.read(10_000);
    assert.notEqual(client.ending, "closed", "progress keeps it");
  }
  gateway.advance(8000);
  assert.equal(client.ending, "closed");
  assertClean(gateway);
});

test("FIN between requests ends the connection", () => {
  const gateway = new MemoryGateway();
  const fresh = gateway.client();
  fresh.end();
  const used = gateway.client();
  used.send(get("/"));
  gateway.backend().send(ok("x"));
  used.end();
  assert.deepEqual([fresh.ending, used.ending], ["closed", "closed"]);
  assert.equal(fresh.text, "");
  assert.deepEqual(gateway.finished, { "2xx": 1 });
  assertClean(gateway);
});

test("empty lines before a FIN, or before nothing, are no request", () => {
  const gateway = new MemoryGateway();
  const leaving = gateway.client();
  leaving.send("\r\n");
  leaving.end();
  assert.equal(leaving.ending, "closed");
  const silent = gateway.client();
  silent.send("\r\n");
  gateway.advance(12_000);
  assert.equal(silent.ending, "closed");
  assert.equal(leaving.text + silent.text, "");
  assert.deepEqual(gateway.finished, {});
  assertClean(gateway);
});

test("FIN inside a head or a body is answered with 400, and the backend sees no whole request", () => {
  const cut = ["GET / HTTP/1.1\r\nHos", post("/", "0123456789").slice(0, -5), chunkedHead("/") + chunk("ab")];
  for (const bytes of cut) {
    const gateway = new MemoryGateway();
    const client = gateway.client();
    client.send(bytes);
    client.end();
    assert.equal(answersTo(client)[0]?.status, 400);
    assert.equal(client.ending, "closed");
    for (const { peer } of gateway.transport.dials) assert.equal(peer.ending, "closed");
    assertClean(gateway);
  }
});

test("FIN while the body is held back for a backend counts as well", () => {
  const gateway = new MemoryGateway();
  gateway.holdDials();
  const client = gateway.client();
  client.send(post("/", "0123456789").slice(0, -5));
  client.end();
  gateway.backend().accept();
  assert.equal(answersTo(client)[0]?.status, 400);
  assert.equal(gateway.backend().ending, "closed");
  assertClean(gateway);
});

test("FIN behind whole requests lets them be answered", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(get("/a") + post("/b", "body") + get("/c"));
  client.end();
  for (const answer of ["a", "b", "c"]) gateway.backend().send(ok(answer));
  assert.deepEqual(told(client), ["200 a", "200 b", "200 c"]);
  assert.equal(client.ending, "closed");
  assertClean(gateway);
});

test("a FIN that is told while requests are held back lets them be answered, too", () => {
  const gateway = new MemoryGateway({ routes: [{ rule: "PathPrefix(`/app`)" }] });
  for (const last of ["/app/c", "/elsewhere"]) {
    const client = gateway.client();
    client.send(get("/app/a") + post("/app/b", "body") + get(last));
    client.endNow();
    for (const answer of ["a", "b", "c"]) {
      if (gateway.backend().take() !== "") gateway.backend().send(ok(answer));
    }
    const third = last === "/elsewhere" ? "404 No route matched" : "200 c";
    assert.deepEqual(told(client), ["200 a", "200 b", third]);
    assert.equal(client.ending, "closed");
  }
  const cut = gateway.client();
  cut.send(get("/app/a") + post("/app/b", "body").slice(0, -2));
  cut.endNow();
  gateway.backend().send(ok("a"));
  assert.deepEqual(
    answersTo(cut).map(({ status }) => status),
    [200, 400],
  );
  assert.equal(cut.ending, "closed");
  assertClean(gateway);
});
