import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as h2 from "../../../test/support/h2-dsl.ts";
import { H2Endpoint, requestHead, responseHead } from "../../../test/support/h2-endpoint.ts";
import { H2Code } from "./error-code.ts";
import { MAX_STREAM_ID } from "./h2-limits.ts";

const { GET, POST } = h2;
const OK: h2.FieldList = [[":status", "200"]];

function clientWith(streams: number): H2Endpoint {
  const client = H2Endpoint.settled({ role: "client" });
  for (let i = 0; i < streams; i++) client.connection.openStream(requestHead("GET", `/${i}`), true, {});
  client.frames();
  return client;
}

/** Answers a stream with a head and nothing else. */
function answer(server: H2Endpoint, id: number, status = 204): void {
  server.connection.sendHead(server.stream(id), responseHead(status, 0), true);
  server.connection.sendEnd(server.stream(id), null);
}

describe("SETTINGS", () => {
  it("of ours go out first, with the connection's window", () => {
    const limits = { streamWindowBytes: 100_000, connectionWindowBytes: 200_000, connectProtocol: true };
    assert.deepEqual(new H2Endpoint({ limits }).frames(), [
      "SETTINGS 0 3=256 4=100000 6=65536 9=1 8=1",
      "WINDOW_UPDATE 0 +134465",
    ]);
    const client = new H2Endpoint({ role: "client", limits: { connectionWindowBytes: 65_535 } });
    assert.equal(client.sink.queuedBytes(), 24 + 9 + 4 * 6);
    assert.deepEqual(client.frames(), ["SETTINGS 0 2=0 4=65535 6=65536 9=1"]);
  });

  it("of the peer are acknowledged, each frame once, unknown ones too", () => {
    const server = H2Endpoint.settled();
    server.receive(h2.settings([0x3, 5], [0x5, 20_000], [0x99, 1], [0x8, 1], [0x9, 1]), h2.settings());
    assert.deepEqual(server.frames(), ["SETTINGS 0 ack", "SETTINGS 0 ack"]);
    assert.deepEqual(server.events(), ["settings", "settings"]);
  });

  it("with values that cannot be end the connection", () => {
    const wrong = [
      [[0x2, 2], "PROTOCOL_ERROR"],
      [[0x4, 2 ** 31], "FLOW_CONTROL_ERROR"],
      [[0x5, 16_383], "PROTOCOL_ERROR"],
      [[0x5, 2 ** 24], "PROTOCOL_ERROR"],
      [[0x8, 2], "PROTOCOL_ERROR"],
      [[0x9, 2], "PROTOCOL_ERROR"],
    ] as const;
    for (const [pair, code] of wrong) {
      const server = H2Endpoint.settled();
      server.receive(h2.settings(pair));
      assert.deepEqual(server.frames(), [`GO_AWAY 0 0 ${code}`]);
    }
    const client = clientWith(0);
    client.receive(h2.settings([0x8, 1]));
    assert.equal(client.connection.peerConnectProtocol, true);
    client.receive(h2.settings([0x8, 0]));
    assert.equal(client.connection.open, false);
  });

  it("tell how many streams may be open; more are refused, and fewer after a stream is over are not", () => {
    const server = H2Endpoint.settled({ limits: { maxConcurrentStreams: 2 } });
    for (const id of [1, 3, 5]) server.receive(h2.headers(id, GET, { end: true }));
    assert.deepEqual(server.frames(), ["RST_STREAM 5 REFUSED_STREAM"]);
    answer(server, 1);
    server.receive(h2.headers(7, GET, { end: true }));
    assert.equal(server.connection.streamCount, 2);
    assert.equal(server.connection.open, true);
  });

  it("are waited for: their acknowledgement, and that of nothing", () => {
    const server = new H2Endpoint();
    assert.equal(server.connection.settingsSentMs, 1000);
    server.receive(h2.clientPreface(), h2.SETTINGS_ACK);
    assert.equal(server.connection.settingsSentMs, Infinity);
    server.receive(h2.SETTINGS_ACK);
    assert.equal(server.connection.open, true);
  });

  it("that shrink the table of the header compression are kept to", () => {
    const server = H2Endpoint.settled();
    server.receive(h2.settings([0x1, 0]), h2.headers(1, GET, { end: true }));
    server.frames();
    server.connection.sendHead(server.stream(1), responseHead(200, 0, [["x-custom", "value"]]), true);
    const bytes = server.sink.take();
    assert.equal(bytes[9], 0x20, "the block begins with a table size update to 0");
  });
});

describe("PING", () => {
  it("is answered with its payload, at once", () => {
    const server = H2Endpoint.settled();
    server.receive(h2.ping("abcdefgh"), h2.ping("ABCDEFGH"));
    assert.deepEqual(server.frames(), ["PING 0 ack abcdefgh", "PING 0 ack ABCDEFGH"]);
  });

  it("of ours measures the round trip; one at a time, and only its own answer counts", () => {
    const server = H2Endpoint.settled();
    const { connection } = server;
    connection.ping();
    connection.ping();
    const [sent] = server.frames();
    assert.equal(connection.pingSentMs, 1000);
    server.clock.nowMs = 1042;
    server.receive(h2.ping("12345678", true));
    assert.deepEqual(server.events(), []);
    server.receive(h2.ping((sent as string).slice("PING 0 ".length), true));
    assert.deepEqual(server.events(), ["pong 42"]);
    assert.equal(connection.pingSentMs, Infinity);
    connection.ping();
    assert.equal(server.frames().length, 1);
  });
});

