import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import {
  answersTo,
  assertClean,
  chunk,
  chunkedHead,
  get,
  ok,
  post,
  requestsTo,
  response,
  told,
} from "../../../test/support/memory-http.ts";
import type { MemoryPeer } from "../../../test/support/memory-peer.ts";
import { fieldValue, parseRequest } from "../../../test/support/strict-http1.ts";

const BAD = /^HTTP\/1\.1 400 /;

/** What a backend got, without the ids that differ from run to run, and without how a body was cut into chunks. */
function contentTo(backend: MemoryPeer): string[] {
  return requestsTo(backend).map(({ startLine, fields, body, trailers }) => {
    const kept = fields.filter(([name]) => name !== "X-Request-ID" && name !== "traceparent");
    return JSON.stringify([startLine, kept, body.toString("latin1"), trailers]);
  });
}

/** Answers each request on its first backend connection as soon as it is whole. */
function sendAnswering(gateway: MemoryGateway, client: MemoryPeer, pieces: readonly string[]): void {
  let answered = 0;
  for (const piece of pieces) {
    client.send(piece);
    while (gateway.transport.dials.length > 0) {
      if (requestCount(gateway.backend()) <= answered) break;
      answered++;
      gateway.backend().send(ok("x"));
    }
  }
}

/** How many requests came whole; -1 when the last one is not. */
function requestCount(backend: MemoryPeer): number {
  let count = 0;
  let rest = backend.bytes;
  while (rest.length > 0) {
    const result = parseRequest(rest);
    if (result.kind !== "message") return -1;
    rest = rest.subarray(result.end);
    count++;
  }
  return count;
}

test("a request is forwarded and its response comes back, as often as the client asks", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  for (let i = 0; i < 5; i++) {
    client.send(get(`/${i}`));
    gateway.backend().send(ok(`answer ${i}`));
  }
  assert.deepEqual(
    told(client),
    [0, 1, 2, 3, 4].map((i) => `200 answer ${i}`),
  );
  assert.deepEqual(
    requestsTo(gateway.backend()).map((request) => request.startLine),
    [0, 1, 2, 3, 4].map((i) => `GET /${i} HTTP/1.1`),
  );
  assert.equal(client.ending, "open");
  assert.deepEqual(gateway.finished, { "2xx": 5 });
  assertClean(gateway, client);
});

test("pipelined requests are answered in their order, one upstream at a time", () => {
  const gateway = new MemoryGateway({ services: { app: ["10.0.0.1:80", "10.0.0.2:80"] } });
  const client = gateway.client();
  client.send(get("/a") + post("/b", "body of b") + get("/c"));
  assert.equal(gateway.transport.dials.length, 1, "the second waits for the first");
  gateway.backend(0).send(ok("first"));
  assert.equal(requestsTo(gateway.backend(1))[0]?.body.toString(), "body of b");
  gateway.backend(1).send(ok("second"));
  gateway.backend(0).send(ok("third"));
  assert.deepEqual(told(client), ["200 first", "200 second", "200 third"]);
  assertClean(gateway, client);
});

test("a pipelined request behind one that fails is served all the same", () => {
  const gateway = new MemoryGateway({ routes: [{ rule: "Path(`/known`)" }] });
  const client = gateway.client();
  client.send(get("/unknown") + get("/unknown") + get("/known"));
  gateway.backend().send(ok("found"));
  assert.deepEqual(told(client), ["404 No route matched", "404 No route matched", "200 found"]);
  assertClean(gateway, client);
});

