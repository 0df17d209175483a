/** WebSocket over HTTP/3 (RFC 9220), gRPC over HTTP/3, and requests in early data (RFC 8470). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { WebSocket } from "ws";
import { freePort, HOST } from "../support/addresses.ts";
import type { H3Answer } from "../support/codec-h3-client.ts";
import { h1Listener } from "../support/gateway-config.ts";
import { type H3Gateway, startH3 } from "../support/h3-gateway.ts";
import type { H3User } from "../support/h3-user.ts";
import { Http2Backend } from "../support/http2-backend.ts";
import { echo, type Echoed, respond } from "../support/scripts.ts";
import { UdpLine } from "../support/udp-line.ts";
import { waitFor } from "../support/wait-for.ts";
import { WebSocketBackend } from "../support/websocket-backend.ts";
import {
  clientFrame,
  CLOSE,
  closePayload,
  closeText,
  readFrames,
  type ReadFrame,
} from "../support/ws-frames.ts";

const WEBSOCKET = { upgrade: "websocket", end: false, fields: [["sec-websocket-version", "13"]] } as const;

const OFFERED = { websocket: { h3_extended_connect: true } };

/** An extended CONNECT that was answered with 200. */
async function openTunnel(user: H3User): Promise<H3Answer> {
  assert.ok(user.connection.peerConnectProtocol, "extended CONNECT is offered");
  const tunnel = await user.begun(user.request("/chat", WEBSOCKET));
  assert.equal(tunnel.status, 200);
  return tunnel;
}

function framesOf(tunnel: H3Answer): ReadFrame[] {
  return readFrames(Buffer.from(tunnel.body, "latin1")).frames;
}

async function frameOf(tunnel: H3Answer, index: number): Promise<ReadFrame> {
  return await waitFor("a frame", () => framesOf(tunnel)[index], { everyMs: 2 });
}

async function startChat(t: Parameters<typeof startH3>[0], more: Parameters<typeof startH3>[1] = {}) {
  const chat = await WebSocketBackend.start(t);
  return { chat, scene: await startH3(t, { backends: [chat.address], listener: OFFERED, ...more }) };
}

describe("WebSocket over HTTP/3", { timeout: 120_000 }, () => {
  it("reaches a backend on HTTP/1.1: messages of all sizes, and the close of either side", async (t) => {
    const { chat, scene } = await startChat(t);
    const user = await scene.connect();
    const tunnel = await openTunnel(user);
    const large = "0123456789".repeat(50_000);
    for (const [index, payload] of ["hello", "", large].entries()) {
      user.send(tunnel, clientFrame({ payload }));
      assert.equal((await frameOf(tunnel, index)).payload.toString(), payload);
    }
    user.send(tunnel, clientFrame({ opcode: CLOSE, payload: closePayload(1000, "done") }));
    assert.equal(closeText(await frameOf(tunnel, 3)), "1000 done");
    user.end(tunnel);
    await user.over(tunnel);
    await waitFor("the backend to hear of it", () => chat.closes.length === 1);
    assert.deepEqual(chat.closes[0], { code: 1000, reason: "done" });
    const second = await openTunnel(user);
    chat.sockets[1]?.close(4001, "enough");
    assert.equal(closeText(await frameOf(second, 0)), "4001 enough");
    const metrics = await scene.gateway.metric("both", (now) => now.sum("websocket_tunnels_total") === 2);
    assert.ok(metrics.sum("websocket_tunnels") <= 1);
  });

  it("lives beside requests of the same connection, and ends with it", async (t) => {
    const { chat, scene } = await startChat(t);
    const user = await scene.connect();
    const tunnel = await openTunnel(user);
    assert.equal((await user.ask("/")).told, "200 plain");
    user.send(tunnel, clientFrame({ payload: "still here" }));
    assert.equal((await frameOf(tunnel, 0)).payload.toString(), "still here");
    user.close();
    await waitFor("the backend to hear of it", () => chat.closes.length === 1);
    await scene.gateway.metric("no tunnel", (now) => now.sum("websocket_tunnels") === 0);
  });

  it("is closed with 1001 when the gateway stops", async (t) => {
    const { scene } = await startChat(t, { config: { runtime: { drain_timeout_ms: 5000 } } });
    const user = await scene.connect();
    const tunnel = await openTunnel(user);
    scene.gateway.kill("SIGTERM");
    assert.equal(closeText(await frameOf(tunnel, 0)).split(" ")[0], "1001");
    user.send(tunnel, clientFrame({ opcode: CLOSE, payload: closePayload(1001) }));
    user.end(tunnel);
    assert.equal(await scene.gateway.exited(), 0);
  });

  it("is neither offered nor taken where the listener does not say so", async (t) => {
    const { chat, scene } = await startChat(t, { listener: {} });
    const user = await scene.connect();
    assert.equal(user.connection.peerConnectProtocol, false);
    const refused = await user.ask("/chat", WEBSOCKET);
    assert.ok(refused.error !== null || refused.status >= 400, refused.told);
    assert.equal((await user.ask("/")).told, "200 plain");
    assert.equal(chat.sockets.length, 0);
  });

  it("reaches a backend that speaks HTTP/3 itself, from clients of HTTP/1.1 and HTTP/3", async (t) => {
    const { chat, scene: behind } = await startChat(t);
    const trust = { tls_ca_path: behind.site.caFile(), tls_verify_hostname: "localhost" };
    const backends = [{ address: `${HOST}:${behind.port}`, protocol: "h3", ...trust }];
    const plain = await freePort();
    const listeners = [h1Listener(plain, backends, { name: "plain" })];
    const front = await startH3(t, { backends, listener: OFFERED, listeners });
    const user = await front.connect();
    const tunnel = await openTunnel(user);
    user.send(tunnel, clientFrame({ payload: "through two" }));
    assert.equal((await frameOf(tunnel, 0)).payload.toString(), "through two");
    const old = new WebSocket(`ws://${HOST}:${plain}/chat`);
    t.after(() => old.terminate());
    const heard: string[] = [];
    old.on("open", () => old.send("from HTTP/1.1"));
    old.on("message", (data: Buffer) => heard.push(data.toString()));
    await waitFor("an echo", () => heard[0] === "from HTTP/1.1");
    assert.equal(chat.sockets.length, 2);
  });
});

