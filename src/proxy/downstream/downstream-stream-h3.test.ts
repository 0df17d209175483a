import assert from "node:assert/strict";
import { test } from "node:test";
import { assertCleanH3, MemoryH3Client, MemoryH3Listener } from "../../../test/support/memory-h3-client.ts";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { h2Backends, headers as h2Headers } from "../../../test/support/memory-h2.ts";
import { ok, requestsTo, response } from "../../../test/support/memory-http.ts";
import { fieldValue } from "../../../test/support/strict-http1.ts";

const NO_ERROR = 0x100;
const MIB = 1_048_576;

test("a request is passed on, and its answer comes back", () => {
  const gateway = new MemoryGateway({ listener: { altSvc: 'h3=":443"; ma=60' } });
  const client = new MemoryH3Client(gateway);
  const answer = client.request("/a?b=c", { fields: [["user-agent", "test"]] });
  assert.equal(gateway.global("h3_downstream_streams"), 1);
  const [request] = requestsTo(gateway.backend());
  assert.equal(request?.startLine, "GET /a?b=c HTTP/1.1");
  const fields = request?.fields ?? [];
  assert.equal(fieldValue(fields, "host"), "app.example");
  assert.equal(fieldValue(fields, "via"), "3 expressgateway");
  assert.equal(fieldValue(fields, "x-forwarded-for"), "192.0.2.1");
  assert.equal(fieldValue(fields, "x-forwarded-proto"), "https");
  assert.equal(fieldValue(fields, "early-data"), undefined);
  gateway.backend().send(ok("fine", "X-Some: Thing", "Connection: keep-alive"));
  client.turn();
  assert.equal(answer.told, "200 fine");
  assert.equal(answer.field("x-some"), "Thing");
  assert.equal(answer.field("content-length"), "4");
  assert.equal(answer.field("connection"), undefined);
  assert.equal(answer.field("alt-svc"), 'h3=":443"; ma=60');
  assert.equal(gateway.global("h3_downstream_streams"), 0);
  assert.deepEqual(gateway.finished, { "2xx": 1 });
  assertCleanH3(gateway, client);
});

test("requests on one connection are answered in any order", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  const answers = ["/a", "/b", "/c"].map((path) => client.request(path));
  gateway.backend(2).send(ok("c"));
  gateway.backend(0).send(ok("a"));
  gateway.backend(1).send(ok("b"));
  client.turn();
  assert.deepEqual(
    answers.map(({ told }) => told),
    ["200 a", "200 b", "200 c"],
  );
  assertCleanH3(gateway, client);
});

test("responses without content end with their head", () => {
  const cases: readonly [string, string, string][] = [
    ["HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "5"],
    ["GET", "HTTP/1.1 204 No Content\r\n\r\n", "0"],
    ["GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "7"],
    ["GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "0"],
  ];
  for (const [method, text, length] of cases) {
    const gateway = new MemoryGateway();
    const client = new MemoryH3Client(gateway);
    const answer = client.request("/", { method });
    gateway.backend().send(text);
    client.turn();
    assert.deepEqual([answer.ended, answer.body, answer.over], [true, "", true]);
    assert.equal(answer.field("content-length"), length, text);
    assertCleanH3(gateway, client);
  }
});

test("a body whose length is not known comes as it comes, with its trailers behind it", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  const answer = client.request("/", { fields: [["te", "trailers"]] });
  gateway.backend().send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  client.turn();
  assert.equal(answer.told, "200 abc ...", "what is written outside of QUIC's calls leaves as well");
  gateway.backend().send("3\r\ndef\r\n0\r\nx-sum: 6\r\n\r\n");
  client.turn();
  assert.equal(answer.told, "200 abcdef");
  assert.deepEqual(answer.trailers, [["x-sum", "6"]]);
  assertCleanH3(gateway, client);
});

test("informational responses are passed on in front of the final one", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  const answer = client.request("/");
  gateway.backend().send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  client.turn();
  assert.deepEqual([answer.informational, answer.status], [[103], 0]);
  gateway.backend().send(ok("fine"));
  client.turn();
  assert.equal(answer.told, "200 fine");
  assertCleanH3(gateway, client);
});

test("a client that expects 100 sends its body when the backend asks for it", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  const answer = client.request("/", {
    method: "POST",
    fields: [["expect", "100-continue"]],
    length: 4,
    end: false,
  });
  gateway.backend().send("HTTP/1.1 100 Continue\r\n\r\n");
  client.turn();
  assert.deepEqual(answer.informational, [100]);
  client.send(answer, "body");
  client.end(answer);
  assert.equal(requestsTo(gateway.backend())[0]?.body.toString(), "body");
  gateway.backend().send(ok("thanks"));
  client.turn();
  assert.equal(answer.told, "200 thanks");
  assertCleanH3(gateway, client);
});

