import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "../../base/fault.ts";
import { H2Code } from "../../wire/h2/error-code.ts";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import {
  data,
  h2Backends,
  headers,
  type MemoryH2Backend,
  rstStream,
  type SettingsSpec,
  windowUpdate,
} from "../../../test/support/memory-h2.ts";
import { answersTo, assertClean, chunkedHead, get, post, told } from "../../../test/support/memory-http.ts";
import type { PlanSpec } from "../../../test/support/memory-plan.ts";
import { type RecordingSink, sendTo } from "../../../test/support/recording-sink.ts";

const SPEC: PlanSpec = { services: { app: ["h2://10.0.0.1:80"] } };
const TWO: PlanSpec = { services: { app: ["h2://10.0.0.1:80", "h2://10.0.0.2:80"] } };

interface Begun {
  readonly gateway: MemoryGateway;
  readonly sink: RecordingSink;
  readonly backend: MemoryH2Backend;
  readonly backends: MemoryH2Backend[];
}

/** A request that has reached its backend as stream 1. */
function begun(head: string, options: SettingsSpec & { upgrade?: string; plan?: PlanSpec } = {}): Begun {
  const gateway = new MemoryGateway(options.plan ?? SPEC);
  const backends = h2Backends(gateway, options);
  const sink = sendTo(gateway, head, options.upgrade);
  const backend = backends[0] ?? assert.fail("nothing was dialled");
  backend.read();
  return { gateway, sink, backend, backends };
}

function field(backend: MemoryH2Backend, name: string, index = 0): string | undefined {
  return backend.request(index).fields.find(([each]) => each === name)?.[1];
}

test("a request and its response, with everything that belongs to them", () => {
  const { gateway, sink, backend } = begun(chunkedHead("/a?b", "X-One: 1", "TE: trailers"));
  assert.equal(field(backend, ":method"), "POST");
  assert.equal(field(backend, ":path"), "/a?b");
  assert.equal(field(backend, ":authority"), "app.example");
  assert.equal(field(backend, ":scheme"), "http");
  assert.equal(field(backend, "x-one"), "1");
  assert.equal(sink.resumed, 1);
  sink.write(gateway, "hello ");
  sink.write(gateway, "backend");
  sink.end(gateway, ["X-Sum", "7"]);
  assert.deepEqual(backend.request(), {
    ...backend.request(),
    body: "hello backend",
    ended: true,
    trailers: [["x-sum", "7"]],
  });
  backend.send(
    headers(
      1,
      [
        [":status", "103"],
        ["link", "</x>"],
      ],
      false,
    ),
    headers(
      1,
      [
        [":status", "200"],
        ["x-two", "2"],
      ],
      false,
    ),
    data(1, "hello client"),
    headers(1, [["grpc-status", "0"]], true),
  );
  assert.deepEqual(sink.events, ["103", "200", "end"]);
  assert.equal(sink.text, "hello client");
  assert.deepEqual(
    sink.trailers.map(([name, value]) => `${name.toLowerCase()}: ${value}`),
    ["grpc-status: 0"],
  );
  assert.equal(gateway.global("bytes_client_to_backend"), 13);
  assert.equal(gateway.global("bytes_backend_to_client"), 12);
  assert.equal(gateway.global("h2_upstream_streams"), 0);
  assertClean(gateway);
});

test("HEAD and statuses without a body end with their head", () => {
  for (const [request, status] of [
    [get("/").replace("GET", "HEAD"), 200],
    [get("/"), 204],
    [get("/"), 304],
  ] as const) {
    const { gateway, sink, backend } = begun(request);
    assert.ok(backend.request().ended);
    backend.send(
      headers(
        1,
        [
          [":status", String(status)],
          ["content-length", status === 204 ? "0" : "5"],
        ],
        true,
      ),
    );
    assert.deepEqual(sink.events, [String(status), "end"]);
    assertClean(gateway);
  }
});

test("a response that the client does not take is not acknowledged to the backend", () => {
  const { gateway, sink, backend } = begun(get("/"));
  const credit = (): number =>
    backend
      .ofType("WINDOW_UPDATE")
      .filter(({ stream }) => stream === 1)
      .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
  sink.takes = false;
  backend.send(headers(1, [[":status", "200"]], false));
  for (let i = 0; i < 3; i++) backend.send(data(1, Buffer.alloc(16_384)));
  assert.equal(sink.body.length, 49_152);
  assert.equal(credit(), 0);
  sink.takes = true;
  sink.resume(gateway);
  assert.ok(credit() >= 32_768, `${credit()} octets of credit`);
  backend.send(data(1, Buffer.alloc(16_384)), data(1, "end", true));
  assert.equal(sink.body.length, 65_539);
  assert.deepEqual(sink.events, ["200", "end"]);
  assertClean(gateway);
});

