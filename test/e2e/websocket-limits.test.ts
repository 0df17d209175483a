/** The limits of a WebSocket connection, each with its close code to both sides; drain and reload with open ones. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { freePort } from "../support/addresses.ts";
import { Gateway } from "../support/gateway.ts";
import { type GatewayConfig, h1Listener } from "../support/gateway-config.ts";
import { upgrade } from "../support/memory-websocket.ts";
import { RawClient } from "../support/raw-client.ts";
import { waitFor } from "../support/wait-for.ts";
import { WebSocketBackend } from "../support/websocket-backend.ts";
import { WebSocketClient } from "../support/websocket-client.ts";
import { CLOSE, clientFrame, closeText, frame, PING, readFrames } from "../support/ws-frames.ts";

interface Tunnelled {
  readonly gateway: Gateway;
  readonly backend: WebSocketBackend;
  readonly port: number;
  readonly config: GatewayConfig;
}

async function start(
  t: TestContext,
  websocket: Readonly<Record<string, unknown>> = {},
  runtime: Readonly<Record<string, unknown>> = {},
): Promise<Tunnelled> {
  const backend = await WebSocketBackend.start(t);
  const port = await freePort();
  const config: GatewayConfig = {
    listeners: [h1Listener(port, [backend.address], { websocket })],
    runtime,
  };
  return { gateway: await Gateway.start(t, config), backend, port, config };
}

/** A connection that is open, with nothing in it yet, for frames made by hand. */
async function openRaw(port: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  client.send(upgrade("/"));
  assert.match(await client.readUntil("\r\n\r\n"), /^HTTP\/1\.1 101 /);
  return client;
}

/** The Close frame that the client is sent, as `code reason`. */
async function closeOf(client: RawClient): Promise<string> {
  return await waitFor(
    "a Close frame",
    () => {
      const { frames } = readFrames(Buffer.from(client.unread, "latin1"));
      const close = frames.find(({ opcode }) => opcode === CLOSE);
      return close === undefined ? undefined : closeText(close);
    },
    { timeoutMs: 10_000 },
  );
}

describe("limits of WebSocket", { timeout: 120_000 }, () => {
  it("end a silent connection with 1001 on both sides", async (t) => {
    const { gateway, backend, port } = await start(t, { idle_timeout_seconds: 1 });
    const client = await WebSocketClient.open(port);
    const closed = { code: 1001, reason: "idle" };
    assert.deepEqual(await client.closed(), closed);
    await waitFor("the backend to hear of it", () => backend.closes.length === 1);
    assert.deepEqual(backend.closes, [closed]);
    await gateway.metric("the close", (now) => now.sum("websocket_closed_idle_total") === 1);
    await gateway.metric("no tunnel", (now) => now.sum("websocket_tunnels") === 0);
  });

  it("end a message that is too large with 1009, whole or in fragments, from either side", async (t) => {
    const { backend, port } = await start(t, { max_message_size_bytes: 10_000 });
    const whole = await WebSocketClient.open(port);
    await whole.exchange("x".repeat(10_000), 1);
    whole.socket.send("x".repeat(10_001));
    assert.equal((await whole.closed()).code, 1009);
    const fragmented = await WebSocketClient.open(port);
    for (let i = 0; i < 11; i++) fragmented.socket.send("x".repeat(1000), { fin: false });
    assert.equal((await fragmented.closed()).code, 1009);
    const answered = await WebSocketClient.open(port);
    backend.sockets.at(-1)?.send("x".repeat(10_001));
    assert.equal((await answered.closed()).code, 1009);
    await waitFor("the backend to hear of all", () => backend.closes.length === 3);
    assert.deepEqual(
      backend.closes.map(({ code }) => code),
      [1009, 1009, 1009],
    );
  });

  it("end lengths beyond any limit with their code, and the gateway lives", async (t) => {
    const { gateway, port } = await start(t);
    const cases: readonly (readonly [bigint, string])[] = [
      [(1n << 63n) - 1n, "1009 message too big"],
      [(1n << 53n) + 1n, "1009 message too big"],
      [1n << 63n, "1002 protocol error"],
    ];
    for (const [announced, close] of cases) {
      const client = await openRaw(port);
      client.send(clientFrame({ announced, payload: "xyz" }));
      assert.equal(await closeOf(client), close);
      client.destroy();
    }
    gateway.assertAlive();
  });

  it("end a client that pings too often with 1008", async (t) => {
    const { backend, port } = await start(t, {
      ping_rate_limit_per_window: 10,
      ping_rate_limit_window_seconds: 60,
    });
    const client = await WebSocketClient.open(port);
    for (let i = 0; i < 11; i++) client.socket.ping();
    const closed = { code: 1008, reason: "too many pings" };
    assert.deepEqual(await client.closed(), closed);
    await waitFor("the backend to hear of it", () => backend.closes.length === 1);
    assert.deepEqual(backend.closes, [closed]);
  });

  it("end a frame that does not become whole with 1008", async (t) => {
    const { backend, port } = await start(t, { read_frame_timeout_seconds: 1 });
    const client = await openRaw(port);
    client.send(clientFrame({ payload: "whole" }));
    client.send(clientFrame({ payload: "not whole" }).subarray(0, 9));
    assert.equal(await closeOf(client), "1008 frame timeout");
    await waitFor("the backend to be cut", () => backend.closes.length === 1, { timeoutMs: 10_000 });
    assert.equal(backend.closes[0]?.code, 1006, "there is no Close frame inside another frame");
    client.destroy();
  });

  it("end frames that break the protocol with 1002 on both sides", async (t) => {
    const { backend, port } = await start(t);
    for (const bytes of [frame({ payload: "not masked" }), clientFrame({ opcode: PING, fin: false })]) {
      const client = await openRaw(port);
      client.send(bytes);
      assert.equal(await closeOf(client), "1002 protocol error");
      client.destroy();
    }
    await waitFor("the backend to hear of both", () => backend.closes.length === 2);
    assert.deepEqual(
      backend.closes.map(({ code }) => code),
      [1002, 1002],
    );
  });
});