test("a body is passed on as it comes, with its length or with its trailers", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  client.request("/", { method: "POST", body: "known" });
  const [known] = requestsTo(gateway.backend(0));
  assert.equal(fieldValue(known?.fields ?? [], "content-length"), "5");
  assert.equal(known?.body.toString(), "known");
  const unknown = client.request("/", { method: "POST", body: "some ", end: false });
  assert.match(gateway.backend(1).text, /5\r\nsome \r\n$/);
  client.send(unknown, "more");
  client.end(unknown, [["x-sum", "9"]]);
  const [request] = requestsTo(gateway.backend(1));
  assert.equal(request?.body.toString(), "some more");
  assert.match(gateway.backend(1).text, /0\r\nx-sum: 9\r\n\r\n$/i);
  gateway.backend(0).send(ok(""));
  gateway.backend(1).send(ok(""));
  client.turn();
  assertCleanH3(gateway, client);
});

test("what comes before a backend is connected waits, and no more than a window", () => {
  const gateway = new MemoryGateway();
  gateway.holdDials();
  const client = new MemoryH3Client(gateway, { net: { streamWindowBytes: 100_000 } });
  const body = "x".repeat(MIB);
  const answer = client.request("/", { method: "POST", length: body.length, end: false });
  client.send(answer, body);
  client.end(answer);
  assert.ok(
    client.connection.queuedBytes > MIB - 400_000,
    `${client.connection.queuedBytes} wait at the client`,
  );
  gateway.backend().accept();
  client.turn();
  assert.equal(requestsTo(gateway.backend())[0]?.body.length, MIB);
  gateway.backend().send(ok("all"));
  client.turn();
  assert.equal(answer.told, "200 all");
  assertCleanH3(gateway, client);
});

test("a backend that reads slowly closes the client's window", () => {
  const gateway = new MemoryGateway();
  gateway.transport.onDial = ({ peer }) => {
    peer.stopReading();
    peer.accept();
  };
  const client = new MemoryH3Client(gateway, { net: { streamWindowBytes: 100_000 } });
  const answer = client.request("/", { method: "POST", length: 4 * MIB, end: false });
  for (let i = 0; i < 64; i++) client.send(answer, Buffer.alloc(65_536, "x"));
  client.end(answer);
  const backend = gateway.backend();
  assert.ok(backend.maxQueuedBytes <= 400_000, `${backend.maxQueuedBytes} bytes were held`);
  assert.ok(client.connection.queuedBytes > 3 * MIB);
  backend.startReading();
  client.turn();
  assert.equal(requestsTo(backend)[0]?.body.length, 4 * MIB);
  backend.send(ok("all"));
  client.turn();
  assert.equal(answer.told, "200 all");
  assertCleanH3(gateway, client);
});

test("a client that reads slowly holds the backend back, and gets everything in the end", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway, { net: { streamWindowBytes: 100_000 } });
  client.reading = false;
  const answer = client.request("/");
  const backend = gateway.backend();
  backend.send(`HTTP/1.1 200 OK\r\nContent-Length: ${4 * MIB}\r\n\r\n`);
  for (let i = 0; i < 64; i++) {
    backend.send(Buffer.alloc(65_536, "y"));
    client.turn();
  }
  assert.ok(backend.paused);
  assert.ok(backend.undeliveredBytes > 3 * MIB);
  for (let rounds = 0; !answer.ended && rounds < 1000; rounds++) client.read();
  assert.equal(answer.body.length, 4 * MIB);
  assertCleanH3(gateway, client);
});