describe("GOAWAY", () => {
  it("of ours: streams go on, later ones are taken up until the last is named, then ignored", () => {
    const server = H2Endpoint.settled();
    server.receive(h2.headers(1, GET, { end: true }));
    server.connection.goAway(H2Code.noError, MAX_STREAM_ID);
    server.receive(h2.headers(3, POST));
    assert.equal(server.connection.lastStreamId, 3);
    server.connection.goAway(H2Code.noError, server.connection.lastStreamId);
    server.receive(h2.headers(5, POST), h2.data(5, "x", { end: true }), h2.data(3, "y", { end: true }));
    answer(server, 1);
    answer(server, 3);
    assert.deepEqual(server.frames(), [
      `GO_AWAY 0 ${MAX_STREAM_ID} NO_ERROR`,
      "GO_AWAY 0 3 NO_ERROR",
      "HEADERS 1 end :status=204",
      "HEADERS 3 end :status=204",
    ]);
    assert.ok(!server.events().some((event) => event.startsWith("5 ")));
    assert.equal(server.connection.streamCount, 0);
    assert.equal(server.connection.open, true);
  });

  it("of a backend: streams above are unprocessed, others go on, none is opened", () => {
    const client = clientWith(3);
    client.receive(h2.goAway(3, 0, "bye\x07"));
    assert.deepEqual(client.events(), [
      "5 error peer NO_ERROR: given up by GOAWAY unprocessed",
      "goaway 0 3 bye?",
    ]);
    assert.equal(client.connection.canOpenStream, false);
    assert.equal(client.connection.exhausted, true);
    assert.equal(client.connection.openStream(requestHead("GET", "/"), true, {}), null);
    client.receive(h2.headers(3, OK, { end: true }));
    assert.deepEqual(client.events(), ["3 response 200 ended", "3 end", "3 closed"]);
    // What was on its way on the stream that was given up is nobody's mistake.
    client.receive(h2.headers(5, OK), h2.data(5, "x", { end: true }));
    assert.equal(client.connection.open, true);
  });

  it("of a backend, in two steps, gives up what the second names", () => {
    const client = clientWith(2);
    client.receive(h2.goAway(MAX_STREAM_ID, 0));
    assert.deepEqual(client.events(), [`goaway 0 ${MAX_STREAM_ID} `]);
    client.receive(h2.goAway(1, 2), h2.goAway(3, 2));
    assert.deepEqual(client.events(), [
      "3 error peer INTERNAL_ERROR: given up by GOAWAY unprocessed",
      "goaway 2 1 ",
      "goaway 2 3 ",
    ]);
  });
});

describe("RST_STREAM", () => {
  it("of the peer is the stream's end; REFUSED_STREAM says that it may be sent again", () => {
    const client = clientWith(2);
    client.receive(h2.rstStream(1, 7), h2.rstStream(3, 0xdead));
    assert.deepEqual(client.events(), [
      "1 error peer REFUSED_STREAM: reset by the peer unprocessed",
      "3 error peer 0xdead: reset by the peer",
    ]);
  });

  it("of ours ends the stream without a word, and what is done to it then is nothing", () => {
    const server = H2Endpoint.settled();
    server.receive(h2.headers(1, POST), h2.data(1, "abc"));
    server.events();
    const { connection } = server;
    const stream = server.stream(1);
    connection.reset(stream, H2Code.internalError);
    connection.reset(stream, H2Code.internalError);
    connection.sendHead(stream, responseHead(200, 1), false);
    assert.equal(connection.sendData(stream, Buffer.from("x"), 0, 1), true);
    connection.sendEnd(stream, null);
    connection.consumed(stream, 3);
    server.receive(h2.data(1, "def", { end: true }), h2.rstStream(1, 8));
    assert.deepEqual(server.frames(), ["RST_STREAM 1 INTERNAL_ERROR"]);
    assert.deepEqual(server.events(), []);
    assert.equal(connection.streamCount, 0);
  });
});

