import assert from "node:assert/strict";
import { test } from "node:test";
import { TICK_MS } from "../../base/timer-wheel.ts";
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

const HTTP = {
  headerTimeoutMs: 3000,
  bodyTimeoutMs: 4000,
  totalTimeoutMs: 20_000,
  headTimeoutMs: 6000,
  keepaliveTimeoutMs: 5000,
};
const RUNTIME = {
  headerDeadlineMs: 2000,
  bodyProgressMinBps: 100,
  sweepIntervalMs: 500,
  connectTimeoutMs: 9000,
};

/** Deadlines fire late by up to a tick. */
function passes(gateway: MemoryGateway, client: MemoryPeer, deadlineMs: number): void {
  gateway.advance(deadlineMs - gateway.clock.nowMs - 1);
  assert.equal(client.ending, "open", "not early");
  gateway.advance(TICK_MS + 1);
}

test("a connection that says nothing is closed after the header timeout, without a word", () => {
  const gateway = new MemoryGateway({ http: HTTP, runtime: RUNTIME });
  const client = gateway.client();
  passes(gateway, client, 3000);
  assert.equal(client.ending, "fin");
  assert.equal(client.text, "");
  assertClean(gateway, client);
});

test("a head that does not end gets 408, however steadily it comes", () => {
  const gateway = new MemoryGateway({ http: HTTP, runtime: RUNTIME });
  const client = gateway.client();
  for (const letter of "GET /slow HTTP/1.1\r\n") {
    client.send(letter);
    gateway.advance(100);
  }
  gateway.advance(TICK_MS);
  assert.deepEqual(told(client), ["408 request header timeout"]);
  assert.equal(client.ending, "fin");
  assert.equal(gateway.global("security_slowloris_reaped_total"), 1);
  assert.deepEqual(gateway.allFaults, { header_timeout: 1 });
  assertClean(gateway, client);
});

test("an idle connection is closed after the keep-alive timeout; each request renews it", () => {
  const gateway = new MemoryGateway({ http: HTTP, runtime: RUNTIME });
  const client = gateway.client();
  for (let i = 0; i < 3; i++) {
    client.send(get("/"));
    gateway.backend().send(ok("x"));
    gateway.advance(4000);
    assert.equal(client.ending, "open");
  }
  passes(gateway, client, 8000 + 5000);
  assert.equal(client.ending, "fin");
  assert.equal(answersTo(client).length, 3);
  assertClean(gateway, client);
});

test("a body that stalls gets 408", () => {
  const gateway = new MemoryGateway({ http: HTTP, runtime: { ...RUNTIME, bodyProgressMinBps: 0 } });
  const client = gateway.client();
  client.send(post("/", "x".repeat(10)).slice(0, -5));
  gateway.advance(3000);
  client.send("x");
  passes(gateway, client, 3000 + 4000);
  assert.deepEqual(told(client), ["408 request body timeout"]);
  assert.equal(gateway.backend().ending, "closed");
  assert.deepEqual(gateway.allFaults, { request_body_timeout: 1 });
  assertClean(gateway, client);
});

test("a body that trickles below the minimum pace gets 408, one above it does not", () => {
  for (const [bytesPerSecond, status] of [
    [50, 408],
    [200, 200],
  ] as const) {
    const gateway = new MemoryGateway({ http: HTTP, runtime: RUNTIME });
    const client = gateway.client();
    client.send(chunkedHead("/"));
    for (let second = 0; second < 10 && client.text === ""; second++) {
      gateway.advance(1000);
      client.send(chunk("x".repeat(bytesPerSecond)));
    }
    if (status === 200) {
      client.send("0\r\n\r\n");
      gateway.backend().send(ok("thanks"));
    }
    assert.equal(answersTo(client)[0]?.status, status);
    assertClean(gateway, client);
  }
});

test("the pace counts only from when the backend takes the body", () => {
  const gateway = new MemoryGateway({ http: { ...HTTP, bodyTimeoutMs: 30_000 }, runtime: RUNTIME });
  gateway.holdDials();
  const client = gateway.client();
  client.send(post("/", "x".repeat(200)).slice(0, -100));
  gateway.advance(8000);
  gateway.backend().accept();
  gateway.advance(1900);
  client.send("x".repeat(100));
  gateway.backend().send(ok("all"));
  assert.deepEqual(told(client), ["200 all"]);
  assertClean(gateway, client);
});