test("a request body waits for the backend's window, and goes on when it opens", () => {
  const { gateway, sink, backend } = begun(chunkedHead("/"), { window: 10 });
  sink.write(gateway, "0123456789");
  let open = true;
  for (let i = 0; open; i++) {
    assert.ok(i < 100, "the body is never held back");
    open = sink.write(gateway, Buffer.alloc(4096, "x"));
  }
  assert.equal(backend.request().body, "0123456789");
  const before = sink.resumed;
  backend.send(windowUpdate(1, 1_000_000), windowUpdate(0, 1_000_000));
  assert.equal(sink.resumed, before + 1);
  sink.end(gateway);
  assert.ok(backend.request().ended);
  backend.answer(1, "ok");
  assert.deepEqual(sink.events, ["200", "end"]);
  assertClean(gateway);
});

test("a client that leaves cancels its stream, and disturbs no other", () => {
  const { gateway, sink, backend } = begun(get("/one"));
  const other = sendTo(gateway, get("/two"));
  backend.send(headers(1, [[":status", "200"]], false), data(1, "part"));
  sink.abort(gateway, new Fault("client_closed"));
  assert.equal(backend.request(0).reset, H2Code.cancel);
  backend.send(data(1, "more"), data(1, "and the end", true));
  backend.answer(3, "untouched");
  assert.deepEqual(other.events, ["200", "end"]);
  assert.equal(other.text, "untouched");
  assert.equal(backend.peer.ending, "open");
  assertClean(gateway);
});

test("a response that does not wait for the whole request ends it without an error", () => {
  const { gateway, sink, backend } = begun(chunkedHead("/"));
  sink.write(gateway, "a beginning");
  backend.answer(1, "no, thanks", 413);
  assert.deepEqual(sink.events, ["413", "end"]);
  assert.equal(backend.request().reset, H2Code.noError);
  assert.equal(sink.exchange.upstream, null);
  assertClean(gateway);
});

test("a body that is stuck behind a closed window ends with its response", () => {
  const { gateway, sink, backend } = begun(post("/", "").replace("Length: 0", "Length: 20"), { window: 5 });
  sink.write(gateway, "01234567890123456789");
  sink.end(gateway);
  backend.answer(1, "enough");
  assert.deepEqual(sink.events, ["200", "end"]);
  assert.equal(backend.request().reset, H2Code.noError);
  assertClean(gateway);
});

test("RST_STREAM before the response is 502 and not repeated, whatever the code", () => {
  for (const code of [
    H2Code.cancel,
    H2Code.internalError,
    H2Code.protocolError,
    H2Code.enhanceYourCalm,
    0xabcd,
  ]) {
    const { gateway, sink, backend } = begun(get("/"), { plan: TWO });
    backend.send(rstStream(1, code));
    assert.deepEqual(sink.events, ["upstream_reset"]);
    assert.equal(sink.fault?.status, 502);
    assert.equal(backend.peer.ending, "open", "the session goes on");
    assertClean(gateway);
  }
});

test("RST_STREAM after the head cuts the response", () => {
  for (const code of [H2Code.internalError, H2Code.refusedStream, H2Code.noError]) {
    const { gateway, sink, backend } = begun(get("/"), { plan: TWO });
    backend.send(headers(1, [[":status", "200"]], false), data(1, "part"), rstStream(1, code));
    assert.deepEqual(sink.events, ["200", "upstream_reset"]);
    assertClean(gateway);
  }
});

test("a refused stream goes to another backend, whatever the method", () => {
  for (const method of ["GET", "POST", "PATCH"]) {
    const { gateway, sink, backend, backends } = begun(get("/").replace("GET", method), { plan: TWO });
    backend.send(rstStream(1, H2Code.refusedStream));
    assert.deepEqual(
      gateway.transport.dials.map(({ target }) => target.host),
      ["10.0.0.1", "10.0.0.2"],
    );
    assert.equal(field(backends[1] as MemoryH2Backend, ":method"), method);
    backends[1]?.answer(1, "taken");
    assert.deepEqual(sink.events, ["200", "end"]);
    assert.equal(gateway.global("h2_upstream_streams_refused_total"), 1);
    assert.equal(gateway.global("upstream_retries_total"), 1);
    assertClean(gateway);
  }
});

test("with one backend it goes there again, and not for ever", () => {
  const { gateway, sink, backend } = begun(get("/"));
  for (const stream of [1, 3, 5]) backend.send(rstStream(stream, H2Code.refusedStream));
  assert.equal(backend.read().requests.length, 3);
  assert.deepEqual(sink.events, ["upstream_stream_refused"]);
  assert.equal(sink.fault?.status, 502);
  assertClean(gateway);
});

