import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { assertClean, ok, requestsTo, response } from "../../../test/support/memory-http.ts";
import { data, headers, rstStream, windowUpdate } from "../../../test/support/memory-h2.ts";
import { MemoryH2Client } from "../../../test/support/memory-h2-client.ts";
import { secureListener } from "../../../test/support/memory-tls.ts";
import { fieldValue } from "../../../test/support/strict-http1.ts";
import { Fault } from "../../base/fault.ts";
import { DownstreamStream } from "./downstream-stream.ts";

const CANCEL = 0x8;
const INTERNAL_ERROR = 0x2;

test("a request is passed on, and its answer comes back", () => {
  const gateway = new MemoryGateway({ listener: { altSvc: 'h3=":443"; ma=60' } });
  const client = new MemoryH2Client(gateway);
  client.request(1, "/a?b=c", { fields: [["user-agent", "test"]] });
  const [request] = requestsTo(gateway.backend());
  assert.equal(request?.startLine, "GET /a?b=c HTTP/1.1");
  const fields = request?.fields ?? [];
  assert.equal(fieldValue(fields, "host"), "app.example");
  assert.equal(fieldValue(fields, "via"), "2 expressgateway");
  assert.equal(fieldValue(fields, "x-forwarded-for"), "192.0.2.1");
  assert.equal(fieldValue(fields, "x-forwarded-proto"), "http");
  gateway.backend().send(ok("fine", "X-Some: Thing", "Connection: keep-alive"));
  assert.equal(client.told(), "200 fine");
  assert.equal(client.field(1, "x-some"), "Thing");
  assert.equal(client.field(1, "content-length"), "4");
  assert.equal(client.field(1, "connection"), undefined);
  assert.equal(client.field(1, "alt-svc"), 'h3=":443"; ma=60');
  assert.deepEqual(gateway.finished, { "2xx": 1 });
  assertClean(gateway, client.peer);
});

test("over TLS the scheme is https", () => {
  const gateway = new MemoryGateway({ listener: secureListener() });
  const client = new MemoryH2Client(gateway, { tls: { serverName: "app.example" } });
  client.send(
    headers(
      1,
      [
        [":method", "GET"],
        [":scheme", "https"],
        [":authority", "app.example"],
        [":path", "/"],
      ],
      true,
    ),
  );
  const [request] = requestsTo(gateway.backend());
  assert.equal(fieldValue(request?.fields ?? [], "x-forwarded-proto"), "https");
  gateway.backend().send(ok("fine"));
  assert.equal(client.told(), "200 fine");
  assertClean(gateway, client.peer);
});

test("requests on one connection are answered in any order", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  for (const stream of [1, 3, 5]) client.request(stream, `/${stream}`);
  assert.equal(gateway.global("h2_downstream_streams"), 3);
  gateway.backend(2).send(ok("five"));
  gateway.backend(0).send(ok("one"));
  gateway.backend(1).send(ok("three"));
  assert.deepEqual([client.told(1), client.told(3), client.told(5)], ["200 one", "200 three", "200 five"]);
  assert.equal(gateway.global("h2_downstream_streams"), 0);
  client.request(7, "/again");
  assert.equal(gateway.transport.dials.length, 3, "connections to the backend are used again");
  assertClean(gateway, client.peer);
});

test("responses without content end with their head", () => {
  const cases: readonly [string, string, string][] = [
    ["HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "5"],
    ["GET", "HTTP/1.1 204 No Content\r\n\r\n", ""],
    ["GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "7"],
    ["GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "0"],
  ];
  for (const [method, answer, length] of cases) {
    const gateway = new MemoryGateway();
    const client = new MemoryH2Client(gateway);
    client.request(1, "/", { method });
    gateway.backend().send(answer);
    const { status, ended, body } = client.response();
    assert.deepEqual([String(status), ended, body], [answer.slice(9, 12), true, ""], answer);
    assert.equal(client.field(1, "content-length") ?? "", length, answer);
    assert.deepEqual(client.ofType("DATA"), [], answer);
    assertClean(gateway, client.peer);
  }
});

test("a body whose length is not known comes in DATA, with its trailers behind it", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  client.request(1, "/");
  gateway.backend().send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  assert.equal(client.told(), "200 abc ...");
  gateway.backend().send("2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n");
  assert.equal(client.told(), "200 abcde");
  assert.deepEqual(client.response().trailers, [["x-sum", "5"]]);
  assertClean(gateway, client.peer);
});

test("informational responses are passed on in front of the final one", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  client.request(1, "/", { method: "POST", fields: [["expect", "100-continue"]], body: "x" });
  gateway.backend().send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  gateway.backend().send(ok("fine"));
  assert.deepEqual(client.response().informational, [100, 103]);
  assert.equal(client.told(), "200 fine");
  assertClean(gateway, client.peer);
});

test("a body is passed on as it comes, with its trailers", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  client.request(1, "/", { method: "POST", body: "one ", end: false });
  assert.match(gateway.backend().text, /one /);
  client.send(data(1, "two"));
  client.send(headers(1, [["x-sum", "7"]], true));
  const [request] = requestsTo(gateway.backend());
  assert.equal(request?.body.toString(), "one two");
  assert.deepEqual(request?.trailers, [["x-sum", "7"]]);
  gateway.backend().send(ok("fine"));
  assert.equal(client.told(), "200 fine");
  assertClean(gateway, client.peer);
});

