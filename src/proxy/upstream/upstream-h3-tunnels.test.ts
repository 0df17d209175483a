import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { H3Scene } from "../../../test/support/h3-scene.ts";
import { assertClean, get } from "../../../test/support/memory-http.ts";
import { type RecordingSink, sendTo } from "../../../test/support/recording-sink.ts";
import { waitFor } from "../../../test/support/wait-for.ts";
import { Fault } from "../../base/fault.ts";

const BOUND = { timeout: 30_000 };

let scene: H3Scene;

beforeEach(async () => {
  scene = await H3Scene.open();
});

afterEach(() => scene.close());

const HANDSHAKE = get(
  "/chat",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Protocol: chat",
);

async function over(sink: RecordingSink): Promise<void> {
  await waitFor("the end", () => sink.events.includes("end") || sink.fault !== null);
}

test("an upgrade is an extended CONNECT, and its 2xx opens a tunnel", BOUND, async () => {
  const backend = await scene.backend();
  backend.onRequest = (request) => request.sendHead(200, [["sec-websocket-protocol", "chat"]]);
  const gateway = scene.gateway([`h3://127.0.0.1:${backend.port}`]);
  const sink = sendTo(gateway, HANDSHAKE, "websocket");
  await waitFor("the tunnel", () => sink.events.includes("tunnel"));
  const [request] = backend.requests;
  assert.ok(request !== undefined);
  assert.equal(request.head.upgrade, "websocket");
  assert.equal(request.head.path, "/chat");
  assert.equal(request.field("sec-websocket-version"), "13");
  assert.equal(request.field("sec-websocket-key"), undefined);
  assert.equal(sink.exchange.response.status, 101);
  sink.write(gateway, "up");
  await waitFor("what goes up", () => request.text === "up");
  request.send("down");
  await waitFor("what comes down", () => sink.text === "down");
  request.end();
  await over(sink);
  sink.write(gateway, " and more");
  sink.end(gateway);
  await waitFor("the other end", () => request.ended);
  assert.equal(request.text, "up and more");
  assert.deepEqual(sink.events, ["tunnel", "end"]);
  assertClean(gateway);
});

test("a refusal is a response like any other", BOUND, async () => {
  const backend = await scene.backend();
  backend.onRequest = (request) => request.answer("no", 403);
  const gateway = scene.gateway([`h3://127.0.0.1:${backend.port}`]);
  const sink = sendTo(gateway, HANDSHAKE, "websocket");
  await over(sink);
  assert.deepEqual(sink.events, ["403", "end"]);
  assertClean(gateway);
});

test("a backend that does not take extended CONNECT gets none", BOUND, async () => {
  const backend = (await scene.backend({ limits: { connectProtocol: false } })).echo();
  const gateway = scene.gateway([`h3://127.0.0.1:${backend.port}`]);
  const sink = sendTo(gateway, HANDSHAKE, "websocket");
  const plain = sendTo(gateway, get("/"));
  await over(sink);
  await over(plain);
  assert.equal(sink.fault?.code, "websocket_refused");
  assert.equal(backend.requests.length, 1);
  assertClean(gateway);
});

test("before SETTINGS an upgrade waits, while other requests do not", BOUND, async () => {
  const backend = (await scene.backend({ settings: false })).echo();
  const gateway = scene.gateway([`h3://127.0.0.1:${backend.port}`]);
  const waiting = sendTo(gateway, HANDSHAKE, "websocket");
  const leaving = sendTo(gateway, HANDSHAKE, "websocket");
  const plain = sendTo(gateway, get("/"));
  await over(plain);
  assert.deepEqual([...waiting.events, ...leaving.events], []);
  leaving.abort(gateway, new Fault("upstream_head_timeout"));
  backend.onRequest = (request) => request.sendHead(200);
  backend.connections[0]?.connection.start();
  await waitFor("the tunnel", () => waiting.events.includes("tunnel"));
  assert.equal(backend.requests.length, 2);
  waiting.abort(gateway, new Fault("client_closed"));
  assertClean(gateway);
});

test(
  "whoever waits for SETTINGS that never come is free when the client leaves, or goes elsewhere with the session's end",
  BOUND,
  async () => {
    const mute = await scene.backend({ settings: false });
    const fine = await scene.backend();
    fine.onRequest = (request) => request.sendHead(200);
    const gateway = scene.gateway([`h3://127.0.0.1:${mute.port}`, `h3://127.0.0.1:${fine.port}`]);
    const alone = sendTo(gateway, HANDSHAKE, "websocket");
    await waitFor("the session", () => mute.connections.length === 1);
    alone.abort(gateway, new Fault("upstream_head_timeout"));
    await waitFor("its rest", () => gateway.global("pool_idle_gauge") === 1);
    const moved = sendTo(gateway, HANDSHAKE, "websocket");
    assert.equal(gateway.global("pool_idle_gauge"), 0);
    mute.connections[0]?.link.close(0x100, "");
    await waitFor("the tunnel", () => moved.events.includes("tunnel"));
    assert.equal(fine.requests.length, 1);
    moved.abort(gateway, new Fault("client_closed"));
    assertClean(gateway);
  },
);
