import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
// The other implementation that ours is tried against.
// oxlint-disable-next-line no-restricted-imports
import http2 from "node:http2";
// oxlint-disable-next-line no-restricted-imports
import net from "node:net";
import { after, describe, it } from "node:test";
import { drive, SocketSink } from "../../../test/support/h2-net.ts";
import { addField, RecordingOwner, requestHead, responseHead } from "../../../test/support/h2-endpoint.ts";
import type { Fields } from "../http/fields.ts";
import type { RequestHead } from "../http/message.ts";
import { HttpVersion } from "../http/message.ts";
import { H2Connection } from "./h2-connection.ts";
import { DEFAULT_H2_LIMITS } from "./h2-limits.ts";
import { H2Scratch } from "./h2-scratch.ts";
import type { H2Stream } from "./h2-stream.ts";

const TIMEOUT_MS = 20_000;
const STREAMS = 50;
const LARGE = randomBytes(3_000_000);

const clock = {
  get nowMs(): number {
    return performance.now();
  },
};
const scratch = new H2Scratch();
const closers: (() => void)[] = [];
after(() => {
  for (const close of closers) close();
});

function listen(server: net.Server | http2.Http2Server): Promise<number> {
  closers.push(() => server.close());
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as net.AddressInfo).port));
  });
}

/** Echoes what it gets, with the octets in their order, as fast as the client takes them. */
class EchoOwner extends RecordingOwner {
  readonly #unsent = new Map<number, number>();

  override onRequest(stream: H2Stream): void {
    const head = this.heads.get(stream.id) as RequestHead;
    if (head.path === "/reset") return this.connection.reset(stream, 0xb);
    if (head.path === "/early")
      this.connection.sendHead(stream, responseHead(103, 0, [["link", "</a>"]]), false);
    const response = responseHead(200, -1, [["x-method", head.method]]);
    const cookie = head.fields.toArray().find(([name]) => name === "cookie");
    if (cookie !== undefined) addField(response.fields, "x-cookie", cookie[1]);
    response.version = HttpVersion.http2;
    this.connection.sendHead(stream, response, false);
    if (head.path !== "/large") return;
    this.connection.sendData(stream, LARGE, 0, LARGE.length);
    this.connection.sendEnd(stream, null);
  }

  override onData(stream: H2Stream, bytes: Buffer, start: number, end: number): void {
    const size = end - start;
    if (this.connection.sendData(stream, bytes, start, end)) return this.connection.consumed(stream, size);
    this.#unsent.set(stream.id, (this.#unsent.get(stream.id) ?? 0) + size);
  }

  override onStreamDrained(stream: H2Stream): void {
    const size = this.#unsent.get(stream.id) ?? 0;
    this.#unsent.delete(stream.id);
    this.connection.consumed(stream, size);
  }

  override onEnd(stream: H2Stream, trailers: Fields): void {
    if (stream.isTunnel || trailers.count > 0) return this.connection.sendEnd(stream, trailers);
    this.connection.sendEnd(stream, null);
  }
}

function ourServer(): Promise<number> {
  const limits = { ...DEFAULT_H2_LIMITS, connectProtocol: true };
  return listen(
    net.createServer((socket) => {
      const sink = new SocketSink(socket);
      const owner = new EchoOwner();
      const connection = new H2Connection({ role: "server", limits, sink, clock, scratch, owner });
      owner.connection = connection;
      drive(socket, sink, connection);
      connection.start();
      sink.flush();
    }),
  );
}

interface Answer {
  readonly headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  readonly body: Buffer;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly informational: number[];
}

function ask(
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body: Buffer | null,
  trailers: http2.OutgoingHttpHeaders | null = null,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = session.request(headers, {
      endStream: body === null,
      waitForTrailers: trailers !== null,
    });
    const parts: Buffer[] = [];
    const informational: number[] = [];
    let head: Answer["headers"] = {};
    let tail: http2.IncomingHttpHeaders = {};
    request.on("headers", (early) => informational.push(Number(early[":status"])));
    request.on("response", (response) => (head = response));
    request.on("trailers", (received) => (tail = received));
    request.on("wantTrailers", () => request.sendTrailers(trailers ?? {}));
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("error", reject);
    request.on("end", () =>
      resolve({ headers: head, body: Buffer.concat(parts), trailers: tail, informational }),
    );
    if (body !== null) request.end(body);
  });
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