test("a body of known length keeps its length", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  client.request(1, "/", { method: "POST", fields: [["content-length", "4"]], body: "body" });
  const [request] = requestsTo(gateway.backend());
  assert.equal(fieldValue(request?.fields ?? [], "content-length"), "4");
  assert.equal(request?.body.toString(), "body");
  gateway.backend().send(ok("fine"));
  assertClean(gateway, client.peer);
});

test("a request with content-length 0 waits for no body, but for its answer", () => {
  const gateway = new MemoryGateway({ http: { headTimeoutMs: 3000 } });
  const client = new MemoryH2Client(gateway);
  client.request(1, "/", { method: "POST", fields: [["content-length", "0"]], end: false });
  assert.equal(requestsTo(gateway.backend()).length, 1);
  gateway.advance(3100);
  assert.equal(client.told(), "504 gateway timeout");
  assertClean(gateway, client.peer);
});

test("what comes before a backend is connected waits, and no more than the window", () => {
  const gateway = new MemoryGateway();
  gateway.holdDials();
  const client = new MemoryH2Client(gateway);
  client.request(1, "/", { method: "POST", end: false });
  const part = "x".repeat(16_000);
  for (let i = 0; i < 4; i++) client.send(data(1, part));
  client.send(headers(1, [["x-sum", "7"]], true));
  assert.deepEqual(
    client.ofType("WINDOW_UPDATE").filter(({ stream }) => stream === 1),
    [],
  );
  gateway.backend().accept();
  const [request] = requestsTo(gateway.backend());
  assert.equal(request?.body.length, 4 * part.length);
  assert.deepEqual(request?.trailers, [["x-sum", "7"]]);
  gateway.backend().send(ok("fine"));
  assert.equal(client.told(), "200 fine");
  assertClean(gateway, client.peer);
});

test("a backend that reads slowly closes the client's window", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  client.request(1, "/", { method: "POST", end: false });
  const backend = gateway.backend();
  backend.stopReading();
  const granted = (): number =>
    client
      .ofType("WINDOW_UPDATE")
      .filter(({ stream }) => stream === 1)
      .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 65_535);
  const part = Buffer.alloc(16_000);
  let sent = 0;
  while (sent + part.length <= granted() && sent < 10_000_000) {
    client.send(data(1, part));
    sent += part.length;
  }
  assert.ok(sent < 300_000, `${sent} bytes were taken`);
  backend.startReading();
  assert.ok(granted() - sent >= 30_000, "the window opens again");
  client.send(data(1, "", true));
  assert.equal(requestsTo(backend)[0]?.body.length, sent);
  backend.send(ok("fine"));
  assertClean(gateway, client.peer);
});

test("a client that reads slowly holds the backend back, and gets everything in the end", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway, { window: 10_000 });
  client.request(1, "/");
  const backend = gateway.backend();
  const total = 1_000_000;
  backend.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
  const part = Buffer.alloc(10_000, "y");
  for (let i = 0; i < total / part.length; i++) backend.send(part);
  assert.equal(client.response().body.length, 10_000);
  assert.ok(backend.paused);
  assert.ok(backend.undeliveredBytes > total - 200_000);
  while (!client.response().ended) client.send(windowUpdate(0, 50_000), windowUpdate(1, 50_000));
  assert.equal(client.response().body.length, total);
  assertClean(gateway, client.peer);
});