test("a client that gives its request up is done with, and so is its upstream, at each state", () => {
  const begun = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
  const states: readonly [string, { readonly body?: string; readonly end?: boolean }, string][] = [
    ["the body is coming", { body: "half", end: false }, ""],
    ["the answer is awaited", { body: "whole" }, ""],
    ["the answer is coming", {}, begun],
    ["both are coming", { body: "half", end: false }, begun],
  ];
  for (const [name, spec, text] of states) {
    for (const way of ["reset", "stop", "both"] as const) {
      const gateway = new MemoryGateway();
      const client = new MemoryH3Client(gateway);
      const { stream } = client.request("/", { method: "POST", ...spec });
      if (text !== "") gateway.backend().send(text);
      client.turn();
      if (way !== "stop") client.link.reset(stream.id, 0x10c);
      if (way !== "reset") client.link.stop(stream.id, 0x10c);
      client.turn();
      // A reset says nothing when the whole request has been sent before.
      if (way === "reset" && spec.end !== false) {
        assertCleanH3(gateway, client);
        continue;
      }
      assert.equal(gateway.backend().ending, "closed", `${name}: ${way}`);
      assert.doesNotMatch(gateway.backend().text, /\n0\r\n\r\n$/);
      assert.deepEqual(gateway.allFaults, { client_closed: 1 });
      const next = client.request("/next");
      gateway.backend(1).send(ok("fine"));
      client.turn();
      assert.equal(next.told, "200 fine");
      assertCleanH3(gateway, client);
    }
  }
});

test("a response that is cut ends with a reset, and the connection goes on", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  const cut = client.request("/");
  gateway.backend().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  client.turn();
  gateway.backend().fail("ECONNRESET");
  client.turn();
  assert.equal(cut.told, "peer H3_INTERNAL_ERROR");
  assert.deepEqual(gateway.allFaults, { upstream_reset: 1 });
  const next = client.request("/next");
  gateway.backend(1).send(ok("fine"));
  client.turn();
  assert.equal(next.told, "200 fine");
  assertCleanH3(gateway, client);
});

test("a response that arrives before the body is through stops the client", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  const answer = client.request("/", { method: "POST", body: "some", end: false });
  gateway.backend().send(response("403 Forbidden", "no"));
  client.turn();
  assert.equal(answer.told, "403 no");
  assert.equal(client.stops.get(answer.stream.id), NO_ERROR);
  assert.equal(gateway.global("h3_downstream_streams"), 0);
  assertCleanH3(gateway, client);
});

test("faults are answered with their status", () => {
  const gateway = new MemoryGateway({
    http: { maxRequestBodyBytes: 10 },
    routes: [{ rule: "Host(`app.example`)" }],
  });
  const listener = new MemoryH3Listener(gateway, { maxFieldSectionBytes: 2000 });
  const client = new MemoryH3Client(gateway, { listener, net: { serverName: "" } });
  assert.equal(client.request("/", { authority: "other.example" }).told, "404 No route matched");
  const post = { method: "POST", end: false } as const;
  assert.equal(client.request("/", { ...post, length: 11 }).told, "413 request body too large");
  assert.equal(client.request("/", { ...post, body: "12345678901" }).told, "413 request body too large");
  const many = Array.from({ length: 40 }, (_, i): [string, string] => [`x-field-${i}`, "y".repeat(20)]);
  assert.equal(client.request("/", { fields: many }).told, "431 request header fields too large");
  assert.equal(gateway.global("security_header_list_tripped_total"), 1);
  const head = client.request("/", { method: "HEAD", authority: "other.example" });
  assert.deepEqual([head.status, head.body, head.ended], [404, "", true]);
  gateway.holdDials();
  const refused = client.request("/");
  gateway.dial(gateway.transport.dials.length - 1).peer.fail("ECONNREFUSED");
  client.turn();
  assert.equal(refused.told, "502 bad gateway");
  assert.deepEqual(gateway.finished, { "4xx": 5, "5xx": 1 });
  assert.equal(gateway.global("h3_downstream_streams"), 0);
  assertCleanH3(gateway, client);
});