describe("node:http2 as a client of ours", { timeout: TIMEOUT_MS }, () => {
  it("gets back what it sends, on many streams at once, large and small", async () => {
    const session = http2.connect(`http://127.0.0.1:${await ourServer()}`);
    closers.push(() => session.destroy());
    const bodies = Array.from({ length: STREAMS }, (_, i) =>
      randomBytes([10, 1000, 20_000, 300_000][i % 4] as number),
    );
    const answers = await Promise.all(bodies.map((body) => ask(session, { ":method": "POST" }, body)));
    answers.forEach((answer, i) => assert.equal(digest(answer.body), digest(bodies[i] as Buffer)));
    const large = await ask(session, { ":path": "/large" }, null);
    assert.equal(digest(large.body), digest(LARGE));
  });

  it("gets 103, joined cookies, trailers, resets", async () => {
    const session = http2.connect(`http://127.0.0.1:${await ourServer()}`);
    closers.push(() => session.destroy());
    const headers = { ":path": "/early", ":method": "POST", cookie: ["a=1", "b=2"] };
    const answer = await ask(session, headers, Buffer.from("body"), { "x-sum": "7" });
    assert.deepEqual(answer.informational, [103]);
    assert.equal(answer.headers["x-cookie"], "a=1; b=2");
    assert.equal(answer.headers["x-method"], "POST");
    assert.equal(answer.body.toString(), "body");
    assert.equal(answer.trailers["x-sum"], "7");
    await assert.rejects(ask(session, { ":path": "/reset" }, null), { code: "ERR_HTTP2_STREAM_ERROR" });
    assert.equal((await ask(session, {}, null)).headers[":status"], 200);
  });

  it("opens a tunnel by extended CONNECT", async () => {
    const session = http2.connect(`http://127.0.0.1:${await ourServer()}`);
    closers.push(() => session.destroy());
    await new Promise((resolve) => session.once("remoteSettings", resolve));
    assert.equal(session.remoteSettings.enableConnectProtocol, true);
    const headers = { ":method": "CONNECT", ":protocol": "websocket", ":path": "/chat", ":scheme": "http" };
    const { body } = await ask(session, { ...headers, ":authority": "example.com" }, Buffer.from("frames"));
    assert.equal(body.toString(), "frames");
  });

  it("closes in order when it is told to", async () => {
    const session = http2.connect(`http://127.0.0.1:${await ourServer()}`);
    await ask(session, {}, null);
    await new Promise<void>((resolve) => session.close(resolve));
  });
});

/** Our client on a socket: one request at a time per call, all on one connection. */
class OurClient {
  readonly owner: RecordingOwner = new RecordingOwner();
  readonly connection: H2Connection;
  readonly #sink: SocketSink;
  readonly #bodies = new Map<number, Buffer[]>();
  readonly #waiting = new Map<number, (body: Buffer) => void>();
  readonly #paused = new Map<number, () => void>();

