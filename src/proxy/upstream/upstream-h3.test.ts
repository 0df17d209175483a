import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Fault } from "../../base/fault.ts";
import { H3Code } from "../../wire/h3/error-code.ts";
import { MAX_STREAM_ID } from "../../wire/h3/h3-limits.ts";
import type { H3Backend } from "../../../test/support/h3-backend.ts";
import { H3Scene } from "../../../test/support/h3-scene.ts";
import { assertClean, chunkedHead, get, post } from "../../../test/support/memory-http.ts";
import type { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import type { PlanSpec } from "../../../test/support/memory-plan.ts";
import { type RecordingSink, sendTo } from "../../../test/support/recording-sink.ts";
import { waitFor } from "../../../test/support/wait-for.ts";

const BOUND = { timeout: 30_000 };

let scene: H3Scene;

beforeEach(async () => {
  scene = await H3Scene.open();
});

afterEach(() => scene.close());

function gatewayOf(backends: readonly H3Backend[], spec: PlanSpec = {}): MemoryGateway {
  return scene.gateway(
    backends.map(({ port }) => `h3://127.0.0.1:${port}`),
    spec,
  );
}

async function over(sink: RecordingSink): Promise<void> {
  await waitFor("the end", () => sink.events.includes("end") || sink.fault !== null, { timeoutMs: 20_000 });
}

test("a request and its response, with everything that belongs to them", BOUND, async () => {
  const backend = await scene.backend();
  backend.onRequestEnd = (request) => {
    request.head1xx(103, ["link", "</x>"]);
    request.sendHead(200, [["x-two", "2"]]);
    request.send("hello client");
    request.end(["grpc-status", "0"]);
  };
  const gateway = gatewayOf([backend]);
  const sink = sendTo(gateway, chunkedHead("/a?b", "X-One: 1", "TE: trailers"));
  await waitFor("the stream", () => sink.resumed > 0);
  sink.write(gateway, "hello ");
  sink.write(gateway, "backend");
  sink.end(gateway, ["X-Sum", "7"]);
  await over(sink);
  const [request] = backend.requests;
  assert.ok(request !== undefined);
  assert.equal(request.head.method, "POST");
  assert.equal(request.head.path, "/a?b");
  assert.equal(request.head.authority, "app.example");
  assert.equal(request.field("x-one"), "1");
  assert.equal(request.text, "hello backend");
  assert.deepEqual(request.trailers, [["x-sum", "7"]]);
  assert.deepEqual(sink.events, ["103", "200", "end"]);
  assert.equal(sink.text, "hello client");
  assert.deepEqual(sink.trailers, [["grpc-status", "0"]]);
  assert.equal(gateway.global("bytes_client_to_backend"), 13);
  assert.equal(gateway.global("bytes_backend_to_client"), 12);
  assert.equal(gateway.global("h3_upstream_streams"), 0);
  assert.equal(gateway.global("h3_upstream_connections"), 1);
  assert.equal(gateway.global("h3_upstream_connections_total"), 1);
  assert.equal(gateway.global("upstream_tls_handshakes_total"), 1);
  assertClean(gateway);
  assert.equal(gateway.global("h3_upstream_connections"), 0);
  await waitFor("our close", () => backend.connections[0]?.closed !== null);
  assert.deepEqual(backend.connections[0]?.closed, {
    by: "peer",
    application: true,
    code: H3Code.noError,
    reason: "",
  });
});

test("many requests share one session", BOUND, async () => {
  const backend = (await scene.backend()).echo();
  const gateway = gatewayOf([backend]);
  const sinks = Array.from({ length: 50 }, (_, i) => sendTo(gateway, get(`/${i}`)));
  for (const sink of sinks) await over(sink);
  for (const [i, sink] of sinks.entries()) assert.equal(sink.text, `/${i} `);
  assert.equal(scene.dialled, 1);
  const later = sendTo(gateway, get("/later"));
  await over(later);
  assert.equal(scene.dialled, 1);
  assert.equal(gateway.global("pool_reuses_total"), 1);
  assertClean(gateway);
});

test("a big response to a slow reader stays with the backend", BOUND, async () => {
  const octets = 8_000_000;
  const backend = await scene.backend();
  backend.onRequestEnd = (request) => {
    request.sendHead(200);
    request.pour(octets);
  };
  const gateway = gatewayOf([backend]);
  const sink = sendTo(gateway, get("/"));
  sink.takes = false;
  await waitFor("a part", () => sink.body.length > 0);
  const untouched = sendTo(gateway, get("/other"));
  await waitFor("the other one", () => untouched.body.length > 1_000_000);
  const held = sink.body.length;
  assert.ok(held <= 256 * 1024, `${held} octets were given to a reader that takes none`);
  sink.takes = true;
  sink.resume(gateway);
  await over(sink);
  await over(untouched);
  assert.equal(sink.body.length, octets);
  assertClean(gateway);
});

test("clients that read slowly hold back nobody else on their session", BOUND, async () => {
  const backend = await scene.backend();
  backend.onRequestEnd = (request) => {
    request.sendHead(200);
    request.pour(2_000_000);
  };
  const gateway = gatewayOf([backend]);
  const slow = Array.from({ length: 40 }, (_, i) => sendTo(gateway, get(`/slow/${i}`)));
  for (const sink of slow) sink.takes = false;
  await waitFor("a part of each", () => slow.every((sink) => sink.body.length > 0));
  const quick = sendTo(gateway, get("/quick"));
  await over(quick);
  assert.equal(quick.body.length, 2_000_000);
  assert.equal(scene.dialled, 1);
  for (const sink of slow) sink.abort(gateway, new Fault("client_closed"));
  assertClean(gateway);
});

test("a big request body waits for a backend that does not read", BOUND, async () => {
  const octets = 8_000_000;
  const backend = await scene.backend();
  backend.keep = false;
  backend.onRequest = (request) => {
    request.takes = false;
  };
  backend.onRequestEnd = (request) => request.answer(String(request.receivedBytes));
  const gateway = gatewayOf([backend]);
  const sink = sendTo(gateway, chunkedHead("/"));
  await waitFor("the stream", () => sink.resumed > 0);
  let left = octets;
  const pour = (): void => {
    while (left > 0) {
      const size = Math.min(left, 32_768);
      left -= size;
      if (!sink.write(gateway, Buffer.alloc(size, "x")) && left > 0) return;
    }
    sink.end(gateway);
  };
  sink.resumeRequest = pour;
  pour();
  await waitFor("the request", () => backend.requests.length === 1);
  await waitFor("nothing to go on", async () => {
    const before = left;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return left === before;
  });
  assert.ok(left > octets - 3_000_000, `${octets - left} octets were taken for a backend that reads none`);
  const [request] = backend.requests;
  assert.ok(request !== undefined);
  request.takes = true;
  request.take();
  await over(sink);
  assert.equal(sink.text, String(octets));
  assertClean(gateway);
});

test("a client that leaves cancels its stream, and disturbs no other", BOUND, async () => {
  const backend = await scene.backend();
  const gateway = gatewayOf([backend]);
  const sink = sendTo(gateway, get("/one"));
  const other = sendTo(gateway, get("/two"));
  await waitFor("both", () => backend.requests.length === 2);
  sink.abort(gateway, new Fault("client_closed"));
  const [one, two] = backend.requests;
  await waitFor("the end of one", () => one?.error !== "");
  assert.match(one?.error ?? "", /H3_REQUEST_CANCELLED/);
  two?.answer("untouched");
  await over(other);
  assert.equal(other.text, "untouched");
  assertClean(gateway);
});

test("a response that does not wait for the whole request ends it without an error", BOUND, async () => {
  const backend = await scene.backend();
  backend.onRequest = (request) => request.answer("enough");
  const gateway = gatewayOf([backend]);
  const sink = sendTo(gateway, chunkedHead("/"));
  await over(sink);
  assert.equal(sink.text, "enough");
  assert.equal(gateway.global("h3_upstream_streams"), 0);
  await waitFor("the stream's end", () => backend.connections[0]?.connection.streamCount === 0);
  const next = sendTo(gateway, get("/next"));
  await over(next);
  assert.equal(scene.dialled, 1);
  assertClean(gateway);
});

test(
  "GOAWAY: what was not processed is sent again on another session, the rest is answered on this one",
  BOUND,
  async () => {
    const backend = await scene.backend();
    const gateway = gatewayOf([backend]);
    const kept = sendTo(gateway, get("/kept"));
    const given = sendTo(gateway, post("/given", "").replace("POST", "GET"));
    await waitFor("both", () => backend.requests.length === 2);
    backend.echo();
    const [first] = backend.requests;
    backend.connections[0]?.connection.goAway(MAX_STREAM_ID);
    backend.connections[0]?.connection.goAway((first?.stream.id ?? 0) + 4);
    await over(given);
    assert.equal(given.text, "/given ");
    assert.equal(scene.dialled, 2);
    assert.equal(backend.connections.length, 2);
    first?.answer("kept");
    await over(kept);
    assert.equal(kept.text, "kept");
    assert.equal(gateway.global("h3_upstream_streams_refused_total"), 1);
    assert.ok(gateway.global("h3_goaway_received_total") >= 1);
    await waitFor("the first one's close", () => backend.connections[0]?.closed !== null);
    assertClean(gateway);
  },
);

test("H3_REQUEST_REJECTED: the request goes to another backend, whatever its method", BOUND, async () => {
  const rejecting = await scene.backend();
  rejecting.onRequest = (request) => request.reset(H3Code.requestRejected);
  const fine = (await scene.backend()).echo();
  const gateway = gatewayOf([rejecting, fine]);
  const sink = sendTo(gateway, chunkedHead("/sent"));
  await waitFor("the stream", () => sink.resumed > 0);
  sink.write(gateway, "body");
  await waitFor("the second try", () => fine.requests.length === 1);
  sink.end(gateway);
  await over(sink);
  assert.deepEqual(sink.events, ["200", "end"]);
  assert.equal(fine.requests[0]?.text, "body");
  assert.equal(gateway.global("h3_upstream_streams_refused_total"), 1);
  assertClean(gateway);
});

test("a reset response and a malformed one are faults of the backend", BOUND, async () => {
  const backend = await scene.backend();
  const gateway = gatewayOf([backend]);
  backend.onRequest = (request) => request.reset(H3Code.internalError);
  const reset = sendTo(gateway, get("/reset"));
  await over(reset);
  assert.equal(reset.fault?.code, "upstream_reset");
  assert.match(reset.fault?.detail ?? "", /H3_INTERNAL_ERROR/);
  // DATA on the control stream: H3_FRAME_UNEXPECTED ends the connection.
  backend.onRequest = (request) => {
    request.served.link.write(3, Buffer.from([0, 1, 0x61]), 0, 3, false);
  };
  const malformed = sendTo(gateway, get("/malformed"));
  await over(malformed);
  assert.equal(malformed.fault?.code, "upstream_malformed");
  await waitFor("our close", () => backend.connections[0]?.closed !== null);
  assert.equal(backend.connections[0]?.closed?.code, H3Code.frameUnexpected);
  assertClean(gateway);
});

test("a session that the backend closes while it rests is not missed", BOUND, async () => {
  const backend = (await scene.backend()).echo();
  const gateway = gatewayOf([backend]);
  await over(sendTo(gateway, get("/first")));
  backend.connections[0]?.link.close(H3Code.noError, "");
  await waitFor("its end here", () => gateway.global("h3_upstream_connections") === 0);
  const second = sendTo(gateway, get("/second"));
  await over(second);
  assert.equal(second.text, "/second ");
  assert.equal(scene.dialled, 2);
  assertClean(gateway);
});

test("a session that ends with a request on it: sent again when that is safe, else 502", BOUND, async () => {
  const backend = (await scene.backend()).echo();
  const gateway = gatewayOf([backend]);
  await over(sendTo(gateway, get("/first")));
  backend.onRequestEnd = (request) => request.served.link.close(H3Code.noError, "");
  const unsafe = sendTo(gateway, post("/unsafe", "").replace("Content-Length: 0\r\n", ""));
  await over(unsafe);
  assert.equal(unsafe.fault?.code, "upstream_closed");
  backend.echo();
  await over(sendTo(gateway, get("/second")));
  let closed = 0;
  backend.onRequestEnd = (request) => {
    if (closed++ === 0) request.served.link.close(H3Code.noError, "");
    else request.answer("again");
  };
  const safe = sendTo(gateway, get("/safe"));
  await over(safe);
  assert.equal(safe.text, "again");
  assertClean(gateway);
});

test("a session leaves when it is too old, and when it has rested for long", BOUND, async () => {
  const backend = (await scene.backend()).echo();
  const gateway = gatewayOf([backend], { pool: { maxAgeMs: 20_000, idleTimeoutMs: 5000 } });
  await over(sendTo(gateway, get("/1")));
  gateway.advance(6000);
  assert.equal(gateway.global("h3_upstream_connections"), 0);
  assert.equal(gateway.global("pool_idle_gauge"), 0);
  await over(sendTo(gateway, get("/2")));
  for (let i = 0; i < 5; i++) {
    gateway.advance(4000);
    await over(sendTo(gateway, get("/more")));
  }
  assert.equal(scene.dialled, 3);
  await waitFor("the second one's close", () => backend.connections[1]?.closed !== null);
  assertClean(gateway);
});

test("more streams than the peer allows wait for its MAX_STREAMS", BOUND, async () => {
  const backend = (await scene.backend({ streams: 3 })).echo();
  const gateway = gatewayOf([backend], { pool: { quicMaxPerBackend: 1 } });
  const sinks = Array.from({ length: 30 }, (_, i) => sendTo(gateway, get(`/${i}`)));
  for (const sink of sinks) await over(sink);
  assert.deepEqual(
    sinks.map((sink) => sink.text),
    sinks.map((_, i) => `/${i} `),
  );
  assert.equal(scene.dialled, 1);
  assertClean(gateway);
});