test("upload and wait together may not take longer than the total timeout", () => {
  const gateway = new MemoryGateway({ http: HTTP, runtime: RUNTIME });
  const client = gateway.client();
  client.send(chunkedHead("/"));
  for (let second = 0; second < 19; second++) {
    gateway.advance(1000);
    client.send(chunk("x".repeat(1000)));
  }
  assert.equal(client.text, "");
  passes(gateway, client, 20_000);
  assert.equal(answersTo(client)[0]?.status, 408, "the client was the one to wait for");
  const waiting = gateway.client();
  waiting.send(chunkedHead("/"));
  gateway.advance(1000);
  waiting.send(`${chunk("x".repeat(1000))}0\r\n\r\n`);
  gateway.advance(6000 + TICK_MS);
  assert.deepEqual(told(waiting), ["504 gateway timeout"]);
  assert.deepEqual(gateway.allFaults, { request_body_timeout: 1, upstream_head_timeout: 1 });
  assertClean(gateway, client, waiting);
});

test("a backend that does not answer gets 504 for the client, and its connection is closed", () => {
  const gateway = new MemoryGateway({ http: HTTP, runtime: RUNTIME });
  const client = gateway.client();
  client.send(get("/"));
  passes(gateway, client, 6000);
  assert.deepEqual(told(client), ["504 gateway timeout"]);
  assert.equal(client.ending, "open", "the client did nothing wrong");
  assert.equal(gateway.backend().ending, "closed");
  assert.deepEqual(gateway.allFaults, { upstream_head_timeout: 1 });
  client.send(get("/again"));
  gateway.backend(1).send(ok("now"));
  assert.deepEqual(told(client), ["504 gateway timeout", "200 now"]);
  assertClean(gateway, client);
});

test("informational responses are progress, the total timeout stays", () => {
  const gateway = new MemoryGateway({ http: HTTP, runtime: RUNTIME });
  const client = gateway.client();
  client.send(get("/"));
  for (let i = 0; i < 4; i++) {
    gateway.advance(4900);
    gateway.backend().send("HTTP/1.1 102 Processing\r\n\r\n");
  }
  gateway.advance(500);
  assert.equal(answersTo(client).at(-1)?.status, 504);
  assert.deepEqual(gateway.allFaults, { total_timeout: 1 });
  assertClean(gateway, client);
});

test("a response body that stops coming cuts the response", () => {
  const gateway = new MemoryGateway({ http: HTTP, runtime: RUNTIME });
  const client = gateway.client();
  client.send(get("/"));
  gateway.backend().send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
  gateway.advance(3000);
  gateway.backend().send("6");
  passes(gateway, client, 3000 + 4000);
  assert.equal(client.ending, "reset");
  assert.deepEqual(gateway.allFaults, { upstream_body_timeout: 1 });
  assertClean(gateway);
});

test("a client that stops reading is let go; one that reads slowly is not", () => {
  const gateway = new MemoryGateway({ http: HTTP, runtime: RUNTIME });
  const client = gateway.client();
  client.send(get("/"));
  client.stopReading();
  gateway.backend().send(`HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${"x".repeat(100_000)}`);
  for (let i = 0; i < 10; i++) {
    gateway.advance(3000);
    client.read(5000);
    assert.equal(client.ending, "open");
  }
  gateway.advance(2 * 4000 + TICK_MS);
  assert.equal(client.ending, "reset");
  assert.deepEqual(gateway.allFaults, { client_stalled: 1 });
  assertClean(gateway);
});

test("what is left of one response is no progress of the next", () => {
  const gateway = new MemoryGateway({ http: HTTP, runtime: RUNTIME });
  const client = gateway.client();
  client.stopReading();
  client.send(get("/"));
  gateway.backend().send(ok("x".repeat(50_000)));
  client.send(get("/second"));
  for (let i = 0; i < 6; i++) {
    gateway.advance(1000);
    client.read(5000);
  }
  gateway.advance(TICK_MS);
  client.startReading();
  assert.deepEqual(
    answersTo(client).map(({ status }) => status),
    [200, 504],
  );
  assertClean(gateway, client);
});