test("wherever the bytes of requests are split, the backend gets the same", () => {
  const stream =
    get("/one?q=1", "Accept: */*") +
    post("/two", "0123456789") +
    `${chunkedHead("/three", "TE: trailers")}${chunk("hello")}${chunk(" world")}0\r\nX-Sum: 11\r\n\r\n` +
    get("/four");
  const run = (pieces: readonly string[]): string[] => {
    const gateway = new MemoryGateway();
    const client = gateway.client();
    sendAnswering(gateway, client, pieces);
    assert.deepEqual(told(client), ["200 x", "200 x", "200 x", "200 x"]);
    const got = contentTo(gateway.backend());
    assertClean(gateway, client);
    return got;
  };
  const whole = run([stream]);
  assert.equal(whole.length, 4);
  for (let at = 1; at < stream.length; at += 3) {
    assert.deepEqual(run([stream.slice(0, at), stream.slice(at)]), whole);
  }
  assert.deepEqual(run(stream.split("")), whole);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: stream.length - 1 }), { maxLength: 8 }), (cuts) => {
      const places = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
      const pieces = places.slice(1).map((end, index) => stream.slice(places[index], end));
      assert.deepEqual(run(pieces), whole);
    }),
    { numRuns: 50 },
  );
});

test("wherever the bytes of responses are split, the client gets the same message", () => {
  const stream =
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" +
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("hello")}${chunk("you")}0\r\nX-Sum: 8\r\n\r\n`;
  const run = (pieces: readonly string[]): string => {
    const gateway = new MemoryGateway();
    const client = gateway.client();
    client.send(get("/", "TE: trailers"));
    for (const piece of pieces) gateway.backend().send(piece);
    const [hints, answer] = answersTo(client);
    const { trailers, fields } = answer?.message ?? { trailers: [], fields: [] };
    assertClean(gateway, client);
    return `${hints?.message.startLine} ${answer?.status} ${answer?.body} ${String(trailers)} ${String(fields)}`;
  };
  const whole = run([stream]);
  assert.match(whole, /^HTTP\/1\.1 103 Early Hints 200 helloyou X-Sum,8 /);
  for (let at = 1; at < stream.length; at++) {
    assert.equal(run([stream.slice(0, at), stream.slice(at)]), whole);
  }
  assert.equal(run(stream.split("")), whole);
});

test("a response that comes before the request body is complete ends the connection", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(post("/", "x".repeat(100)).slice(0, -50));
  gateway.backend().send(response("401 Unauthorized", "no"));
  const [answer] = answersTo(client);
  assert.equal(answer?.status, 401);
  assert.equal(fieldValue(answer?.message.fields ?? [], "connection"), "close");
  assert.equal(client.ending, "fin");
  assert.equal(gateway.backend().ending, "closed", "half a request went there: nobody may use it again");
  client.send("y".repeat(50));
  assert.equal(answersTo(client).length, 1);
  assertClean(gateway, client);
});

test("an early response head lets the request body go on", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(post("/", "0123456789").slice(0, -5));
  gateway.backend().send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
  client.send("56789");
  assert.equal(requestsTo(gateway.backend())[0]?.body.toString(), "0123456789");
  gateway.backend().send("done");
  assert.deepEqual(told(client), ["200 done"]);
  assertClean(gateway, client);
});

test("100 (Continue) and 103 pass to HTTP/1.1 clients and not to HTTP/1.0 ones", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  const head = post("/", "body", "Expect: 100-continue").slice(0, -4);
  client.send(head);
  assert.match(gateway.backend().text, /\r\nExpect: 100-continue\r\n/);
  gateway.backend().send("HTTP/1.1 100 Continue\r\n\r\n");
  assert.equal(client.take(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  gateway.backend().send(ok("thanks"));
  assert.deepEqual(told(client), ["200 thanks"]);
  const old = gateway.client();
  old.send("GET / HTTP/1.0\r\nHost: app.example\r\nConnection: keep-alive\r\n\r\n");
  gateway.backend().send(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok("old")}`);
  assert.deepEqual(told(old), ["200 old"]);
  assertClean(gateway, client, old);
});

