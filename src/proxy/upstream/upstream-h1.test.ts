import assert from "node:assert/strict";
import { test } from "node:test";
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
  told,
} from "../../../test/support/memory-http.ts";
import { canonicalViolations } from "../../../test/support/canonical.ts";

test("what is no response gets 502, and the connection is not used again", () => {
  const garbage = [
    "SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/1.1 abc OK\r\n\r\n",
    "HTTP/1.1 099 Low\r\n\r\n",
    "HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    `HTTP/1.1 200 OK\r\nX: ${"x".repeat(70_000)}\r\n\r\n`,
    "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(33),
  ];
  for (const bytes of garbage) {
    const gateway = new MemoryGateway();
    const client = gateway.client();
    client.send(get("/"));
    gateway.backend(0).send(bytes);
    assert.equal(answersTo(client).at(-1)?.status, 502, bytes.slice(0, 60));
    assert.equal(gateway.backend(0).ending, "closed");
    assert.deepEqual(gateway.allFaults, { upstream_malformed: 1 });
    client.send(get("/next"));
    gateway.backend(1).send(ok("next"));
    assert.equal(answersTo(client).at(-1)?.body, "next");
    assertClean(gateway, client);
  }
});

test("a malformed body behind a good head cuts the response", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(get("/"));
  gateway.backend().send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("good")}zz\r\n`);
  assert.equal(client.ending, "reset");
  assert.deepEqual(gateway.allFaults, { upstream_malformed: 1 });
  assertClean(gateway);
});

test("bytes behind a response are nobody's: the connection is closed", () => {
  for (const behind of ["x", ok("smuggled"), "\r\n"]) {
    const gateway = new MemoryGateway();
    const client = gateway.client();
    client.send(get("/"));
    gateway.backend(0).send(ok("real") + behind);
    assert.deepEqual(told(client), ["200 real"]);
    assert.equal(gateway.backend(0).ending, "closed");
    client.send(get("/next"));
    gateway.backend(1).send(ok("next"));
    assert.deepEqual(told(client), ["200 real", "200 next"]);
    assertClean(gateway, client);
  }
});

test("the body of a response until close ends with FIN, and not with RST", () => {
  for (const [end, ending] of [
    ["end", "open"],
    ["fail", "reset"],
  ] as const) {
    const gateway = new MemoryGateway();
    const client = gateway.client();
    client.send(get("/"));
    gateway.backend().send("HTTP/1.1 200 OK\r\n\r\nall of it");
    if (end === "end") gateway.backend().end();
    else gateway.backend().fail("ECONNRESET");
    assert.equal(client.ending, ending);
    if (ending === "open") assert.deepEqual(told(client), ["200 all of it"]);
    assertClean(gateway, client);
  }
});

test("what the backend gets is canonical, whatever the client wrote", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  const requests = [
    "GET http://other.example:8080/a?b HTTP/1.1\r\nHost: ignored\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n",
    post("/b", "body", "Proxy-Authorization: secret", "Keep-Alive: 300", "TE: trailers, gzip"),
    `${chunkedHead("/c", "Trailer: X-T")}5;ext=1\r\nhello\r\n0\r\nX-T: 1\r\n\r\n`,
    get("/d").replace("GET", "POST"),
  ];
  for (const bytes of requests) {
    client.send(bytes);
    gateway.backend().send(ok("x"));
  }
  const seen = requestsTo(gateway.backend());
  assert.deepEqual(seen.flatMap(canonicalViolations), []);
  assert.deepEqual(
    seen.map(({ startLine, body, framing }) => `${startLine} ${framing} ${body.toString()}`),
    [
      "GET /a?b HTTP/1.1 none ",
      "OPTIONS * HTTP/1.1 none ",
      "POST /b HTTP/1.1 length body",
      "POST /c HTTP/1.1 chunked hello",
      "POST /d HTTP/1.1 length ",
    ],
  );
  assert.doesNotMatch(gateway.backend().text, /secret|x-hop|upgrade|ext=1|keep-alive|http2/i);
  assert.match(gateway.backend().text, /^GET \/a\?b HTTP\/1\.1\r\nHost: other\.example:8080\r\n/);
  assertClean(gateway, client);
});

test("an HTTP/1.0 request is asked of the backend as HTTP/1.1, without an Expect it cannot mean", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send("POST /old HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi");
  const [seen] = requestsTo(gateway.backend());
  assert.equal(seen?.startLine, "POST /old HTTP/1.1");
  assert.doesNotMatch(gateway.backend().text, /expect/i);
  gateway.backend().send(ok("yes"));
  assert.deepEqual(told(client), ["200 yes"]);
  assertClean(gateway, client);
});

test("bytes in both directions are counted as content, without framing", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(`${chunkedHead("/")}${chunk("12345")}${chunk("678")}0\r\n\r\n`);
  gateway.backend().send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("abcd")}0\r\n\r\n`);
  assert.equal(gateway.global("bytes_client_to_backend"), 8);
  assert.equal(gateway.global("bytes_backend_to_client"), 4);
  assertClean(gateway, client);
});

test("a connection whose request was cut short is closed, even if its response is whole", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(post("/", "0123456789").slice(0, -5));
  gateway.backend().send(ok("early"));
  assert.equal(gateway.backend().ending, "closed");
  assert.equal(gateway.global("pool_idle_gauge"), 0);
  assertClean(gateway, client);
});
