import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { answersTo, assertClean, get, ok, requestsTo, told } from "../../../test/support/memory-http.ts";
import type { PlanSpec } from "../../../test/support/memory-plan.ts";
import { ACCEPT, KEY, switching, upgrade } from "../../../test/support/memory-websocket.ts";
import { fieldValue, fieldValues } from "../../../test/support/strict-http1.ts";

/** What becomes of a request that no tunnel may come of: the answers, and the requests that the backend got. */
function refusedBy(request: string, spec: PlanSpec = {}): { told: string[]; forwarded: number } {
  const gateway = new MemoryGateway(spec);
  const client = gateway.client();
  client.send(request);
  const forwarded = gateway.transport.dials.length;
  const answers = told(client);
  assertClean(gateway, client);
  return { told: answers, forwarded };
}

test("the client's 101 comes after the backend's, and answers the client's own key", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(upgrade("/chat", "Origin: http://app.example", "Sec-WebSocket-Protocol: a, b"));
  const [request] = requestsTo(gateway.backend());
  assert.ok(request !== undefined);
  assert.equal(fieldValue(request.fields, "upgrade"), "websocket");
  assert.equal(fieldValue(request.fields, "connection")?.toLowerCase(), "upgrade");
  assert.equal(fieldValue(request.fields, "sec-websocket-version"), "13");
  assert.equal(fieldValue(request.fields, "sec-websocket-protocol"), "a, b");
  assert.equal(fieldValue(request.fields, "origin"), "http://app.example");
  const keys = fieldValues(request.fields, "sec-websocket-key");
  assert.equal(keys.length, 1);
  assert.notEqual(keys[0], KEY, "the gateway has a key of its own");
  assert.equal(client.text, "", "nothing before the backend has agreed");
  gateway.backend().send(switching(gateway.backend().text, "Sec-WebSocket-Protocol: b", "X-From: backend"));
  const head = client.text;
  assert.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  assert.match(head, /\r\nconnection: upgrade\r\n/i);
  assert.match(head, /\r\nupgrade: websocket\r\n/i);
  assert.match(head, /\r\nx-from: backend\r\n/i);
  assert.match(head, /\r\nsec-websocket-protocol: b\r\n/i);
  assert.deepEqual(head.match(/sec-websocket-accept: .*/gi), [`Sec-WebSocket-Accept: ${ACCEPT}`]);
  assert.ok(head.endsWith("\r\n\r\n"));
  assert.doesNotMatch(head, /content-length|transfer-encoding/i);
  assertClean(gateway, client);
});

test("the spelling of what asks for WebSocket does not matter", () => {
  for (const lines of [
    ["Upgrade: WebSocket"],
    ["Connection: keep-alive, upgrade"],
    ["Connection: keep-alive", "Connection: UPGRADE"],
    ["Upgrade: foo/2, websocket"],
    ["Upgrade: h2c", "Upgrade: websocket", "HTTP2-Settings: AAMAAABkAAQAAP__"],
  ]) {
    const gateway = new MemoryGateway();
    const client = gateway.client();
    client.send(upgrade("/", ...lines));
    const [request] = requestsTo(gateway.backend());
    assert.equal(fieldValue(request?.fields ?? [], "upgrade"), "websocket", lines.join());
    assert.equal(fieldValue(request?.fields ?? [], "http2-settings"), undefined);
    gateway.backend().send(switching(gateway.backend().text));
    assert.match(client.text, /^HTTP\/1\.1 101 /);
    assertClean(gateway, client);
  }
});

test("a handshake that is not right is refused before any backend is asked", () => {
  const cases: readonly (readonly [string, string])[] = [
    [upgrade("/", "Sec-WebSocket-Version: 777"), "426 WebSocket version not supported"],
    [upgrade("/", "Sec-WebSocket-Version: 8"), "426 WebSocket version not supported"],
    [upgrade("/", "Sec-WebSocket-Version: -"), "426 WebSocket version not supported"],
    [
      upgrade("/", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13"),
      "426 WebSocket version not supported",
    ],
    [upgrade("/", "Sec-WebSocket-Key: -"), "400 bad request"],
    [upgrade("/", "Sec-WebSocket-Key: short"), "400 bad request"],
    [upgrade("/", `Sec-WebSocket-Key: ${KEY}`, `Sec-WebSocket-Key: ${KEY}`), "400 bad request"],
    [upgrade("/").replace("GET", "POST"), "400 bad request"],
    [upgrade("/", "Content-Length: 1"), "400 bad request"],
  ];
  for (const [request, answer] of cases) {
    assert.deepEqual(refusedBy(request), { told: [answer], forwarded: 0 }, request);
  }
});

test("who speaks another version is told which there is, and what follows is not read as a request", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(upgrade("/", "Sec-WebSocket-Version: 8"));
  const [answer] = answersTo(client);
  assert.equal(fieldValue(answer?.message.fields ?? [], "sec-websocket-version"), "13");
  assert.equal(fieldValue(answer?.message.fields ?? [], "upgrade"), "websocket");
  assert.deepEqual(told(client), ["426 WebSocket version not supported"]);
  assert.deepEqual(fieldValues(answer?.message.fields ?? [], "connection"), ["Upgrade", "close"]);
});

