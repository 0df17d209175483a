/** gRPC through the gateway: deadlines, statuses of its own, health checks, and gRPC-Web clients of either HTTP version. */
import assert from "node:assert/strict";
import { request as requestH1 } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { describe, it, type TestContext } from "node:test";
import { freePort, HOST } from "../support/addresses.ts";
import { Gateway } from "../support/gateway.ts";
import { h1Listener } from "../support/gateway-config.ts";
import { Http2Backend, type Http2Handler } from "../support/http2-backend.ts";
import { Http2Client, type Http2Answer } from "../support/http2-client.ts";

type Block = Readonly<Record<string, unknown>>;
type Fields = Readonly<Record<string, string>>;

const PATH = "/greeter.Greeter/Hello";
const HEALTH = "/grpc.health.v1.Health/Check";

/** A message with gRPC's prefix. */
function message(text: string): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(text.length, 1);
  return Buffer.concat([prefix, Buffer.from(text, "latin1")]);
}

/** Echoes messages, tells the request's fields it saw in metadata, and ends with status 0. */
const greeter: Http2Handler = (stream, headers) => {
  stream.respond(
    {
      ":status": 200,
      "content-type": "application/grpc+proto",
      "x-timeout": String(headers["grpc-timeout"]),
      "x-type": String(headers["content-type"]),
      "x-te": String(headers["te"]),
    },
    { waitForTrailers: true },
  );
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "grpc-message": "fine" }));
  stream.pipe(stream);
};

interface Setup {
  readonly gateway: Gateway;
  readonly backend: Http2Backend;
  readonly port: number;
  call(fields?: Fields, body?: Buffer, path?: string): Promise<Http2Answer>;
}

async function start(t: TestContext, handler: Http2Handler = greeter, grpc: Block = {}): Promise<Setup> {
  const backend = await Http2Backend.start(t, handler);
  const port = await freePort();
  const gateway = await Gateway.start(t, {
    listeners: [h1Listener(port, [{ address: backend.address, protocol: "h2" }], { grpc })],
  });
  const client = await Http2Client.connect(t, port);
  const call = (fields: Fields = {}, body = message("hi"), path = PATH): Promise<Http2Answer> =>
    client.post(path, body, { "content-type": "application/grpc", te: "trailers", ...fields });
  return { gateway, backend, port, call };
}

describe("a gRPC call", () => {
  it("passes with its messages, metadata and trailers", async (t) => {
    const { call, gateway } = await start(t);
    const answer = await call();
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body, message("hi"));
    assert.equal(answer.trailers["grpc-status"], "0");
    assert.equal(answer.trailers["grpc-message"], "fine");
    assert.equal(answer.headers["x-te"], "trailers");
    await gateway.metric("it counted", (now) => now.sum("grpc_requests_total") === 1);
  });

  it("has its deadline shortened to what the listener allows", async (t) => {
    const { call, gateway } = await start(t, greeter, { max_deadline_seconds: 10 });
    assert.equal((await call({ "grpc-timeout": "5S" })).headers["x-timeout"], "5S");
    assert.equal((await call({ "grpc-timeout": "2H" })).headers["x-timeout"], "10000m");
    assert.equal((await call()).headers["x-timeout"], "undefined");
    await gateway.metric("it counted", (now) => now.sum("grpc_deadline_clamped_total") === 1);
  });

  it("with a malformed deadline is refused with INVALID_ARGUMENT", async (t) => {
    const { call, backend } = await start(t);
    for (const timeout of ["10", "1.5S", "123456789S"]) {
      const { status, headers } = await call({ "grpc-timeout": timeout });
      assert.deepEqual([status, headers["grpc-status"]], [200, "3"], timeout);
    }
    assert.equal(backend.streams, 0);
  });

  it("ends with DEADLINE_EXCEEDED when its time is over, and the backend is told", async (t) => {
    let closed: Promise<void> | undefined;
    const { call, gateway } = await start(t, (stream) => {
      closed = new Promise((resolve) => void stream.on("close", resolve));
    });
    const { status, headers } = await call({ "grpc-timeout": "150m" });
    assert.deepEqual([status, headers["grpc-status"]], [200, "4"]);
    assert.ok(closed !== undefined);
    await closed;
    await gateway.metric("it counted", (now) => now.sum("grpc_deadline_exceeded_total") === 1);
  });

  it("that has begun to answer ends with DEADLINE_EXCEEDED in its trailers", async (t) => {
    const { call } = await start(t, (stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" });
      stream.write(message("first"));
    });
    const { status, body, trailers } = await call({ "grpc-timeout": "300m" });
    assert.deepEqual([status, trailers["grpc-status"]], [200, "4"]);
    assert.deepEqual(body, message("first"));
  });

  it("gets UNAVAILABLE when there is no backend, and what an error page means", async (t) => {
    const pages = new Map([
      ["/429", 429],
      ["/401", 401],
      ["/404", 404],
      ["/500", 500],
    ]);
    const { call, backend } = await start(t, (stream, headers) => {
      stream.respond({ ":status": pages.get(headers[":path"] ?? ""), "content-type": "text/html" });
      stream.end("<h1>no</h1>");
    });
    const codes = ["14", "16", "12", "13"];
    for (const [index, path] of [...pages.keys()].entries()) {
      const { status, headers, body } = await call({}, message("hi"), path);
      assert.deepEqual([status, headers["grpc-status"], body.length], [200, codes[index], 0], path);
      assert.equal(headers["content-type"], "application/grpc");
    }
    await backend.stop();
    assert.equal((await call()).headers["grpc-status"], "14");
  });

  it("over HTTP/1.1 is refused, as trailers could not come back", async (t) => {
    const { port } = await start(t);
    const { status } = await postH1(port, "application/grpc", message("hi"));
    assert.equal(status, 415);
  });

  it("is passed on untouched when its handling is off", async (t) => {
    const { call } = await start(t, greeter, { enabled: false });
    assert.equal((await call({ "grpc-timeout": "2H" })).headers["x-timeout"], "2H");
  });
});