  constructor(port: number) {
    const socket = net.connect(port, "127.0.0.1");
    closers.push(() => socket.destroy());
    this.#sink = new SocketSink(socket);
    const { owner } = this;
    const limits = { ...DEFAULT_H2_LIMITS, streamWindowBytes: 200_000 };
    const options = {
      role: "client",
      scheme: "http",
      limits,
      clock,
      scratch,
      sink: this.#sink,
      owner,
    } as const;
    this.connection = new H2Connection(options);
    owner.connection = this.connection;
    owner.onDataHook = (stream, bytes): void => void this.#bodies.get(stream.id)?.push(Buffer.from(bytes));
    owner.onDrainedHook = (stream): void => this.#paused.get(stream.id)?.();
    owner.onEndHook = (stream): void =>
      this.#waiting.get(stream.id)?.(Buffer.concat(this.#bodies.get(stream.id) ?? []));
    drive(socket, this.#sink, this.connection);
    this.connection.start();
    this.#sink.flush();
  }

  ask(
    head: RequestHead,
    body: Buffer | null,
    trailers: [string, string][] = [],
  ): Promise<{ id: number; body: Buffer }> {
    return new Promise((resolve) => {
      const stream = this.connection.openStream(head, body === null, {}) as H2Stream;
      this.#bodies.set(stream.id, []);
      this.#waiting.set(stream.id, (received) => resolve({ id: stream.id, body: received }));
      if (body !== null) this.#send(stream, body, 0, trailers);
      this.#sink.flush();
    });
  }

  #send(stream: H2Stream, body: Buffer, from: number, trailers: [string, string][]): void {
    for (let at = from; at < body.length; at += 16_000) {
      const end = Math.min(body.length, at + 16_000);
      if (this.connection.sendData(stream, body, at, end)) continue;
      this.#paused.set(stream.id, () => this.#send(stream, body, end, trailers));
      return;
    }
    this.connection.sendEnd(stream, responseHead(0, 0, trailers).fields);
  }
}

async function nodeServer(): Promise<number> {
  const server = http2.createServer({ settings: { enableConnectProtocol: true } });
  server.on("stream", (stream: http2.ServerHttp2Stream, headers) => {
    stream.on("error", () => {});
    if (headers[":path"] === "/reset") return stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
    if (headers[":path"] === "/early") stream.additionalHeaders({ ":status": 103, link: "</a>" });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "9" }));
    const waitForTrailers = headers[":method"] !== "CONNECT";
    stream.respond({ ":status": 200, "x-te": headers["te"] ?? "" }, { waitForTrailers });
    stream.pipe(stream);
  });
  const port = await listen(server);
  return port;
}

describe("node:http2 as a server of ours", { timeout: TIMEOUT_MS }, () => {
  it("echoes what our client sends, on many streams at once, large and small", async () => {
    const client = new OurClient(await nodeServer());
    const sizes = [10, 1000, 20_000, 300_000];
    const bodies = Array.from({ length: STREAMS }, (_, i) => randomBytes(sizes[i % 4] as number));
    const answers = await Promise.all(
      bodies.map((body) => client.ask(requestHead("POST", "/", body.length), body)),
    );
    answers.forEach(({ body }, i) => assert.equal(digest(body), digest(bodies[i] as Buffer)));
    const large = await client.ask(requestHead("PUT", "/", -1), LARGE);
    assert.equal(digest(large.body), digest(LARGE));
    assert.equal(client.connection.streamCount, 0);
    assert.equal(client.connection.queuedBytes, 0);
  });

  it("sends 103, trailers and resets, and takes trailers and extended CONNECT", async () => {
    const client = new OurClient(await nodeServer());
    const head = requestHead("POST", "/early", -1);
    head.acceptsTrailers = true;
    const { id } = await client.ask(head, Buffer.from("body"), [["x-a", "b"]]);
    assert.equal(client.owner.responses.get(id)?.fields.value(0), "trailers");
    assert.deepEqual(
      client.owner.events.filter((event) => event.startsWith(`${id} `)),
      [
        `${id} informational 103`,
        `${id} response 200`,
        `${id} data body`,
        `${id} end x-sum=9`,
        `${id} closed`,
      ],
    );
    const tunnel = requestHead("GET", "/chat");
    tunnel.upgrade = "websocket";
    assert.equal(client.connection.peerConnectProtocol, true);
    assert.equal((await client.ask(tunnel, Buffer.from("frames"))).body.toString(), "frames");
    const refused = new Promise<string>((resolve) => {
      client.owner.onStreamError = (_stream, error): void => resolve(error.toString());
    });
    void client.ask(requestHead("GET", "/reset"), null);
    assert.equal(await refused, "ENHANCE_YOUR_CALM: reset by the peer");
  });
});
