/** WebSocket over HTTP/2 (RFC 8441) through the gateway, to backends of both versions, with independent peers. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectH2, constants, type ServerHttp2Stream } from "node:http2";
import { describe, it, type TestContext } from "node:test";
import { freePort, HOST } from "../support/addresses.ts";
import { FrameChannel } from "../support/frame-channel.ts";
import { Gateway } from "../support/gateway.ts";
import { h1Listener } from "../support/gateway-config.ts";
import { Http2Backend } from "../support/http2-backend.ts";
import { rssBytes } from "../support/processes.ts";
import { pause, waitFor, within } from "../support/wait-for.ts";
import { WebSocketBackend, type WebSocketBackendOptions } from "../support/websocket-backend.ts";
import { WebSocketClient } from "../support/websocket-client.ts";
import { openOverH2 } from "../support/websocket-stream.ts";
import { CLOSE, closePayload, frame, PING, PONG, readFrames } from "../support/ws-frames.ts";

type Block = Readonly<Record<string, unknown>>;

interface Front {
  readonly gateway: Gateway;
  readonly port: number;
}

async function gatewayBefore(t: TestContext, backend: string | Block, more: Block = {}): Promise<Front> {
  const port = await freePort();
  return { gateway: await Gateway.start(t, { listeners: [h1Listener(port, [backend], more)] }), port };
}

/** A session whose settings are known. */
async function openSession(t: TestContext, port: number): Promise<ClientHttp2Session> {
  const session = connectH2(`http://${HOST}:${port}`);
  session.on("error", () => {});
  t.after(() => session.destroy());
  await within("settings", 5000, once(session, "remoteSettings"));
  return session;
}

async function channelTo(port: number): Promise<FrameChannel> {
  return new FrameChannel((await openOverH2(port, "")).stream);
}

/** Sends a message and waits for the next one. */
async function exchange(channel: FrameChannel, payload: string | Buffer): Promise<string> {
  let text: string | undefined;
  channel.onEvent = (event) => {
    if (event.kind === "message") text = event.payload.toString();
  };
  channel.send({ payload });
  assert.ok(await channel.until(() => text !== undefined, 10_000));
  return text ?? "";
}

/** Echoes frames on a stream of an extended CONNECT, and keeps it when they end. */
function echoOn(streams: ServerHttp2Stream[]): (stream: ServerHttp2Stream) => void {
  return (stream) => {
    streams.push(stream);
    stream.respond({ ":status": 200 });
    let rest: Buffer = Buffer.alloc(0);
    stream.on("data", (bytes: Buffer) => {
      const read = readFrames(Buffer.concat([rest, bytes]));
      rest = read.rest;
      for (const { opcode, payload, fin } of read.frames) {
        stream.write(frame({ opcode: opcode === PING ? PONG : opcode, payload, fin }));
        if (opcode === CLOSE) stream.end();
      }
    });
  };
}

async function h2Backend(t: TestContext, streams: ServerHttp2Stream[] = []): Promise<Http2Backend> {
  return await Http2Backend.start(t, echoOn(streams), { settings: { enableConnectProtocol: true } });
}