test("a refused stream takes what it had of its body along, unless that was too much to keep", () => {
  for (const [parts, kept] of [
    [["begun ", "and ended"], true],
    [["x".repeat(16_384)], true],
    [["x".repeat(16_385)], false],
    [Array.from({ length: 16 }, () => "y"), true],
    [Array.from({ length: 17 }, () => "y"), false],
  ] as const) {
    const { gateway, sink, backend, backends } = begun(chunkedHead("/"), { plan: TWO });
    for (const part of parts) sink.write(gateway, part);
    sink.end(gateway, ["X-Sum", "1"]);
    backend.send(rstStream(1, H2Code.refusedStream));
    if (kept) {
      const again = backends[1]?.request();
      assert.equal(again?.body, parts.join(""));
      assert.ok(again.ended);
      assert.deepEqual(again.trailers, [["x-sum", "1"]]);
      backends[1]?.answer(1, "taken");
    }
    assert.deepEqual(sink.events, kept ? ["200", "end"] : ["upstream_stream_refused"]);
    assertClean(gateway);
  }
});

test("a body that was kept goes on where it was", () => {
  const { gateway, sink, backend, backends } = begun(chunkedHead("/"), { plan: TWO });
  sink.write(gateway, "first, ");
  backend.send(rstStream(1, H2Code.refusedStream));
  assert.equal(sink.resumed, 2);
  sink.write(gateway, "second");
  sink.end(gateway);
  assert.equal(backends[1]?.request().body, "first, second");
  backends[1]?.answer(1, "taken");
  assert.deepEqual(sink.events, ["200", "end"]);
  assertClean(gateway);
});

test("a refused stream whose body has not begun takes it to the next one, also if it comes while that is dialled", () => {
  const { gateway, sink, backend, backends } = begun(chunkedHead("/"), { plan: TWO });
  const accept = gateway.transport.onDial;
  gateway.holdDials();
  backend.send(rstStream(1, H2Code.refusedStream));
  sink.write(gateway, "comes ");
  sink.write(gateway, "early");
  sink.end(gateway, ["X-Sum", "11"]);
  accept(gateway.dial(1));
  assert.deepEqual(backends[1]?.request(), {
    ...backends[1]?.request(),
    body: "comes early",
    ended: true,
    trailers: [["x-sum", "11"]],
  });
  backends[1]?.answer(1, "all there");
  assert.deepEqual(sink.events, ["200", "end"]);
  assertClean(gateway);
});

test("what has come of a body also survives a dial that fails", () => {
  const { gateway, sink, backend, backends } = begun(chunkedHead("/"), {
    plan: { services: { app: ["h2://10.0.0.1:80", "h2://10.0.0.2:80", "h2://10.0.0.3:80"] } },
  });
  const accept = gateway.transport.onDial;
  gateway.holdDials();
  sink.write(gateway, "kept ");
  backend.send(rstStream(1, H2Code.refusedStream));
  sink.write(gateway, "and held");
  gateway.transport.onDial = accept;
  gateway.backend(1).fail("ECONNREFUSED");
  sink.end(gateway);
  // The third backend, or the first one again: balancers begin anywhere.
  const third = backends[1];
  assert.equal((third ?? backend).request(third === undefined ? 1 : 0).body, "kept and held");
  (third ?? backend).answer(third === undefined ? 3 : 1, "taken");
  assert.deepEqual(sink.events, ["200", "end"]);
  assertClean(gateway);
});

test("what is no response is 502, and the stream alone pays for it", () => {
  const wrong: readonly (readonly [string, readonly Buffer[]])[] = [
    ["no status", [headers(1, [["x", "y"]], true)]],
    [
      "a field in capitals",
      [
        headers(
          1,
          [
            [":status", "200"],
            ["X-Caps", "1"],
          ],
          true,
        ),
      ],
    ],
    [
      "Connection",
      [
        headers(
          1,
          [
            [":status", "200"],
            ["connection", "close"],
          ],
          true,
        ),
      ],
    ],
    [
      "a length that is not kept",
      [
        headers(
          1,
          [
            [":status", "200"],
            ["content-length", "5"],
          ],
          false,
        ),
        data(1, "abc", true),
      ],
    ],
    ["101", [headers(1, [[":status", "101"]], false)]],
  ];
  for (const [name, frames] of wrong) {
    const { gateway, sink, backend } = begun(get("/"));
    const other = sendTo(gateway, get("/other"));
    backend.send(...frames);
    assert.equal(sink.fault?.code, "upstream_malformed", name);
    backend.answer(3, "fine");
    assert.deepEqual(other.events, ["200", "end"], name);
    assertClean(gateway);
  }
});