test("a listener without WebSocket says so", () => {
  const refusal = refusedBy(upgrade("/"), { websocket: { enabled: false } });
  assert.deepEqual(refusal, { told: ["501 protocol not implemented"], forwarded: 0 });
});

test("an Upgrade that nobody allowed is ignored: the request goes on without it", () => {
  const cases: readonly (readonly [string, PlanSpec])[] = [
    [get("/", "Connection: Upgrade", "Upgrade: foo"), {}],
    [get("/", "Connection: Upgrade", "Upgrade: foo/2"), { routes: [{ rule: "", upgrades: ["foo"] }] }],
    [get("/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), {}],
    [get("/", "Connection: Upgrade", "Upgrade: h2c"), { routes: [{ rule: "", upgrades: ["h2c"] }] }],
    [get("/", "Upgrade: websocket"), {}],
    [upgrade("/").replace("HTTP/1.1", "HTTP/1.0").replace("Upgrade\r\n", "keep-alive, Upgrade\r\n"), {}],
  ];
  for (const [request, spec] of cases) {
    const gateway = new MemoryGateway(spec);
    const client = gateway.client();
    client.send(request);
    const [forwarded] = requestsTo(gateway.backend());
    for (const name of ["upgrade", "http2-settings"])
      assert.equal(fieldValue(forwarded?.fields ?? [], name), undefined, request);
    gateway.backend().send(ok("plain"));
    client.send(get("/next"));
    gateway.backend().send(ok("next"));
    assert.deepEqual(told(client), ["200 plain", "200 next"], request);
    assertClean(gateway, client);
  }
});

test("a body keeps a request from being upgraded", () => {
  const gateway = new MemoryGateway({ routes: [{ rule: "", upgrades: ["foo"] }] });
  const client = gateway.client();
  client.send(get("/", "Connection: Upgrade", "Upgrade: foo", "Content-Length: 2") + "hi");
  assert.equal(fieldValue(requestsTo(gateway.backend())[0]?.fields ?? [], "upgrade"), undefined);
  gateway.backend().send(ok("plain"));
  assert.deepEqual(told(client), ["200 plain"]);
  assertClean(gateway, client);
});

test("a backend that refuses has its answer passed on, and the connection stays HTTP", () => {
  const gateway = new MemoryGateway();
  const client = gateway.client();
  client.send(upgrade("/") + get("/behind"));
  gateway.backend().send(ok("no tunnel here"));
  gateway.backend().send(ok("behind"));
  assert.deepEqual(told(client), ["200 no tunnel here", "200 behind"]);
  assert.equal(requestsTo(gateway.backend())[1]?.startLine, "GET /behind HTTP/1.1");
  assert.equal(gateway.global("websocket_refused_total"), 1);
  assert.equal(gateway.global("websocket_tunnels_total"), 0);
  assertClean(gateway, client);
});

test("a 101 that does not answer our key opens nothing", () => {
  const wrong: readonly ((request: string) => string)[] = [
    (request) => switching(request).replace(/Sec-WebSocket-Accept: .*\r\n/, ""),
    (request) => switching(request).replace(/Accept: .*\r\n/, `Accept: ${ACCEPT}\r\n`),
    (request) => switching(request).replace(/Upgrade: websocket\r\n/, ""),
    (request) => switching(request).replace(/Upgrade: websocket/, "Upgrade: foo"),
    (request) => switching(request).replace(/Connection: Upgrade\r\n/, ""),
  ];
  for (const answer of wrong) {
    const gateway = new MemoryGateway();
    const client = gateway.client();
    client.send(upgrade("/"));
    gateway.backend().send(`${answer(gateway.backend().text)}backend speaks already`);
    assert.deepEqual(told(client), ["502 bad gateway"]);
    assert.equal(gateway.global("websocket_tunnels_total"), 0);
    assert.equal(gateway.global("websocket_refused_total"), 1);
    assertClean(gateway, client);
  }
});

test("a backend that does not answer the handshake has the time of a head", () => {
  const gateway = new MemoryGateway({ http: { headerTimeoutMs: 3000, headTimeoutMs: 50_000 } });
  const client = gateway.client();
  client.send(upgrade("/"));
  gateway.advance(2900);
  assert.equal(client.text, "");
  gateway.advance(200);
  assert.deepEqual(told(client), ["504 gateway timeout"]);
  assert.deepEqual(gateway.allFaults, { upstream_head_timeout: 1 });
  assertClean(gateway, client);
});