describe("gRPC over HTTP/3", { timeout: 60_000 }, () => {
  it("passes messages, metadata and trailers to a backend on HTTP/2", async (t) => {
    const backend = await Http2Backend.start(t, (stream, headers) => {
      const metadata = { "content-type": "application/grpc", "x-te": String(headers["te"]) };
      stream.respond({ ":status": 200, ...metadata }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "grpc-message": "fine" }));
      stream.pipe(stream);
    });
    const { connect, gateway } = await startH3(t, {
      backends: [{ address: backend.address, protocol: "h2" }],
    });
    const user = await connect();
    const message = Buffer.concat([Buffer.from([0, 0, 0, 0, 2]), Buffer.from("hi")]).toString("latin1");
    const call = {
      method: "POST",
      fields: [
        ["content-type", "application/grpc"],
        ["te", "trailers"],
      ],
    } as const;
    const answer = await user.ask("/greeter.Greeter/Hello", { ...call, body: message });
    assert.equal(answer.told, `200 ${message}`);
    assert.equal(answer.field("x-te"), "trailers");
    assert.deepEqual(new Map(answer.trailers).get("grpc-status"), "0");
    const late = await user.ask("/greeter.Greeter/Hello", {
      ...call,
      fields: [...call.fields, ["grpc-timeout", "nonsense"]],
      body: message,
    });
    assert.deepEqual([late.status, late.field("grpc-status")], [200, "3"]);
    await gateway.metric("both calls", (now) => now.sum("grpc_requests_total") === 2);
  });
});

describe("early data", { timeout: 60_000 }, () => {
  /** A client that comes back, with requests in its first flight. */
  async function comeBack({ users }: H3Gateway, port: number): Promise<H3User> {
    const first = await users.h3(port, { earlyData: true });
    assert.equal((await first.ask("/first")).status, 200);
    first.close();
    await first.gone();
    return users.beginH3(port, { earlyData: true });
  }

  it("is off by default: what comes back waits for the handshake, and is served", async (t) => {
    const scene = await startH3(t, { backend: { script: echo } });
    const user = await comeBack(scene, scene.port);
    await waitFor("the handshake", () => user.established);
    assert.equal((await user.ask("/order", { method: "POST", body: "x" })).status, 200);
    const metrics = await scene.gateway.scrape();
    assert.equal(metrics.sum("h3_early_data_requests_total"), 0);
    assert.equal(scene.backend.requests.at(-1)?.field("early-data"), undefined);
  });

  it("is taken of safe requests where it is on, and told to the backend; others get 425", async (t) => {
    const scene = await startH3(t, { quic: { early_data: true }, backend: { script: echo } });
    const line = await UdpLine.open(t, scene.port);
    const user = await comeBack(scene, line.port);
    // The first flight alone arrives until both are answered: the handshake cannot be complete by then.
    let heard = false;
    line.passes = (from) => {
      heard ||= from === "gateway";
      return from === "gateway" || !heard;
    };
    const [get, post] = [user.ask("/early"), user.ask("/order", { method: "POST", body: "x" })];
    const seen = JSON.parse((await get).body) as Echoed;
    assert.equal(seen.fields.find(([name]) => name.toLowerCase() === "early-data")?.[1], "1");
    assert.equal((await post).status, 425);
    line.passes = () => true;
    assert.ok(scene.backend.requests.every(({ method }) => method === "GET"));
    scene.backend.script = respond("200 OK", "taken");
    assert.equal((await user.ask("/order", { method: "POST", body: "x" })).told, "200 taken");
    await scene.gateway.metric(
      "them",
      (now) => now.sum("h3_early_data_requests_total") === 2 && now.sum("h3_early_data_refused_total") === 1,
    );
  });
});