describe("streams", () => {
  it("of a client are opened up to the limits, and again when one is over", () => {
    const client = H2Endpoint.settled({ role: "client", limits: { maxConcurrentStreams: 3 } });
    client.receive(h2.settings([0x3, 2]));
    const { connection } = client;
    const user = {};
    const stream = connection.openStream(requestHead("GET", "/a"), true, user);
    assert.equal(stream?.user, user);
    connection.openStream(requestHead("HEAD", "/b"), true, user);
    assert.equal(connection.openStream(requestHead("GET", "/c"), true, user), null);
    client.receive(h2.settings([0x3, 100]));
    connection.openStream(requestHead("GET", "/c"), true, user);
    assert.equal(connection.canOpenStream, false);
    client.receive(h2.headers(1, OK, { end: true }));
    assert.equal(connection.canOpenStream, true);
    assert.deepEqual(client.frames().slice(1, 3), [
      "HEADERS 1 end :method=GET :scheme=https :authority=example.com :path=/a",
      "HEADERS 3 end :method=HEAD :scheme=https :authority=example.com :path=/b",
    ]);
  });

  it("of a client carry body, length and trailers", () => {
    const client = clientWith(0);
    const { connection } = client;
    const head = requestHead("POST", "/", 5);
    head.acceptsTrailers = true;
    head.version = 2;
    const stream = connection.openStream(head, false, {});
    assert.ok(stream !== null);
    connection.sendData(stream, Buffer.from("hello"), 0, 5);
    const trailers = responseHead(200, 0, [["X-Sum", "1"]]).fields;
    connection.sendEnd(stream, trailers);
    assert.deepEqual(client.frames(), [
      "HEADERS 1 :method=POST :scheme=https :authority=example.com :path=/ te=trailers content-length=5",
      "DATA 1 hello",
      "HEADERS 1 end x-sum=1",
    ]);
    client.receive(h2.headers(1, OK, { end: true }));
    assert.deepEqual(client.events(), ["1 response 200 ended", "1 end", "1 closed"]);
  });

  it("of a client may be extended CONNECT", () => {
    const client = clientWith(0);
    const head = requestHead("GET", "/chat");
    head.upgrade = "websocket";
    head.fields.addNamed("Sec-WebSocket-Version", "13");
    client.connection.openStream(head, false, {});
    assert.deepEqual(client.frames(), [
      "HEADERS 1 :method=CONNECT :scheme=https :authority=example.com :path=/chat :protocol=websocket sec-websocket-version=13",
    ]);
  });

  it("whose response is over before their request stay until the request is, or are reset", () => {
    const server = H2Endpoint.settled();
    server.receive(h2.headers(1, POST));
    answer(server, 1);
    assert.deepEqual(server.events(), ["1 request POST example.com/"]);
    server.receive(h2.data(1, "rest", { end: true }));
    assert.deepEqual(server.events(), ["1 data rest", "1 end", "1 closed"]);
  });

  it("end when the transport does, each with a last call", () => {
    const server = H2Endpoint.settled();
    server.receive(h2.headers(1, GET, { end: true }), h2.headers(3, POST));
    server.events();
    server.connection.close("ECONNRESET");
    server.connection.close("again");
    assert.deepEqual(server.events(), [
      "1 error closed CANCEL: ECONNRESET",
      "3 error closed CANCEL: ECONNRESET",
    ]);
    server.receive(h2.ping());
    assert.deepEqual(server.frames(), []);
  });

  it("may be answered, reset, or left to the connection's end from within every call", () => {
    const server = H2Endpoint.settled();
    server.owner.onRequestHook = (stream, _head, ended): void => {
      if (stream.id === 1) answer(server, 1);
      if (stream.id === 3) server.connection.reset(stream, H2Code.refusedStream);
      if (stream.id === 7) server.connection.close("enough");
      assert.equal(ended, stream.id !== 5);
    };
    server.owner.onDataHook = (stream): void => server.connection.reset(stream, H2Code.cancel);
    for (const id of [1, 3]) server.receive(h2.headers(id, GET, { end: true }));
    server.receive(h2.headers(5, POST), h2.data(5, "abc", { end: true, pad: 3 }));
    server.receive(h2.headers(7, GET, { end: true }), h2.ping());
    assert.deepEqual(server.events(), [
      "1 request GET example.com/ ended",
      "1 end",
      "1 closed",
      "3 request GET example.com/ ended",
      "5 request POST example.com/",
      "5 data abc",
      "7 request GET example.com/ ended",
      "7 error closed CANCEL: enough",
    ]);
    assert.deepEqual(server.frames(), [
      "HEADERS 1 end :status=204",
      "RST_STREAM 3 REFUSED_STREAM",
      "RST_STREAM 5 CANCEL",
    ]);
  });
});

describe("what is unfinished", () => {
  it("is known by its time: preface, frame and header block", () => {
    const server = new H2Endpoint();
    const { connection, clock } = server;
    const check = (sinceMs: number, bytes: Buffer): void => {
      server.receive(bytes);
      assert.equal(connection.partialSinceMs, sinceMs);
      clock.nowMs += 10;
    };
    check(1000, h2.PREFACE.subarray(0, 5));
    check(1000, h2.PREFACE.subarray(5, 10));
    check(Infinity, Buffer.concat([h2.PREFACE.subarray(10), h2.settings()]));
    check(1030, h2.ping().subarray(0, 12));
    check(1030, h2.ping().subarray(12, 13));
    check(Infinity, h2.ping().subarray(13));
    check(1060, h2.frame(0x1, 0x1, 1, h2.block(GET)));
    check(1060, h2.frame(0x9, 0, 1, "\0\x01a\x01b"));
    check(Infinity, h2.frame(0x9, 0x4, 1));
    check(Infinity, h2.headers(3, POST));
    check(Infinity, h2.data(3, "the body has its own clock").subarray(0, 20));
  });
});