test("a client that resets its stream is done with, and so is its upstream", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  client.request(1, "/");
  client.send(rstStream(1, CANCEL));
  assert.equal(gateway.backend().ending, "closed");
  assert.deepEqual(gateway.allFaults, { client_closed: 1 });
  client.request(3, "/");
  gateway.backend(1).send(ok("fine"));
  assert.equal(client.told(3), "200 fine");
  assertClean(gateway, client.peer);
});

test("a body that is cut by the client is never taken for a whole one", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  client.request(1, "/", { method: "POST", body: "half", end: false });
  client.send(rstStream(1, CANCEL));
  assert.doesNotMatch(gateway.backend().text, /0\r\n\r\n$/);
  assert.equal(gateway.backend().ending, "closed");
  assertClean(gateway, client.peer);
});

test("a response that is cut ends with RST_STREAM, and the connection goes on", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  client.request(1, "/");
  gateway.backend().send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  gateway.backend().fail("ECONNRESET");
  assert.equal(client.told(), `reset ${INTERNAL_ERROR}`);
  assert.deepEqual(gateway.allFaults, { upstream_reset: 1 });
  client.request(3, "/");
  gateway.backend(1).send(ok("fine"));
  assert.equal(client.told(3), "200 fine");
  assertClean(gateway, client.peer);
});

test("a response that arrives before the body is through stops the client", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  client.request(1, "/", { method: "POST", body: "some", end: false });
  gateway.backend().send(response("403 Forbidden", "no"));
  const { ended, reset, body } = client.response();
  assert.deepEqual([ended, reset, body], [true, 0, "no"]);
  assert.equal(gateway.global("h2_downstream_streams"), 0);
  client.send(data(1, "more that was on its way", true));
  client.request(3, "/");
  gateway.backend(1).send(ok("fine"));
  assert.equal(client.told(3), "200 fine");
  assertClean(gateway, client.peer);
});

test("an early response that has to wait for the window is whole before the client is stopped", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway, { window: 1 });
  client.request(1, "/", { method: "POST", body: "some", end: false });
  gateway.backend().send(response("403 Forbidden", "no"));
  assert.equal(client.told(), "403 n ...");
  assert.equal(client.response().reset, -1);
  client.send(windowUpdate(1, 1));
  const { ended, reset, body } = client.response();
  assert.deepEqual([ended, reset, body], [true, 0, "no"]);
  assertClean(gateway, client.peer);
});

test("faults are answered with their status", () => {
  const gateway = new MemoryGateway({
    http: { maxRequestBodyBytes: 10 },
    routes: [{ rule: "Host(`app.example`)" }],
    h2: { maxHeaderListBytes: 2000 },
  });
  const client = new MemoryH2Client(gateway);
  client.request(1, "/", { authority: "other.example" });
  assert.equal(client.told(1), "404 No route matched");
  client.request(3, "/", { method: "POST", fields: [["content-length", "11"]], end: false });
  assert.equal(client.told(3), "413 request body too large");
  assert.equal(client.response(3).reset, 0);
  client.request(5, "/", { method: "POST", body: "12345678901", end: false });
  assert.equal(client.told(5), "413 request body too large");
  const many = Array.from({ length: 40 }, (_, i): [string, string] => [`x-field-${i}`, "y".repeat(20)]);
  client.request(7, "/", { fields: many });
  assert.equal(client.told(7), "431 request header fields too large");
  assert.equal(gateway.global("security_header_list_tripped_total"), 1);
  gateway.holdDials();
  client.request(9, "/");
  gateway.dial(gateway.transport.dials.length - 1).peer.fail("ECONNREFUSED");
  assert.equal(client.told(9), "502 bad gateway");
  client.request(11, "/", { method: "HEAD", authority: "other.example" });
  assert.deepEqual([client.response(11).status, client.response(11).body], [404, ""]);
  assertClean(gateway, client.peer);
});

test("a malformed request ends its stream alone, and is recorded", () => {
  const gateway = new MemoryGateway();
  const client = new MemoryH2Client(gateway);
  client.request(1, "/", { fields: [["connection", "close"]] });
  assert.equal(client.told(), "reset 1");
  assert.deepEqual(gateway.allFaults, { bad_request: 1 });
  assert.equal(gateway.transport.dials.length, 0);
  client.request(3, "/", { method: "POST", fields: [["content-length", "3"]], body: "four" });
  assert.equal(client.told(3), "reset 1");
  assert.doesNotMatch(gateway.backend().text, /four/);
  client.request(5, "/");
  gateway.backend(gateway.transport.dials.length - 1).send(ok("fine"));
  assert.equal(client.told(5), "200 fine");
  assertClean(gateway, client.peer);
});

