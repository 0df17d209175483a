import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { answersTo, assertClean, chunk, get, ok, told } from "../../../test/support/memory-http.ts";
import { fieldValue } from "../../../test/support/strict-http1.ts";

/** The first answer to a request, for a backend that says `answer` and, if told so, ends. */
function exchange(request: string, answer: string, backendEnds = false): { text: string; ending: string } {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(request);
  gateway.backend().send(answer);
  if (backendEnds) gateway.backend().end();
  const result = { text: client.text, ending: client.ending };
  assertClean(gateway, client);
  return result;
}

const HTTP10 = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
const UNTIL_CLOSE = "HTTP/1.1 200 OK\r\n\r\nsome body";
const CHUNKED = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("some")}${chunk(" body")}0\r\n\r\n`;

test("a body of unknown length goes in chunks to HTTP/1.1 and until the close to HTTP/1.0", () => {
  for (const [answer, ends] of [
    [UNTIL_CLOSE, true],
    [CHUNKED, false],
  ] as const) {
    const modern = exchange(get("/"), answer, ends);
    assert.match(modern.text, /\r\nTransfer-Encoding: chunked\r\n/i);
    assert.match(modern.text, /\r\n\r\n(?:9\r\nsome body|4\r\nsome\r\n5\r\n body)\r\n0\r\n\r\n$/);
    assert.equal(modern.ending, "open");
    const old = exchange(HTTP10, answer, ends);
    assert.doesNotMatch(old.text, /transfer-encoding/i);
    assert.match(old.text, /\r\nConnection: close\r\n\r\nsome body$/);
    assert.equal(old.ending, "fin");
  }
});

test("a body of known length keeps its length for both", () => {
  for (const request of [get("/"), HTTP10]) {
    const { text, ending } = exchange(request, ok("0123456789"));
    assert.match(text, /\r\nContent-Length: 10\r\n/);
    assert.match(text, /\r\n\r\n0123456789$/);
    assert.equal(ending, "open");
  }
});

test("responses without content end with their head", () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      get("/").replace("GET", "HEAD"),
      "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n",
      /Content-Length: 1234/,
    ],
    [get("/").replace("GET", "HEAD"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", /200 OK/],
    [get("/"), "HTTP/1.1 204 No Content\r\n\r\n", /204/],
    [get("/"), "HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: 99\r\n\r\n", /Content-Length: 99/],
    [get("/"), "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", /Content-Length: 0/],
  ];
  for (const [request, answer, head] of cases) {
    const gateway = new MemoryGateway();
    const client = gateway.client();
    client.send(request);
    gateway.backend().send(answer);
    assert.match(client.text, head);
    assert.equal(client.text.split("\r\n\r\n")[1], "", "nothing behind the head");
    client.send(get("/next"));
    gateway.backend().send(ok("next"));
    const methods = request.startsWith("HEAD") ? ["HEAD"] : ["GET"];
    assert.equal(told(client, ...methods)[1], "200 next", "the connection goes on");
    assertClean(gateway, client);
  }
});

test("the gateway's own answer to HEAD has the length and no body", () => {
  const gateway = new MemoryGateway({ routes: [{ rule: "Path(`/known`)" }] });
  const client = gateway.client();
  client.send(get("/").replace("GET", "HEAD"));
  const [answer] = answersTo(client, "HEAD");
  assert.equal(answer?.status, 404);
  assert.equal(fieldValue(answer?.message.fields ?? [], "content-length"), "17");
  assertClean(gateway, client);
});

test("trailers go to clients that take them, and only to them", () => {
  const answer = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("body")}0\r\nX-Sum: abc\r\n\r\n`;
  assert.match(exchange(get("/", "TE: trailers"), answer).text, /\r\n0\r\nX-Sum: abc\r\n\r\n$/);
  assert.match(exchange(get("/", "TE: gzip;q=0.5, trailers"), answer).text, /\r\n0\r\nX-Sum: abc\r\n\r\n$/);
  assert.match(exchange(get("/"), answer).text, /\r\n0\r\n\r\n$/);
  assert.match(exchange(HTTP10, answer).text, /\r\n\r\nbody$/);
});

test("hop-by-hop fields of a response stop here", () => {
  const { text } = exchange(
    get("/"),
    ok("x", "Connection: close, X-Private", "X-Private: 1", "Keep-Alive: timeout=5", "X-Public: 2"),
  );
  assert.doesNotMatch(text, /private|keep-alive/i);
  assert.match(text, /\r\nX-Public: 2\r\n/);
});

test("Alt-Svc is the listener's, whatever the backend says", () => {
  const gateway = new MemoryGateway({ listener: { altSvc: 'h3=":443"; ma=60' } });
  const client = gateway.client();
  client.send(get("/"));
  gateway.backend().send(ok("x", "Alt-Svc: clear"));
  assert.equal(fieldValue(answersTo(client)[0]?.message.fields ?? [], "alt-svc"), 'h3=":443"; ma=60');
  assert.equal(client.text.match(/alt-svc/gi)?.length, 1);
  assertClean(gateway, client);
});

test("a response over the cap is refused by its length, and cut when only its bytes tell", () => {
  const gateway = new MemoryGateway({ http: { maxResponseBodyBytes: 100 } });
  const client = gateway.client();
  client.send(get("/"));
  gateway.backend(0).send("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n");
  assert.deepEqual(told(client), ["502 bad gateway"]);
  assert.equal(gateway.backend(0).ending, "closed");
  client.send(get("/"));
  gateway.backend(1).send(ok("x".repeat(100)));
  assert.equal(answersTo(client)[1]?.status, 200, "exactly the cap passes");
  client.send(get("/"));
  gateway.backend(1).send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("x".repeat(101))}`);
  assert.equal(client.ending, "reset");
  assert.deepEqual(gateway.allFaults, { response_too_large: 2 });
  const asking = gateway.client();
  asking.send(get("/").replace("GET", "HEAD"));
  gateway.backend(2).send("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
  assert.equal(answersTo(asking, "HEAD")[0]?.status, 200, "HEAD brings no body");
  assertClean(gateway, asking);
});

test("Alt-Svc is in what the gateway answers itself, too", () => {
  const gateway = new MemoryGateway({ listener: { altSvc: 'h3=":443"; ma=60' } });
  gateway.transport.onDial = (dial) => dial.peer.fail("ECONNREFUSED");
  const [refused, broken] = [gateway.client(), gateway.client()];
  refused.send(get("/"));
  broken.send("GET / HTTP/1.1\r\n\r\n");
  assert.deepEqual([...told(refused), ...told(broken)], ["502 bad gateway", "400 invalid host"]);
  for (const client of [refused, broken])
    assert.equal(fieldValue(answersTo(client)[0]?.message.fields ?? [], "alt-svc"), 'h3=":443"; ma=60');
  assertClean(gateway, refused, broken);
});