describe("open WebSockets", { timeout: 120_000 }, () => {
  it("are told 1001 on both sides when the gateway stops, and the exit is clean", async (t) => {
    const { gateway, backend, port } = await start(t, {}, { workers: 2, drain_timeout_ms: 8000 });
    const clients = await Promise.all(Array.from({ length: 8 }, () => WebSocketClient.open(port)));
    await Promise.all(clients.map((client) => client.exchange("hello", 1)));
    gateway.kill("SIGTERM");
    const closed = { code: 1001, reason: "shutting down" };
    for (const client of clients) assert.deepEqual(await client.closed(), closed);
    assert.equal(await gateway.exited(), 0);
    assert.deepEqual(
      backend.closes,
      clients.map(() => closed),
    );
  });

  it("are told so even when the drain has no time", async (t) => {
    const { gateway, backend, port } = await start(t, {}, { drain_timeout_ms: 200 });
    const client = await WebSocketClient.open(port);
    gateway.kill("SIGTERM");
    assert.equal((await client.closed()).code, 1001);
    assert.equal(await gateway.exited(), 0);
    await waitFor("the backend to hear of it", () => backend.closes.length === 1);
    assert.equal(backend.closes[0]?.code, 1001);
  });

  it("live on when the configuration changes, and new ones follow the new one", async (t) => {
    const { gateway, port, backend, config } = await start(t);
    const old = await WebSocketClient.open(port);
    await old.exchange("before", 1);
    const next = await WebSocketBackend.start(t);
    await gateway.reload({ ...config, listeners: [h1Listener(port, [next.address])] });
    await old.exchange("after", 2);
    const young = await WebSocketClient.open(port);
    await young.exchange("hello", 1);
    assert.deepEqual([backend.sockets.length, next.sockets.length], [1, 1]);
    old.socket.close(1000);
    assert.equal((await old.closed()).code, 1000);
    young.socket.terminate();
  });

  it("end with 1001 when their listener goes away", async (t) => {
    const { gateway, port, backend, config } = await start(t);
    const client = await WebSocketClient.open(port);
    const other = await freePort();
    await gateway.reload({ ...config, listeners: [h1Listener(other, [backend.address])] });
    assert.deepEqual(await client.closed(), { code: 1001, reason: "shutting down" });
  });

  it("pass on an RST as an RST, and leave nothing behind", async (t) => {
    const { gateway, backend, port } = await start(t);
    const client = await openRaw(port);
    await waitFor("the backend's connection", () => backend.sockets.length === 1);
    client.reset();
    await waitFor("the backend to hear of it", () => backend.closes.length === 1);
    assert.equal(backend.closes[0]?.code, 1006);
    const other = await openRaw(port);
    await waitFor("the backend's connection", () => backend.sockets.length === 2);
    const last = backend.sockets.at(-1) as unknown as { _socket: { resetAndDestroy(): void } };
    last._socket.resetAndDestroy();
    assert.equal(await other.closed(), "reset");
    await gateway.metric("no tunnel", (now) => now.sum("websocket_tunnels") === 0);
  });
});