test("a host that the handshake did not name is misdirected", () => {
  const gateway = new MemoryGateway({ listener: secureListener() });
  const client = new MemoryH2Client(gateway, { tls: { serverName: "a.example" } });
  const ask = (stream: number, authority: string): string => {
    const fields: [string, string][] = [
      [":method", "GET"],
      [":scheme", "https"],
      [":authority", authority],
      [":path", "/"],
    ];
    return client.send(headers(stream, fields, true)).told(stream);
  };
  assert.equal(ask(1, "b.example"), "421 misdirected request");
  ask(3, "A.example:443");
  gateway.backend().send(ok("fine"));
  assert.equal(client.told(3), "200 fine");
  assertClean(gateway, client.peer);
});

test("a body that does not come ends with 408", () => {
  const gateway = new MemoryGateway({ http: { bodyTimeoutMs: 2000 } });
  const client = new MemoryH2Client(gateway);
  client.request(1, "/", { method: "POST", body: "some", end: false });
  gateway.advance(5000);
  assert.equal(client.told(), "408 request body timeout");
  assert.equal(client.response().reset, 0);
  assert.equal(gateway.global("body_progress_stalls_total"), 1);
  assertClean(gateway, client.peer);
});

test("one that cannot come, because other uploads fill the client's window, is not late", () => {
  const gateway = new MemoryGateway({
    services: { app: ["10.0.0.1:80"], other: ["10.0.0.2:80"] },
    routes: [{ rule: "PathPrefix(`/stuck`)" }, { rule: "PathPrefix(`/other`)", service: "other" }],
    http: { bodyTimeoutMs: 2000 },
    runtime: { connectTimeoutMs: 60_000 },
    h2: { connectionWindowBytes: 65_535 },
  });
  gateway.holdDials();
  const client = new MemoryH2Client(gateway);
  client.request(1, "/other", { method: "POST", body: "some", end: false });
  gateway.backend(0).accept();
  gateway.advance(1000);
  client.request(3, "/stuck", { method: "POST", body: "x".repeat(16_384), end: false });
  for (const size of [16_384, 16_384, 16_379]) client.send(data(3, "x".repeat(size)));
  gateway.advance(1900);
  assert.equal(client.told(1), "0  ...");
  gateway.advance(200);
  assert.equal(client.told(3), "504 gateway timeout");
  gateway.advance(1500);
  assert.equal(client.told(1), "0  ...", "its time began when the window was opened");
  gateway.advance(1000);
  assert.equal(client.told(1), "408 request body timeout");
  assertClean(gateway, client.peer);
});

test("a client that keeps its window closed loses its stream, its backend is let go", () => {
  const gateway = new MemoryGateway({ http: { bodyTimeoutMs: 2000 } });
  const client = new MemoryH2Client(gateway, { window: 10 });
  client.request(1, "/");
  gateway.backend().send(`HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n${"z".repeat(200_000)}`);
  gateway.advance(2500);
  gateway.advance(2500);
  assert.equal(client.response().reset, CANCEL);
  assert.equal(gateway.backend().ending, "closed");
  assert.deepEqual(gateway.allFaults, { client_stalled: 1 });
  assert.equal(gateway.global("security_zero_window_stall_total"), 1);
  assertClean(gateway, client.peer);
});

test("one that opens it by an octet now and then does, too", () => {
  const gateway = new MemoryGateway({ http: { bodyTimeoutMs: 2000 }, runtime: { bodyProgressMinBps: 64 } });
  const client = new MemoryH2Client(gateway, { window: 10 });
  client.request(1, "/");
  gateway.backend().send(ok("z".repeat(10_000)));
  for (let i = 0; i < 12 && client.response().reset === -1; i++) {
    gateway.advance(500);
    client.send(windowUpdate(1, 1));
  }
  assert.equal(client.response().reset, CANCEL);
  assert.deepEqual(gateway.allFaults, { client_stalled: 1 });
  assertClean(gateway, client.peer);
});

test("what is over is not cut again", () => {
  const gateway = new MemoryGateway();
  new DownstreamStream(gateway.context).cut(new Fault("drained"));
  assert.deepEqual([gateway.allFaults, gateway.finished], [{}, {}]);
});