describe("WebSocket over HTTP/2", { timeout: 120_000 }, () => {
  it("reaches a backend on HTTP/1.1, and one on HTTP/2, which clients on HTTP/1.1 reach, too", async (t) => {
    const old = await WebSocketBackend.start(t);
    const young = await h2Backend(t);
    const large = "0123456789".repeat(100_000);
    for (const address of [old.address, { address: young.address, protocol: "h2" }]) {
      const { port, gateway } = await gatewayBefore(t, address);
      const channel = await channelTo(port);
      assert.equal(await exchange(channel, "hello"), "hello");
      assert.equal(await exchange(channel, large), large);
      channel.close(closePayload(4000, "done"));
      assert.ok(await channel.over(5000));
      assert.deepEqual([channel.remoteCode, channel.clean, channel.violation], [4000, true, undefined]);
      const client = await WebSocketClient.open(port);
      assert.equal((await client.exchange(large, 1)).toString(), large);
      client.socket.close(4001);
      assert.equal((await client.closed()).code, 4001);
      await gateway.metric("no tunnel", (now) => now.sum("websocket_tunnels") === 0);
    }
  });

  it("shares a connection with requests and other WebSockets", async (t) => {
    const backend = await WebSocketBackend.start(t);
    const { port } = await gatewayBefore(t, backend.address);
    const session = await openSession(t, port);
    const channels = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const stream = session.request({
          ":method": "CONNECT",
          ":protocol": "websocket",
          ":scheme": "http",
          ":path": "/",
          ":authority": `${HOST}:${port}`,
          "sec-websocket-version": "13",
        });
        const [head] = (await once(stream, "response")) as [Record<string, unknown>];
        assert.equal(head[":status"], 200);
        return new FrameChannel(stream);
      }),
    );
    const texts = await Promise.all(channels.map((channel, index) => exchange(channel, `number ${index}`)));
    assert.deepEqual(
      texts,
      channels.map((_, index) => `number ${index}`),
    );
    const plain = session.request({ ":path": "/" });
    plain.resume();
    const [head] = (await once(plain, "response")) as [Record<string, unknown>];
    assert.equal(head[":status"], 200);
    assert.equal(backend.sockets.length, 20);
  });

  it("passes on the backend's refusal, and refuses what it does not speak", async (t) => {
    const verifyClient = (_info: unknown, done: (ok: boolean, code?: number) => void): void =>
      done(false, 403);
    const backend = await WebSocketBackend.start(t, { server: { verifyClient } });
    const { port } = await gatewayBefore(t, backend.address);
    await assert.rejects(openOverH2(port, ""), /refused: 403/);
    const session = await openSession(t, port);
    const other = session.request({
      ":method": "CONNECT",
      ":protocol": "webtransport",
      ":scheme": "http",
      ":path": "/",
      ":authority": "app.example",
    });
    other.on("error", () => {});
    const [head] = (await within("an answer", 5000, once(other, "response"))) as [Record<string, unknown>];
    assert.equal(head[":status"], 501);
  });

  it("is not announced where it is off", async (t) => {
    const backend = await WebSocketBackend.start(t);
    const { port } = await gatewayBefore(t, backend.address, { websocket: { h2_extended_connect: false } });
    await assert.rejects(openOverH2(port, ""), /does not offer extended CONNECT/);
    const client = await WebSocketClient.open(port);
    await client.exchange("over HTTP/1.1 it goes on", 1);
    client.socket.terminate();
  });

  it("has the same limits, drain included", async (t) => {
    const backend = await WebSocketBackend.start(t);
    const websocket = { idle_timeout_seconds: 1, max_message_size_bytes: 1000 };
    const { gateway, port } = await gatewayBefore(t, backend.address, { websocket });
    const idle = await channelTo(port);
    assert.ok(await idle.over(5000));
    assert.deepEqual([idle.remoteCode, idle.closedByMe, idle.clean], [1001, false, true]);
    const large = await channelTo(port);
    large.send({ payload: "x".repeat(1001) });
    assert.ok(await large.over(5000));
    assert.deepEqual([large.remoteCode, large.closedByMe, large.clean], [1009, false, true]);
    const drained = await channelTo(port);
    await exchange(drained, "hello");
    gateway.kill("SIGTERM");
    assert.ok(await drained.over(5000));
    assert.deepEqual([drained.remoteCode, drained.clean], [1001, true]);
    assert.equal(await gateway.exited(), 0);
    assert.deepEqual(
      backend.closes.map(({ code }) => code),
      [1001, 1009, 1001],
    );
  });

  it("passes on a reset as a reset, and the end of the stream as an end", async (t) => {
    const backend = await WebSocketBackend.start(t);
    const { port } = await gatewayBefore(t, backend.address);
    const { stream } = await openOverH2(port, "");
    await exchange(new FrameChannel(stream), "hello");
    (stream as unknown as ServerHttp2Stream).close(constants.NGHTTP2_CANCEL);
    await waitFor("the backend to hear of it", () => backend.closes.length === 1);
    const other = await openOverH2(port, "");
    await exchange(new FrameChannel(other.stream), "hello");
    other.stream.end();
    await waitFor("the backend to hear of it", () => backend.closes.length === 2);
    assert.deepEqual(
      backend.closes.map(({ code }) => code),
      [1006, 1006],
    );
  });

  it("holds little for clients that do not read", async (t) => {
    const part = Buffer.alloc(64 * 1024, 0x61);
    // More than the kernel takes on the way, whatever the sizes of its buffers.
    const script: WebSocketBackendOptions["script"] = (socket) => {
      for (let i = 0; i < 512; i++) socket.send(part);
    };
    const backend = await WebSocketBackend.start(t, { script });
    const { gateway, port } = await gatewayBefore(t, backend.address);
    const [worker] = gateway.workers();
    const before = rssBytes(worker ?? 0);
    const opened = await Promise.all(Array.from({ length: 20 }, () => openOverH2(port, "")));
    await waitFor("every backend connection to be stopped", async () => {
      const waiting = backend.sockets.map(({ bufferedAmount }) => bufferedAmount);
      await pause(300);
      return (
        waiting.length === 20 &&
        backend.sockets.every(
          ({ bufferedAmount }, index) => bufferedAmount > 0 && bufferedAmount === waiting[index],
        )
      );
    });
    assert.ok(rssBytes(worker ?? 0) - before < 48 * 1024 * 1024, "640 MiB wait at the backends");
    for (const { stream } of opened) stream.destroy();
    await gateway.metric("no tunnel", (now) => now.sum("websocket_tunnels") === 0);
  });
});
