import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Fault } from "../../base/fault.ts";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { assertClean, get, ok } from "../../../test/support/memory-http.ts";
import type { MemoryPeer } from "../../../test/support/memory-peer.ts";
import { type RecordingSink, sendTo } from "../../../test/support/recording-sink.ts";

const WEBSOCKET_LINES = ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: chat, superchat"];

function handshake(gateway: MemoryGateway): RecordingSink {
  return sendTo(gateway, get("/chat", ...WEBSOCKET_LINES), "websocket");
}

/** The key that the gateway sent. */
function keySeen(backend: MemoryPeer): string {
  return /\r\nSec-WebSocket-Key: (.*)\r\n/.exec(backend.text)?.[1] ?? "";
}

/** RFC 6455 section 1.3, written out once more. */
function acceptFor(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

function switching(accept: string, ...lines: string[]): string {
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
    ...lines,
    "",
    "",
  ].join("\r\n");
}

/** An open tunnel: its client's side and the backend. */
function opened(rest = ""): { gateway: MemoryGateway; sink: RecordingSink; backend: MemoryPeer } {
  const gateway = new MemoryGateway();
  const sink = handshake(gateway);
  const backend = gateway.backend();
  backend.send(switching(acceptFor(keySeen(backend)), "Sec-WebSocket-Protocol: chat") + rest);
  assert.equal(sink.events[0], "tunnel");
  backend.take();
  return { gateway, sink, backend };
}

test("the handshake is the gateway's own, and what belongs to the client passes through", () => {
  const gateway = new MemoryGateway();
  const sink = handshake(gateway);
  const backend = gateway.backend();
  const lines = backend.text.split("\r\n");
  assert.equal(lines[0], "GET /chat HTTP/1.1");
  for (const line of ["Connection: Upgrade", "Upgrade: websocket", ...WEBSOCKET_LINES])
    assert.equal(lines.filter((each) => each === line).length, 1, line);
  assert.equal(Buffer.from(keySeen(backend), "base64").length, 16);
  assert.notEqual(keySeen(backend), keySeen(repeated()));
  backend.send(switching(acceptFor(keySeen(backend)), "Sec-WebSocket-Protocol: chat"));
  assert.deepEqual(sink.events, ["tunnel"]);
  assert.deepEqual(sink.exchange.response.fields.toArray(), [["Sec-WebSocket-Protocol", "chat"]]);
  assert.equal(sink.exchange.response.status, 101);
  sink.abort(gateway, new Fault("client_closed"));
  assertClean(gateway);
});

function repeated(): MemoryPeer {
  const gateway = new MemoryGateway();
  handshake(gateway);
  return gateway.backend();
}