test("a malformed request ends its stream alone, and is recorded", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  assert.equal(
    client.request("/", { method: "POST", body: "four", length: 3 }).told,
    "peer H3_MESSAGE_ERROR",
  );
  assert.deepEqual(gateway.allFaults, { bad_request: 1 });
  const next = client.request("/");
  gateway.backend(gateway.transport.dials.length - 1).send(ok("fine"));
  client.turn();
  assert.equal(next.told, "200 fine");
  assertCleanH3(gateway, client);
});

test("a host that the handshake did not name is misdirected", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH3Client(gateway);
  const other = client.request("/", { authority: "other.example" });
  assert.equal(other.told, "421 misdirected request");
  assert.equal(gateway.global("tls_misdirected_requests_total"), 1);
  const next = client.request("/", { authority: "APP.example:443" });
  gateway.backend().send(ok("fine"));
  client.turn();
  assert.equal(next.told, "200 fine");
  assertCleanH3(gateway, client);
});

test("a body that does not come ends with 408", () => {
  const gateway = new MemoryGateway({ http: { bodyTimeoutMs: 2000 } });
  const client = new MemoryH3Client(gateway);
  const answer = client.request("/", { method: "POST", body: "some", end: false });
  client.advance(5000);
  assert.equal(answer.told, "408 request body timeout");
  assert.equal(client.stops.get(answer.stream.id), NO_ERROR);
  assert.equal(gateway.global("body_progress_stalls_total"), 1);
  assertCleanH3(gateway, client);
});

test("a client that keeps its window closed loses its stream, its backend is let go", () => {
  const gateway = new MemoryGateway({ http: { bodyTimeoutMs: 2000 } });
  const client = new MemoryH3Client(gateway, { net: { streamWindowBytes: 1000 } });
  client.reading = false;
  const answer = client.request("/");
  client.link.pause(answer.stream.id);
  gateway.backend().send(`HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n${"z".repeat(200_000)}`);
  client.advance(2500).advance(2500);
  assert.equal(gateway.backend().ending, "closed");
  assert.deepEqual(gateway.allFaults, { client_stalled: 1 });
  assert.equal(gateway.global("security_zero_window_stall_total"), 1);
  client.link.resume(answer.stream.id);
  client.turn();
  assert.equal(answer.told, "peer H3_REQUEST_CANCELLED");
  assertCleanH3(gateway, client);
});

test("a gRPC call has its trailers, from a backend on HTTP/2", () => {
  const gateway = new MemoryGateway({ services: { app: ["h2://10.0.0.1:80"] } });
  const backends = h2Backends(gateway);
  const client = new MemoryH3Client(gateway);
  const answer = client.request("/pkg.Service/Call", {
    method: "POST",
    body: "\0\0\0\0\0",
    fields: [
      ["content-type", "application/grpc"],
      ["te", "trailers"],
    ],
  });
  const backend = backends[0] ?? assert.fail("no backend was dialled");
  const { stream, ended } = backend.request();
  assert.ok(ended);
  const type: [string, string] = ["content-type", "application/grpc"];
  backend.send(
    h2Headers(stream, [[":status", "200"], type], false),
    h2Headers(stream, [["grpc-status", "5"]], true),
  );
  client.turn();
  assert.deepEqual([answer.status, answer.ended], [200, true]);
  assert.deepEqual(answer.trailers, [["grpc-status", "5"]]);
  assert.equal(gateway.global("grpc_requests_total"), 1);
  assertCleanH3(gateway, client);
});

test("what the gateway answers itself advertises HTTP/3, too", () => {
  const gateway = new MemoryGateway({
    listener: { altSvc: 'h3=":443"; ma=60' },
    routes: [{ rule: "Path(`/a`)" }],
  });
  const client = new MemoryH3Client(gateway);
  const answer = client.request("/nowhere");
  assert.equal(answer.told, "404 No route matched");
  assert.equal(answer.field("alt-svc"), 'h3=":443"; ma=60');
  assertCleanH3(gateway, client);
});