describe("the health check of the gateway", () => {
  it("says SERVING for the server as such, NOT_FOUND for a service, and asks no backend", async (t) => {
    const { call, backend, gateway } = await start(t);
    const serving = await call({}, message(""), HEALTH);
    assert.deepEqual(serving.body, message("\x08\x01"));
    assert.equal(serving.trailers["grpc-status"], "0");
    const named = await call({}, message("\x0a\x03a.b"), HEALTH);
    assert.equal(named.headers["grpc-status"], "5");
    const broken = await call({}, Buffer.from("x"), HEALTH);
    assert.equal(broken.headers["grpc-status"], "13");
    assert.equal(backend.streams, 0);
    await gateway.metric("it counted", (now) => now.sum("grpc_health_answered_total") === 3);
  });

  it("goes to the backend when it is not the gateway's", async (t) => {
    const { call, backend } = await start(t, greeter, { health_synthesized: false });
    assert.deepEqual((await call({}, message("x"), HEALTH)).body, message("x"));
    assert.equal(backend.streams, 1);
  });
});

describe("gRPC-Web", () => {
  const trailers = "grpc-status: 0\r\ngrpc-message: fine\r\n";

  function trailerFrame(text: string): Buffer {
    const frame = message(text);
    frame[0] = 0x80;
    return frame;
  }

  it("is translated for HTTP/1.1 clients: trailers are the last frame of the body", async (t) => {
    const { port, gateway } = await start(t);
    const { status, type, body, headers } = await postH1(port, "application/grpc-web+proto", message("hi"));
    assert.deepEqual([status, type], [200, "application/grpc-web+proto"]);
    assert.deepEqual(body, Buffer.concat([message("hi"), trailerFrame(trailers)]));
    assert.deepEqual([headers["x-type"], headers["x-te"]], ["application/grpc+proto", "trailers"]);
    await gateway.metric("it counted", (now) => now.sum("grpc_web_requests_total") === 1);
  });

  it("is translated for HTTP/2 clients", async (t) => {
    const { call } = await start(t);
    const { body, headers } = await call({ "content-type": "application/grpc-web" });
    assert.deepEqual(body, Buffer.concat([message("hi"), trailerFrame(trailers)]));
    assert.equal(headers["content-type"], "application/grpc-web");
  });

  it("is Base64 both ways in its text form", async (t) => {
    const { port } = await start(t);
    const asked = Buffer.from(message("hi").toString("base64"), "latin1");
    const { type, body } = await postH1(port, "application/grpc-web-text", asked);
    assert.equal(type, "application/grpc-web-text");
    const parts = body.toString("latin1").match(/[A-Za-z0-9+/]+=*/g) ?? [];
    const decoded = Buffer.concat(parts.map((part) => Buffer.from(part, "base64")));
    assert.deepEqual(decoded, Buffer.concat([message("hi"), trailerFrame(trailers)]));
  });

  it("with a body that is no Base64 gets a status", async (t) => {
    const { port } = await start(t);
    const { body } = await postH1(port, "application/grpc-web-text", Buffer.from("!!!!"));
    assert.match(Buffer.from(body.toString("latin1"), "base64").toString("latin1"), /grpc-status: 13/);
  });

  it("gets a status without messages as a frame too", async (t) => {
    const { port } = await start(t, (stream: ServerHttp2Stream) => {
      stream.respond(
        { ":status": 200, "content-type": "application/grpc", "grpc-status": "7" },
        { endStream: true },
      );
    });
    const { body, headers } = await postH1(port, "application/grpc-web", message("hi"));
    assert.deepEqual(body, trailerFrame("grpc-status: 7\r\n"));
    assert.equal(headers["grpc-status"], undefined);
  });
});

interface H1Answer {
  readonly status: number;
  readonly type: string;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
}

function postH1(port: number, type: string, body: Buffer): Promise<H1Answer> {
  const headers = { "content-type": type, "content-length": body.length, connection: "close" };
  const signal = AbortSignal.timeout(10_000);
  return new Promise((resolve, reject) => {
    const sent = requestH1({ host: HOST, port, path: PATH, method: "POST", headers, signal }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers["content-type"] ?? "",
          headers: response.headers,
          body: Buffer.concat(parts),
        }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