test("what is no HTTP request gets its status, and the connection ends", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["\x16\x03\x01\x02\x00\x01", BAD],
    ["GET / HTTP/1.1\r\n\r\n", BAD],
    ["GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", BAD],
    ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", BAD],
    ["GET / HTTP/2.0\r\nHost: a\r\n\r\n", /^HTTP\/1\.1 505 /],
    ["POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", /^HTTP\/1\.1 501 /],
    ["GET / HTTP/1.1\r\nHost: a\r\nExpect: money\r\n\r\n", /^HTTP\/1\.1 417 /],
    [`GET /${"a".repeat(40_000)} HTTP/1.1\r\n`, /^HTTP\/1\.1 414 /],
    [`GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(70_000)}`, /^HTTP\/1\.1 431 /],
    [`${chunkedHead("/")}zz\r\n`, BAD],
  ];
  for (const [bytes, answer] of cases) {
    const gateway = new MemoryGateway();
    const client = gateway.client();
    client.send(bytes);
    assert.match(client.text, answer);
    assert.equal(client.ending, "fin");
    client.send(get("/smuggled"));
    assert.ok(gateway.transport.dials.every(({ peer }) => !peer.text.includes("smuggled")));
    assertClean(gateway, client);
  }
});

test("a malformed chunk takes back what was sent of the request", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(chunkedHead("/") + chunk("good"));
  assert.match(gateway.backend().text, /\r\n4\r\ngood\r\n$/);
  client.send("nonsense\r\n");
  assert.match(client.text, BAD);
  assert.equal(gateway.backend().ending, "closed");
  assert.doesNotMatch(gateway.backend().text, /0\r\n\r\n$/, "never a last chunk");
  assert.deepEqual(gateway.allFaults, { bad_request: 1 });
  assertClean(gateway, client);
});

test("a client that leaves in the middle is counted, and its backend connection is not used again", () => {
  for (const partial of [get("/"), post("/", "0123456789").slice(0, -5)]) {
    const gateway = new MemoryGateway();
    const client = gateway.client();
    client.send(partial);
    assert.equal(gateway.backend().ending, "open");
    client.fail("ECONNRESET");
    assert.equal(gateway.backend().ending, "closed");
    assert.deepEqual(gateway.allFaults, { client_closed: 1 });
    assert.deepEqual(gateway.finished, { "4xx": 1 });
    assertClean(gateway);
  }
});

test("a client that leaves while its request waits for a connection gives up its place", () => {
  const gateway = new MemoryGateway();
  gateway.holdDials();
  const client = gateway.client();
  client.send(get("/"));
  client.fail("ECONNRESET");
  gateway.backend().accept();
  assert.equal(gateway.backend().text, "", "the connection is kept, for somebody else");
  const other = gateway.client();
  other.send(get("/other"));
  assert.deepEqual(
    requestsTo(gateway.backend()).map((request) => request.startLine),
    ["GET /other HTTP/1.1"],
  );
  gateway.backend().send(ok("yes"));
  assert.deepEqual(told(other), ["200 yes"]);
  assertClean(gateway, other);
});

test("a response that breaks off is never taken for a whole one", () => {
  const heads = ["Content-Length: 100\r\n\r\n", `Transfer-Encoding: chunked\r\n\r\n${chunk("some")}`];
  for (const head of heads) {
    const gateway = new MemoryGateway();
    const client = gateway.client();
    client.send(get("/"));
    gateway.backend().send(`HTTP/1.1 200 OK\r\n${head}some`);
    gateway.backend().end();
    assert.equal(client.ending, "reset");
    assert.deepEqual(gateway.allFaults, { upstream_closed: 1 });
    assertClean(gateway);
  }
});

test("a cut by the worker begins nothing new, whatever waits behind", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(get("/one") + get("/two") + get("/three"));
  assert.equal(gateway.socket.abort(), 1);
  gateway.transport.pump();
  assert.deepEqual(told(client), ["503 shutting down"]);
  assert.equal(gateway.transport.dials.length, 1);
  assert.equal(client.ending, "closed");
  assertClean(gateway);
});

test("a cut by the worker counts the exchange and tells the backend", () => {
  const gateway = new MemoryGateway();
  const busy = gateway.client();
  const idle = gateway.client();
  const reading = gateway.client();
  busy.send(get("/"));
  reading.send("GET / HT");
  assert.equal(gateway.socket.abort(), 2);
  gateway.transport.pump();
  assert.equal(gateway.backend().ending, "closed");
  assert.deepEqual([busy.ending, idle.ending, reading.ending], ["closed", "closed", "closed"]);
  assert.deepEqual(gateway.allFaults, { drained: 1 });
  assertClean(gateway);
});
