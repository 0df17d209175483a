/** WebSocket through the gateway: independent clients and servers on both sides of a process of its own. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { freePort } from "../support/addresses.ts";
import { Gateway } from "../support/gateway.ts";
import { type GatewayConfig, h1Listener } from "../support/gateway-config.ts";
import { parseFields } from "../support/log-tail.ts";
import { switching, upgrade } from "../support/memory-websocket.ts";
import { rssBytes } from "../support/processes.ts";
import { RawClient } from "../support/raw-client.ts";
import { hang, respond } from "../support/scripts.ts";
import { statusOf } from "../support/strict-http1.ts";
import { get, startProxied } from "../support/suite.ts";
import { waitFor } from "../support/wait-for.ts";
import { WebSocketBackend, type WebSocketBackendOptions } from "../support/websocket-backend.ts";
import { WebSocketClient } from "../support/websocket-client.ts";
import { clientFrame, readFrames } from "../support/ws-frames.ts";

interface Tunnelled {
  readonly gateway: Gateway;
  readonly backend: WebSocketBackend;
  readonly port: number;
  readonly config: GatewayConfig;
}

interface Options {
  readonly backend?: WebSocketBackendOptions;
  readonly websocket?: Readonly<Record<string, unknown>>;
  readonly config?: Omit<Partial<GatewayConfig>, "listeners">;
}

async function start(t: TestContext, options: Options = {}): Promise<Tunnelled> {
  const backend = await WebSocketBackend.start(t, options.backend);
  const port = await freePort();
  const websocket = options.websocket === undefined ? {} : { websocket: options.websocket };
  const config: GatewayConfig = {
    ...options.config,
    listeners: [h1Listener(port, [backend.address], websocket)],
  };
  return { gateway: await Gateway.start(t, config), backend, port, config };
}

describe("WebSocket", { timeout: 120_000 }, () => {
  it("carries text, binary, empty and large messages, in order, and a clean end", async (t) => {
    const { gateway, backend, port } = await start(t);
    const client = await WebSocketClient.open(port);
    const large = Buffer.alloc(5 * 1024 * 1024, "0123456789");
    const sent: (string | Buffer)[] = ["hello", "", Buffer.from([0, 255, 129]), large, "ünï¢ode ✓"];
    let total = 0;
    for (const data of sent) {
      const echoed = await client.exchange(data, ++total);
      assert.ok(echoed.equals(Buffer.from(data)), `${data.length} octets`);
    }
    assert.deepEqual(
      client.messages.map(({ binary }) => binary),
      [false, false, true, true, false],
    );
    const many = Array.from({ length: 2000 }, (_, index) => `message ${index}`);
    for (const text of many) client.socket.send(text);
    await waitFor("all messages", () => client.messages.length === total + many.length);
    assert.deepEqual(client.text.slice(total), many);
    client.socket.close(4001, "done");
    assert.deepEqual(await client.closed(), { code: 4001, reason: "done" });
    await waitFor("the backend to see the end", () => backend.closes.length > 0);
    assert.deepEqual(backend.closes, [{ code: 4001, reason: "done" }]);
    const metrics = await gateway.metric("no tunnel", (now) => now.sum("websocket_tunnels") === 0);
    assert.equal(metrics.sum("websocket_tunnels_total"), 1);
  });

  it("shakes hands with the backend first, and passes on what the two agree on", async (t) => {
    const handleProtocols = (offered: Set<string>): string | false => (offered.has("b") ? "b" : false);
    const { backend, port } = await start(t, { backend: { server: { handleProtocols } } });
    const client = await WebSocketClient.open(port, { protocols: ["a", "b"], path: "/chat?room=1" });
    assert.equal(client.socket.protocol, "b");
    const [request] = backend.requests;
    assert.equal(request?.url, "/chat?room=1");
    assert.equal(request?.headers["sec-websocket-protocol"], "a,b");
    assert.equal(request?.headers["x-forwarded-proto"], "http");
    const none = await WebSocketClient.open(port);
    assert.equal(none.socket.protocol, "");
    for (const { socket } of [client, none]) socket.terminate();
  });

  it("leaves compression to the two ends: a bomb passes as the few octets that it is", async (t) => {
    const server = { perMessageDeflate: { threshold: 0 }, maxPayload: 256 * 1024 * 1024 };
    const { gateway, backend, port } = await start(t, {
      backend: { server },
      websocket: { max_message_size_bytes: 1_000_000 },
    });
    const client = await WebSocketClient.open(port, {
      perMessageDeflate: { threshold: 0 },
      maxPayload: 256 * 1024 * 1024,
    });
    assert.match(client.socket.extensions, /permessage-deflate/);
    const [worker] = gateway.workers();
    const before = rssBytes(worker ?? 0);
    const bomb = Buffer.alloc(100 * 1024 * 1024);
    assert.equal((await client.exchange(bomb, 1)).length, bomb.length);
    assert.ok(rssBytes(worker ?? 0) - before < 32 * 1024 * 1024, "the gateway inflates nothing");
    const metrics = await gateway.metric(
      "bytes both ways",
      (now) => now.sum("bytes_backend_to_client") > 50_000,
    );
    assert.ok(metrics.sum("bytes_client_to_backend") < 1_000_000);
    assert.equal(backend.closes.length, 0);
    client.socket.terminate();
  });

  it("passes bad parameters of extensions to the backend, whose refusal stands", async (t) => {
    const { gateway, port } = await start(t, { backend: { server: { perMessageDeflate: true } } });
    for (const parameter of [
      "server_max_window_bits=7",
      "server_max_window_bits=16",
      "server_max_window_bits=999",
      "server_max_window_bits=",
    ]) {
      const client = await RawClient.connect(port);
      client.send(upgrade("/", `Sec-WebSocket-Extensions: permessage-deflate; ${parameter}`));
      const head = await client.readUntil("\r\n\r\n");
      const refused = head.startsWith("HTTP/1.1 400 ");
      assert.ok(refused || !/sec-websocket-extensions/i.test(head), head);
      client.destroy();
    }
    gateway.assertAlive();
  });

  it("takes what the client sends right behind its handshake", async (t) => {
    const { port } = await start(t);
    const client = await RawClient.connect(port);
    client.send(Buffer.concat([Buffer.from(upgrade("/")), clientFrame({ payload: "early" })]));
    const head = await client.readUntil("\r\n\r\n");
    assert.match(head, /^HTTP\/1\.1 101 /);
    await waitFor("the echo", () => readFrames(Buffer.from(client.unread, "latin1")).frames.length === 1);
    assert.equal(readFrames(Buffer.from(client.unread, "latin1")).frames[0]?.payload.toString(), "early");
    client.reset();
  });

  it("logs a tunnel when it is over, with its bytes and how long it was open", async (t) => {
    const dir = await mkdtemp(join(tmpdir(), "expressgateway-log-"));
    t.after(() => rm(dir, { recursive: true, force: true }));
    const path = join(dir, "access.log");
    const { port } = await start(t, { config: { observability: { access_log: { enabled: true, path } } } });
    const opened = performance.now();
    const client = await WebSocketClient.open(port, { path: "/logged" });
    await client.exchange("x".repeat(1000), 1);
    client.socket.close(1000);
    await client.closed();
    const openMs = performance.now() - opened;
    const text = await waitFor("a line", async () => {
      const read = await readFile(path, "utf8").catch(() => "");
      return read.endsWith("\n") ? read : undefined;
    });
    const fields = parseFields(text.trimEnd());
    assert.equal(fields["status"], 101);
    assert.equal(fields["path"], "/logged");
    assert.equal(fields["reason"], undefined);
    // A frame of 1,000 octets (masked from the client), a Close frame with a code.
    assert.equal(fields["request_bytes"], 1008 + 8);
    assert.equal(fields["response_bytes"], 1004 + 4);
    assert.ok(Number(fields["duration_ms"]) <= openMs + 50);
  });

  it("holds little when one side does not read, and loses nothing", async (t) => {
    const total = 600;
    const part = Buffer.alloc(64 * 1024, 0x61);
    const script: WebSocketBackendOptions["script"] = (socket) => {
      for (let i = 0; i < total; i++) socket.send(part);
    };
    const { gateway, backend, port } = await start(t, { backend: { script } });
    const [worker] = gateway.workers();
    const before = rssBytes(worker ?? 0);
    const client = await WebSocketClient.open(port);
    client.socket.pause();
    await waitFor("the backend to be stopped", async () => {
      const buffered = backend.sockets[0]?.bufferedAmount ?? 0;
      const still = (await gateway.scrape()).sum("bytes_backend_to_client");
      await new Promise((resolve) => setTimeout(resolve, 200));
      return buffered > 0 && (await gateway.scrape()).sum("bytes_backend_to_client") === still;
    });
    assert.ok(
      (backend.sockets[0]?.bufferedAmount ?? 0) > 16 * 1024 * 1024,
      "most of it waits at the backend",
    );
    assert.ok(rssBytes(worker ?? 0) - before < 16 * 1024 * 1024, "the gateway holds little");
    client.socket.resume();
    await waitFor("everything", () => client.messages.length === total, { timeoutMs: 20_000 });
    client.socket.terminate();
  });
});

describe("a handshake that comes to nothing", { timeout: 120_000 }, () => {
  it("is answered as the backend answers", async (t) => {
    const verifyClient = (_info: unknown, done: (ok: boolean, code?: number, text?: string) => void): void =>
      done(false, 403, "no");
    const { port, backend } = await start(t, { backend: { server: { verifyClient } } });
    const answer = await WebSocketClient.refused(port);
    assert.equal(answer.statusCode, 403);
    const client = await RawClient.connect(port);
    assert.equal(statusOf(await client.request(upgrade("/"))), 403);
    client.destroy();
    assert.equal(backend.sockets.length, 0);
  });

  it("is 502 when the backend cannot be reached, or answers what no server would", async (t) => {
    const { backend, port, connect } = await startProxied(t);
    backend.script = (request, answer) => {
      const raw = request.raw.toString("latin1");
      answer.write(switching(raw).replace(/Accept: .*\r\n/, "Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n"));
    };
    const wrong = await connect();
    assert.equal(statusOf(await wrong.request(upgrade("/"))), 502);
    wrong.destroy();
    await backend.stop();
    const answer = await WebSocketClient.refused(port);
    assert.equal(answer.statusCode, 502);
  });

  it("is 504 when the backend does not answer in the time of a head", async (t) => {
    const { backend, port } = await startProxied(t, { http: { header_timeout_ms: 500 } });
    backend.script = hang;
    const answer = await WebSocketClient.refused(port);
    assert.equal(answer.statusCode, 504);
  });

  it("is 426 for another version, 400 without a key, 501 where WebSocket is off, and no backend hears of it", async (t) => {
    const { backend, connect } = await startProxied(t);
    backend.script = respond("200 OK", "plain");
    const wrong = [
      ["Sec-WebSocket-Version: 777", 426],
      ["Sec-WebSocket-Key: -", 400],
    ] as const;
    for (const [line, status] of wrong) {
      const client = await connect();
      assert.equal(statusOf(await client.request(upgrade("/", line))), status);
      await client.closed();
    }
    assert.equal(backend.requests.length, 0);
    const off = await startProxied(t, { listener: { websocket: { enabled: false } } });
    assert.equal((await WebSocketClient.refused(off.port)).statusCode, 501);
    assert.equal(off.backend.requests.length, 0);
  });

  it("never is a tunnel to HTTP/2, whatever the backend says to it", async (t) => {
    const { backend, connect } = await startProxied(t);
    backend.script = respond("200 OK", "plain");
    const client = await connect();
    const lines = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"];
    assert.equal(statusOf(await client.request(get("/", ...lines))), 200);
    const [request] = backend.requests;
    assert.deepEqual([request?.field("upgrade"), request?.field("http2-settings")], [undefined, undefined]);
    backend.script = (_request, answer) => {
      answer.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    };
    assert.equal(statusOf(await client.request(get("/", ...lines))), 502);
    client.destroy();
  });
});