test("a head, and trailers, beyond the limits are refused, and the session goes on", () => {
  const many = Array.from({ length: 300 }, (_, i): [string, string] => [`x-${i}`, "1"]);
  for (const frames of [
    [headers(1, [[":status", "200"], ...many], true)],
    [headers(1, [[":status", "200"]], false), headers(1, many, true)],
  ]) {
    const { gateway, sink, backend } = begun(get("/"));
    backend.send(...frames);
    assert.equal(sink.fault?.code, "upstream_malformed");
    const next = sendTo(gateway, get("/next"));
    backend.answer(3, "fine");
    assert.deepEqual(next.events, ["200", "end"]);
    assertClean(gateway);
  }
});

test("a backend that never opens its window costs one client its time, and nobody else", () => {
  const gateway = new MemoryGateway(SPEC);
  const backends = h2Backends(gateway, { window: 0 });
  const [stuck, other] = [gateway.client(), gateway.client()];
  stuck.send(post("/stuck", "x".repeat(200_000)));
  other.send(get("/other"));
  const [backend] = backends as [MemoryH2Backend];
  assert.ok(stuck.paused, "no more of the body is read than fits");
  backend.answer(3, "quick");
  assert.deepEqual(told(other), ["200 quick"]);
  gateway.advance(31_000);
  assert.equal(answersTo(stuck)[0]?.status, 504);
  assert.equal(backend.request().reset, H2Code.cancel);
  assert.equal(backend.peer.ending, "open");
  assertClean(gateway, other);
});

test("an upgrade is an extended CONNECT, and its 2xx opens a tunnel", () => {
  const lines = [
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: chat",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
  ];
  const { gateway, sink, backend } = begun(get("/chat", ...lines), { upgrade: "websocket", connect: true });
  assert.equal(field(backend, ":method"), "CONNECT");
  assert.equal(field(backend, ":protocol"), "websocket");
  assert.equal(field(backend, ":path"), "/chat");
  assert.equal(field(backend, "sec-websocket-version"), "13");
  assert.equal(field(backend, "sec-websocket-protocol"), "chat");
  assert.equal(field(backend, "sec-websocket-key"), undefined);
  assert.ok(!backend.request().ended);
  backend.send(
    headers(
      1,
      [
        [":status", "200"],
        ["sec-websocket-protocol", "chat"],
      ],
      false,
    ),
  );
  assert.deepEqual(sink.events, ["tunnel"]);
  assert.equal(sink.exchange.response.status, 101);
  sink.write(gateway, "to you");
  backend.send(data(1, "to me"));
  assert.equal(backend.request().body, "to you");
  assert.equal(sink.text, "to me");
  backend.send(data(1, "", true));
  assert.deepEqual(sink.events, ["tunnel", "end"]);
  sink.write(gateway, " and you");
  sink.end(gateway);
  assert.equal(backend.request().body, "to you and you");
  assert.ok(backend.request().ended);
  assert.equal(backend.request().reset, -1);
  assert.equal(gateway.global("h2_upstream_streams"), 0);
  assertClean(gateway);
});

test("a tunnel whose client ends first waits for the backend", () => {
  const { gateway, sink, backend } = begun(get("/"), { upgrade: "websocket", connect: true });
  backend.send(headers(1, [[":status", "200"]], false));
  sink.end(gateway);
  assert.ok(backend.request().ended);
  backend.send(data(1, "last words", true));
  assert.deepEqual(sink.events, ["tunnel", "end"]);
  assert.equal(sink.text, "last words");
  assertClean(gateway);
});

test("a tunnel that is cut by either side cuts the other", () => {
  const { gateway, sink, backend } = begun(get("/"), { upgrade: "websocket", connect: true });
  backend.send(headers(1, [[":status", "200"]], false), rstStream(1, H2Code.cancel));
  assert.deepEqual(sink.events, ["tunnel", "upstream_reset"]);
  const second = sendTo(gateway, get("/"), "websocket");
  backend.send(headers(3, [[":status", "200"]], false));
  second.abort(gateway, new Fault("client_closed"));
  assert.equal(backend.request(1).reset, H2Code.cancel);
  assertClean(gateway);
});

test("an extended CONNECT that is answered otherwise is an ordinary response", () => {
  const { gateway, sink, backend } = begun(get("/"), { upgrade: "websocket", connect: true });
  backend.answer(1, "no", 403);
  assert.deepEqual(sink.events, ["403", "end"]);
  assert.equal(sink.text, "no");
  assert.equal(backend.request().reset, H2Code.noError);
  assertClean(gateway);
});

test("a peer that does not announce extended CONNECT is not asked", () => {
  const { gateway, sink, backend } = begun(get("/"), { upgrade: "websocket" });
  assert.deepEqual(sink.events, ["websocket_refused"]);
  assert.equal(sink.fault?.status, 502);
  assert.equal(backend.read().requests.length, 0);
  const next = sendTo(gateway, get("/"));
  backend.answer(1, "fine");
  assert.deepEqual(next.events, ["200", "end"]);
  assertClean(gateway);
});