test("a key of the client's is not passed on, and the version is added where there is none", () => {
  const gateway = new MemoryGateway();
  sendTo(gateway, get("/", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="), "websocket");
  const { text } = gateway.backend();
  assert.equal(text.match(/Sec-WebSocket-Key/g)?.length, 1);
  assert.doesNotMatch(text, /AAAAAAAAAAAAAAAAAAAAAA==/);
  assert.match(text, /\r\nSec-WebSocket-Version: 13\r\n/);
});

test("only the right answer to the key opens a tunnel", () => {
  const right = (key: string): string => acceptFor(key);
  const wrong: readonly (readonly [string, (key: string) => string])[] = [
    ["no Accept", () => "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"],
    ["another's Accept", () => switching(acceptFor("AAAAAAAAAAAAAAAAAAAAAA=="))],
    ["the key itself", (key) => switching(key)],
    ["a second Accept", (key) => switching(right(key), `Sec-WebSocket-Accept: ${right(key)}`)],
    ["no Upgrade", (key) => switching(right(key)).replace("Upgrade: websocket\r\n", "")],
    ["another protocol", (key) => switching(right(key)).replace("websocket", "h2c")],
    ["no Connection", (key) => switching(right(key)).replace("Connection: Upgrade\r\n", "")],
    ["another Connection", (key) => switching(right(key)).replace(": Upgrade", ": keep-alive")],
  ];
  for (const [name, answer] of wrong) {
    const gateway = new MemoryGateway();
    const sink = handshake(gateway);
    const backend = gateway.backend();
    backend.send(`${answer(keySeen(backend))}behind it`);
    assert.deepEqual(sink.events, ["websocket_refused"], name);
    assert.equal(sink.fault?.status, 502);
    assert.equal(backend.ending, "closed");
    assertClean(gateway);
  }
});

test("any other answer is an ordinary response, and the connection serves on", () => {
  const gateway = new MemoryGateway();
  const sink = handshake(gateway);
  gateway.backend().send(ok("sorry").replace("200 OK", "426 Upgrade Required"));
  assert.deepEqual(sink.events, ["426", "end"]);
  assert.equal(sink.text, "sorry");
  const next = sendTo(gateway, get("/next"));
  gateway.backend().send(ok("next"));
  assert.deepEqual(next.events, ["200", "end"]);
  assert.equal(gateway.transport.dials.length, 1);
  assertClean(gateway);
});

test("other protocols are upgraded to by their name alone", () => {
  const gateway = new MemoryGateway();
  const sink = sendTo(gateway, get("/"), "demo/2");
  const backend = gateway.backend();
  assert.match(backend.text, /\r\nConnection: Upgrade\r\nUpgrade: demo\/2\r\n/);
  assert.doesNotMatch(backend.text, /websocket/i);
  backend.send("HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: Demo/2\r\n\r\n");
  assert.deepEqual(sink.events, ["tunnel"]);
  sink.abort(gateway, new Fault("client_closed"));
  assertClean(gateway);
});

test("bytes pass both ways as they are, those right behind the 101 first", () => {
  const { gateway, sink, backend } = opened("early ");
  sink.write(gateway, "from the client");
  backend.send("from the backend");
  assert.equal(backend.text, "from the client");
  assert.equal(sink.text, "early from the backend");
  assert.equal(gateway.global("bytes_client_to_backend"), 15);
  assert.equal(gateway.global("bytes_backend_to_client"), 22);
  sink.abort(gateway, new Fault("client_closed"));
  assertClean(gateway);
});

test("each direction ends by itself, and the connection closes after both", () => {
  for (const first of ["client", "backend"]) {
    const { gateway, sink, backend } = opened();
    const end = (who: string): void => (who === "client" ? sink.end(gateway) : backend.end());
    end(first);
    assert.deepEqual(sink.events, first === "client" ? ["tunnel"] : ["tunnel", "end"]);
    assert.equal(backend.ending, first === "client" ? "fin" : "open");
    if (first === "client") backend.send("still here");
    else sink.write(gateway, "still here");
    assert.equal(first === "client" ? sink.text : backend.text, "still here");
    end(first === "client" ? "backend" : "client");
    assert.deepEqual(sink.events, ["tunnel", "end"]);
    assert.equal(backend.ending, "closed");
    assertClean(gateway);
  }
});

test("a tunnel is busy: it counts against the limit, and nothing else is sent on it", () => {
  const gateway = new MemoryGateway({ pool: { maxPerBackend: 2 } });
  const sink = handshake(gateway);
  gateway.backend(0).send(switching(acceptFor(keySeen(gateway.backend(0)))));
  const { metrics } = gateway.plan.services[0]?.backends[0] ?? {};
  assert.equal(gateway.context.counters[metrics?.inflight ?? NaN], 1);
  assert.equal(gateway.context.counters[metrics?.connections ?? NaN], 1);
  sendTo(gateway, get("/other"));
  gateway.backend(1).send(ok("other"));
  gateway.backend(0).take();
  sendTo(gateway, get("/again"));
  gateway.backend(1).send(ok("again"));
  assert.equal(gateway.backend(0).text, "");
  gateway.reload({ services: { other: ["10.0.0.9:80"] } });
  assert.equal(gateway.backend(0).ending, "open", "a reload leaves it open");
  sink.abort(gateway, new Fault("client_closed"));
  assertClean(gateway);
});

test("one side that stops reading holds back the other", () => {
  const { gateway, sink, backend } = opened();
  sink.takes = false;
  backend.send("x");
  assert.ok(backend.paused);
  sink.takes = true;
  sink.resume(gateway);
  assert.ok(!backend.paused);
  backend.stopReading();
  sink.write(gateway, Buffer.alloc(100_000));
  assert.equal(sink.write(gateway, "more"), false);
  const before = sink.resumed;
  backend.startReading();
  assert.equal(sink.resumed, before + 1);
  sink.abort(gateway, new Fault("client_closed"));
  assertClean(gateway);
});

test("a side that is cut cuts the other", () => {
  const { gateway, sink, backend } = opened();
  backend.fail("ECONNRESET");
  assert.deepEqual(sink.events, ["tunnel", "upstream_reset"]);
  assertClean(gateway);
  const other = opened();
  other.sink.abort(other.gateway, new Fault("client_closed"));
  assert.equal(other.backend.ending, "reset");
  assertClean(other.gateway);
});

test("a backend that never reads the rest is closed all the same", () => {
  const { gateway, sink, backend } = opened();
  backend.stopReading();
  sink.write(gateway, "unread");
  sink.end(gateway);
  backend.end();
  assert.deepEqual(sink.events, ["tunnel", "end"]);
  assert.equal(backend.ending, "open");
  gateway.advance(6000);
  assert.equal(backend.ending, "closed");
  assertClean(gateway);
});
