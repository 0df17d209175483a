import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { requestHead, responseHead } from "../../../test/support/h2-endpoint.ts";
import { GET, POST } from "../../../test/support/h2-dsl.ts";
import * as h3 from "../../../test/support/h3-dsl.ts";
import { H3Endpoint } from "../../../test/support/h3-endpoint.ts";
import { H3Code } from "./error-code.ts";
import { MAX_STREAM_ID } from "./h3-limits.ts";

const OK = h3.headers([[":status", "200"]]);

function clientWith(streams: number): H3Endpoint {
  const client = H3Endpoint.settled({ role: "client" });
  for (let i = 0; i < streams; i++) client.connection.openStream(requestHead("GET", `/${i}`), true, {});
  client.lines();
  return client;
}

/** Answers a stream with a head and nothing else. */
function answer(server: H3Endpoint, id: number, status = 204): void {
  server.connection.sendHead(server.stream(id), responseHead(status, 0), true);
  server.connection.sendEnd(server.stream(id), null);
}

describe("start", () => {
  it("opens control and QPACK streams, with SETTINGS first", () => {
    const limits = { qpackTableBytes: 4096, qpackBlockedStreams: 16, connectProtocol: true, datagrams: true };
    const server = new H3Endpoint({ limits });
    assert.deepEqual(server.lines(), [
      "3 type 0",
      "3 SETTINGS 1 4096 6 1048576 7 16 8 1 51 1 33 0",
      "7 type 2",
      "11 type 3",
    ]);
    const client = new H3Endpoint({ role: "client", limits: { connectProtocol: true } });
    assert.deepEqual(client.lines(), [
      "2 type 0",
      "2 SETTINGS 1 0 6 1048576 7 0 33 0",
      "6 type 2",
      "10 type 3",
    ]);
  });

  it("waits for QUIC to allow streams, and for room on them", () => {
    const server = new H3Endpoint({ unidirectional: 0 });
    const { quic, connection } = server;
    assert.deepEqual(server.lines(), []);
    quic.unidirectional = 3;
    quic.room.set(3, 2);
    connection.streamsAllowed();
    assert.deepEqual(server.lines(), ["3 type 0", "7 type 2", "11 type 3"]);
    quic.room.delete(3);
    connection.streamWritable(3);
    assert.deepEqual(server.lines(), ["3 SETTINGS 1 0 6 1048576 7 0 33 0"]);
    connection.streamsAllowed();
    assert.deepEqual(server.lines(), []);
  });
});

describe("a request", () => {
  it("and its answer leave in one write: head, body and end", () => {
    const server = H3Endpoint.settled();
    server.owner.onEndHook = (stream): void => {
      server.connection.sendHead(stream, responseHead(200, 5, [["X-One", "1"]]), false);
      server.connection.sendData(stream, Buffer.from("hello"), 0, 5);
      server.connection.sendEnd(stream, null);
    };
    server.message(0, h3.headers(GET));
    assert.equal(server.quic.writes.length, 1);
    assert.equal(server.quic.writes[0]?.fin, true);
    assert.deepEqual(server.lines(), [
      "0 HEADERS :status=200 x-one=1 content-length=5",
      "0 DATA hello",
      "0 FIN",
    ]);
    assert.deepEqual(server.events(), ["0 request GET example.com/ ended", "0 end", "0 closed"]);
    assert.equal(server.connection.streamCount, 0);
  });

  it("may have a body and trailers, and so may the answer", () => {
    const server = H3Endpoint.settled();
    server.receive(0, Buffer.concat([h3.headers([...POST, ["content-length", "6"]]), h3.data("abc")]));
    server.message(0, h3.data("def"), h3.headers([["x-sum", "1"]]));
    assert.deepEqual(server.events(), ["0 request POST example.com/", "0 data abcdef", "0 end x-sum=1"]);
    const { connection } = server;
    const stream = server.stream(0);
    const head = responseHead(200, -1);
    connection.sendHead(stream, responseHead(103, 0), false);
    connection.sendHead(stream, head, false);
    connection.sendData(stream, Buffer.from("one"), 0, 3);
    connection.sendData(stream, Buffer.from("two"), 0, 3);
    connection.sendEnd(stream, responseHead(0, 0, [["X-Sum", "2"]]).fields);
    assert.equal(server.quic.writes.length, 1);
    assert.deepEqual(server.lines(), [
      "0 HEADERS :status=103",
      "0 HEADERS :status=200",
      "0 DATA one",
      "0 DATA two",
      "0 HEADERS x-sum=2",
      "0 FIN",
    ]);
    assert.deepEqual(server.events(), ["0 closed"]);
  });

  it("whose end comes after its trailers hands them on then", () => {
    const server = H3Endpoint.settled();
    server.receive(0, Buffer.concat([h3.headers(POST), h3.headers([["x-sum", "1"]])]));
    assert.deepEqual(server.events(), ["0 request POST example.com/"]);
    server.receive(0, h3.frame(0x21, "grease"));
    server.message(0);
    assert.deepEqual(server.events(), ["0 end x-sum=1"]);
  });

  it("of a client carries everything; its answer comes with informational ones first", () => {
    const client = clientWith(0);
    const { connection } = client;
    const head = requestHead("POST", "/", 5);
    head.acceptsTrailers = true;
    head.version = 2;
    const user = {};
    const stream = connection.openStream(head, false, user);
    assert.ok(stream !== null && stream.user === user);
    connection.sendData(stream, Buffer.from("hello"), 0, 5);
    connection.sendEnd(stream, responseHead(200, 0, [["X-Sum", "1"]]).fields);
    assert.deepEqual(client.lines(), [
      "0 HEADERS :method=POST :scheme=https :authority=example.com :path=/ te=trailers content-length=5",
      "0 DATA hello",
      "0 HEADERS x-sum=1",
      "0 FIN",
    ]);
    client.message(0, h3.headers([[":status", "103"]]), OK, h3.data("body"), h3.headers([["x-t", "2"]]));
    assert.deepEqual(client.events(), [
      "0 informational 103",
      "0 response 200",
      "0 data body",
      "0 end x-t=2",
      "0 closed",
    ]);
  });

  it("of a client may be extended CONNECT, when the server has announced it", () => {
    const client = new H3Endpoint({ role: "client" });
    assert.equal(client.connection.peerConnectProtocol, false);
    client.receive(3, h3.stream(0, h3.settings([8, 1], [0x33, 1], [6, 100])));
    assert.equal(client.connection.peerConnectProtocol, true);
    assert.equal(client.connection.peerDatagrams, true);
    assert.equal(client.connection.peerMaxFieldSectionBytes, 100);
    client.lines();
    const head = requestHead("GET", "/chat");
    head.upgrade = "websocket";
    const stream = client.connection.openStream(head, false, {});
    assert.deepEqual(client.lines(), [
      "0 HEADERS :method=CONNECT :scheme=https :authority=example.com :path=/chat :protocol=websocket",
    ]);
    client.receive(0, Buffer.concat([OK, h3.data("octets")]));
    assert.equal(stream?.isTunnel, true);
    assert.deepEqual(client.events(), ["settings", "0 response 200", "0 data octets"]);
  });
});

describe("limits of streams", () => {
  it("of a client: its own, QUIC's, and none after GOAWAY", () => {
    const client = H3Endpoint.settled({ role: "client", limits: { maxConcurrentStreams: 2 } });
    const { connection, quic } = client;
    for (let i = 0; i < 2; i++) assert.ok(connection.openStream(requestHead("GET", "/"), true, {}) !== null);
    assert.equal(connection.openStream(requestHead("GET", "/"), true, {}), null);
    client.message(0, OK);
    assert.equal(connection.canOpenStream, true);
    quic.bidirectional = 2;
    assert.equal(connection.canOpenStream, false);
    quic.bidirectional = 3;
    assert.equal(connection.canOpenStream, true);
    client.receiveControl(h3.goAway(8));
    assert.equal(connection.canOpenStream, false);
    assert.equal(connection.exhausted, true);
  });

  it("of a server: what is above is rejected, and the client may send it again", () => {
    const server = H3Endpoint.settled({ limits: { maxConcurrentStreams: 1 } });
    server.message(0, h3.headers(GET));
    server.message(4, h3.headers(GET));
    assert.deepEqual(server.lines(), ["4 reset H3_REQUEST_REJECTED", "4 stop H3_REQUEST_REJECTED"]);
    answer(server, 0);
    server.message(8, h3.headers(GET));
    assert.equal(server.connection.streamCount, 1);
  });
});

describe("a reserved frame", () => {
  it("is ignored by its receiver, and fills a packet that gets a stateless reset", () => {
    const client = clientWith(0);
    const { quic, connection } = client;
    quic.writes = [];
    connection.sendReserved();
    const sent = Buffer.concat(quic.writes.map(({ bytes }) => bytes));
    assert.ok(sent.length > 42);
    const server = H3Endpoint.settled();
    server.receiveControl(sent);
    assert.deepEqual(server.lines(), []);
    assert.equal(server.connection.open, true);
  });

  it("is not sent on a connection that is over", () => {
    const client = clientWith(0);
    client.connection.close(H3Code.noError, "");
    client.lines();
    client.connection.sendReserved();
    assert.deepEqual(client.lines(), []);
  });
});

describe("GOAWAY", () => {
  it("of ours: streams go on, later ones are taken up until the last is named, then rejected", () => {
    const server = H3Endpoint.settled();
    const { connection } = server;
    assert.equal(connection.lastStreamId, -4);
    server.message(0, h3.headers(GET));
    connection.goAway(MAX_STREAM_ID);
    server.message(4, h3.headers(GET));
    connection.goAway(connection.lastStreamId + 4);
    connection.goAway(100);
    server.message(8, h3.headers(GET));
    answer(server, 0);
    answer(server, 4);
    assert.deepEqual(server.lines(), [
      `3 GOAWAY ${MAX_STREAM_ID}`,
      "3 GOAWAY 8",
      "8 reset H3_REQUEST_REJECTED",
      "8 stop H3_REQUEST_REJECTED",
      "0 HEADERS :status=204",
      "0 FIN",
      "4 HEADERS :status=204",
      "4 FIN",
    ]);
    assert.ok(!server.events().some((event) => event.startsWith("8 ")));
    assert.equal(connection.streamCount, 0);
    assert.equal(connection.open, true);
  });

  it("of a backend, in two steps: streams from the second on are unprocessed, others go on", () => {
    const client = clientWith(3);
    client.receiveControl(h3.goAway(2n ** 62n - 4n));
    client.receiveControl(h3.goAway(4));
    assert.deepEqual(client.events(), [
      `goaway ${2 ** 62}`,
      "4 error peer H3_NO_ERROR: given up by GOAWAY unprocessed",
      "8 error peer H3_NO_ERROR: given up by GOAWAY unprocessed",
      "goaway 4",
    ]);
    assert.deepEqual(client.lines(), ["4 stop H3_REQUEST_CANCELLED", "8 stop H3_REQUEST_CANCELLED"]);
    client.message(0, OK);
    assert.deepEqual(client.events(), ["0 response 200 ended", "0 end", "0 closed"]);
    assert.equal(client.connection.openStream(requestHead("GET", "/"), true, {}), null);
  });

  it("of a client names a push, and gives up nothing", () => {
    const server = H3Endpoint.settled();
    server.message(0, h3.headers(GET));
    server.receiveControl(h3.goAway(1), h3.goAway(0));
    assert.deepEqual(server.events().slice(2), ["goaway 1", "goaway 0"]);
    assert.equal(server.connection.streamCount, 1);
  });
});

describe("the end of a stream before its time", () => {
  it("by RESET_STREAM: the request is given up, at every state, without harm", () => {
    const states = [
      [],
      [h3.headers(POST).subarray(0, 3)],
      [h3.headers(POST)],
      [h3.headers(POST), h3.data("half").subarray(0, 3)],
      [h3.headers(POST), h3.data("half")],
      [h3.headers(POST), h3.headers([["x", "y"]])],
    ];
    for (const frames of states) {
      const server = H3Endpoint.settled();
      server.receive(0, Buffer.concat(frames));
      const known = server.events().some((event) => event.includes("request"));
      server.connection.streamReset(0, H3Code.requestCancelled);
      const told = server.events();
      assert.deepEqual(told, known ? ["0 error peer H3_REQUEST_CANCELLED: reset by the peer"] : []);
      assert.deepEqual(server.lines(), ["0 reset H3_REQUEST_CANCELLED", "0 stop H3_REQUEST_CANCELLED"]);
      server.connection.streamStopped(0, H3Code.requestCancelled);
      assert.equal(server.connection.streamCount, 0);
      assert.equal(server.connection.open, true);
    }
  });

  it("by STOP_SENDING of a client, before, within and behind the answer", () => {
    for (const parts of [0, 1, 2]) {
      const server = H3Endpoint.settled();
      server.receive(0, h3.headers(POST));
      if (parts > 0) server.connection.sendHead(server.stream(0), responseHead(200, -1), false);
      if (parts > 1) server.connection.sendData(server.stream(0), Buffer.from("x"), 0, 1);
      server.events();
      server.connection.streamStopped(0, 0x1234);
      assert.deepEqual(server.events(), ["0 error peer 0x1234: reset by the peer"]);
      assert.equal(server.connection.sendData(server.stream(0), Buffer.from("x"), 0, 1), true);
      server.connection.sendEnd(server.stream(0), null);
      assert.equal(server.connection.streamCount, 0);
    }
  });

  it("by STOP_SENDING of a server: the response stands, and what is sent is thrown away", () => {
    const client = clientWith(0);
    const { connection } = client;
    const stream = connection.openStream(requestHead("POST", "/", -1), false, {});
    assert.ok(stream !== null);
    client.quic.room.set(0, 10);
    assert.equal(connection.sendData(stream, Buffer.alloc(60_000), 0, 60_000), false);
    connection.streamStopped(0, H3Code.noError);
    assert.equal(connection.queuedBytes, 0);
    assert.deepEqual(client.events(), ["0 drained"]);
    assert.equal(connection.sendData(stream, Buffer.alloc(60_000), 0, 60_000), true);
    connection.sendEnd(stream, null);
    client.message(0, OK);
    assert.deepEqual(client.events(), ["0 response 200 ended", "0 end", "0 closed"]);
  });

  it("by STOP_SENDING of a server, when all was said and not all taken", () => {
    const client = clientWith(0);
    const { connection } = client;
    const stream = connection.openStream(requestHead("POST", "/", -1), false, {});
    assert.ok(stream !== null);
    client.quic.room.set(0, 10);
    connection.sendData(stream, Buffer.alloc(60_000), 0, 60_000);
    connection.sendEnd(stream, null);
    connection.streamStopped(0, H3Code.noError);
    client.message(0, OK);
    assert.deepEqual(client.events(), ["0 response 200 ended", "0 end", "0 closed"]);
  });

  it("by a server that rejects it: it may be sent again", () => {
    const client = clientWith(2);
    client.connection.streamReset(0, H3Code.requestRejected);
    client.connection.streamReset(4, H3Code.internalError);
    assert.deepEqual(client.events(), [
      "0 error peer H3_REQUEST_REJECTED: reset by the peer unprocessed",
      "4 error peer H3_INTERNAL_ERROR: reset by the peer",
    ]);
  });

  it("by us: nobody is told, and what is done to it then is nothing", () => {
    const server = H3Endpoint.settled();
    server.receive(0, Buffer.concat([h3.headers(POST), h3.data("abc")]));
    server.events();
    const { connection } = server;
    const stream = server.stream(0);
    connection.reset(stream, H3Code.internalError);
    connection.reset(stream, H3Code.internalError);
    connection.sendHead(stream, responseHead(200, 1), false);
    assert.equal(connection.sendData(stream, Buffer.from("x"), 0, 1), true);
    connection.sendEnd(stream, null);
    connection.consumed(stream, 3);
    connection.streamWritable(0);
    assert.deepEqual(server.lines(), ["0 reset H3_INTERNAL_ERROR", "0 stop H3_INTERNAL_ERROR"]);
    assert.deepEqual(server.events(), []);
    assert.equal(connection.streamCount, 0);
  });

  it("by the connection's end: each has a last call", () => {
    const server = H3Endpoint.settled();
    server.message(0, h3.headers(GET));
    server.receive(4, h3.headers(POST));
    server.receive(8, h3.headers(POST).subarray(0, 4));
    server.events();
    server.connection.closed("idle");
    server.connection.closed("again");
    assert.deepEqual(server.events(), [
      "0 error closed H3_REQUEST_CANCELLED: idle",
      "4 error closed H3_REQUEST_CANCELLED: idle",
    ]);
    server.receive(0, h3.data("x"));
    assert.deepEqual(server.lines(), []);
  });

  it("by a close of ours, behind what was written", () => {
    const server = H3Endpoint.settled();
    server.message(0, h3.headers(GET));
    answer(server, 0);
    server.connection.close(H3Code.noError, "recycled");
    assert.deepEqual(server.lines(), ["0 HEADERS :status=204", "0 FIN", "close H3_NO_ERROR: recycled"]);
  });

  it("leaves nothing to come: what does is ignored, in whatever order streams came", () => {
    const server = H3Endpoint.settled();
    server.message(8, h3.headers(GET));
    answer(server, 8);
    server.connection.streamReset(0, H3Code.requestCancelled);
    server.events();
    server.lines();
    for (const id of [0, 8]) {
      server.message(id, h3.data("late"));
      server.connection.streamReset(id, H3Code.requestCancelled);
      server.connection.streamStopped(id, H3Code.requestCancelled);
    }
    assert.deepEqual(server.events(), []);
    assert.deepEqual(server.lines(), []);
    server.message(4, h3.headers(GET));
    assert.deepEqual(server.events(), ["4 request GET example.com/ ended", "4 end"]);
  });

  it("from within every call", () => {
    const server = H3Endpoint.settled();
    server.owner.onRequestHook = (stream): void => {
      if (stream.id === 0) answer(server, 0);
      if (stream.id === 4) server.connection.reset(stream, H3Code.requestRejected);
      if (stream.id === 12) server.connection.close(H3Code.noError, "enough");
    };
    server.owner.onDataHook = (stream): void => server.connection.reset(stream, H3Code.requestCancelled);
    for (const id of [0, 4, 8, 12, 16])
      server.message(id, h3.headers(POST), h3.data("abc"), h3.data("def"), h3.headers([["x", "y"]]));
    assert.deepEqual(server.events(), [
      "0 request POST example.com/",
      "0 data abc",
      "4 request POST example.com/",
      "8 request POST example.com/",
      "8 data abc",
      "12 request POST example.com/",
      "12 error closed H3_REQUEST_CANCELLED: enough",
    ]);
  });
});

describe("a request that is not read to its end", () => {
  it("is stopped when its response has gone", () => {
    const server = H3Endpoint.settled();
    server.receive(0, Buffer.concat([h3.headers(POST), h3.data("abc")]));
    server.connection.ignoreRest(server.stream(0));
    server.receive(0, h3.data("def"));
    answer(server, 0, 413);
    assert.deepEqual(server.lines(), [
      "0 HEADERS :status=413 content-length=0",
      "0 FIN",
      "0 stop H3_NO_ERROR",
    ]);
    assert.deepEqual(server.events(), ["0 request POST example.com/", "0 data abc", "0 closed"]);
  });

  it("stays with QUIC while its owner has not passed on what came", () => {
    const server = H3Endpoint.settled({ limits: { maxUnconsumedBytes: 4 } });
    server.receive(0, Buffer.concat([h3.headers(POST), h3.data("abcd")]));
    const stream = server.stream(0);
    const { connection } = server;
    assert.deepEqual(server.lines(), []);
    assert.equal(connection.windowOpenMs, 0);
    server.receive(0, h3.data("efg"));
    server.receive(0, h3.data("h"));
    assert.equal(connection.windowOpenMs, Infinity);
    connection.consumed(stream, 3);
    assert.deepEqual(server.lines(), ["0 pause"]);
    connection.consumed(stream, 1);
    connection.consumed(stream, 4);
    assert.deepEqual(server.lines(), ["0 resume"]);
    assert.equal(connection.windowOpenMs, 1000);
  });

  it("leaves the connection's window to others when it is over", () => {
    const server = H3Endpoint.settled({ limits: { maxUnconsumedBytes: 4 } });
    server.receive(0, Buffer.concat([h3.headers(POST), h3.data("abcdef")]));
    assert.equal(server.connection.windowOpenMs, Infinity);
    server.connection.streamReset(0, H3Code.requestCancelled);
    assert.equal(server.connection.windowOpenMs, 1000);
  });
});

describe("a refused request", () => {
  it("that has come whole needs no stopping", () => {
    const server = H3Endpoint.settled();
    server.owner.onBadRequestHook = (stream): void => answer(server, stream.id, 400);
    server.message(0, h3.headers([...GET, ["host", "other.com"]]));
    assert.deepEqual(server.lines(), ["0 HEADERS :status=400 content-length=0", "0 FIN"]);
    assert.deepEqual(server.events(), ["0 bad bad_authority", "0 closed"]);
  });
});

describe("a head that does not come", () => {
  it("is known by its age, and ended with others that are as old", () => {
    const server = H3Endpoint.settled();
    const { connection, clock } = server;
    assert.equal(connection.partialSinceMs, Infinity);
    server.receive(0, h3.headers(GET).subarray(0, 5));
    clock.nowMs = 2000;
    server.receive(4, h3.frame(0x21, "grease"));
    server.message(8, h3.headers(GET));
    assert.equal(connection.partialSinceMs, 1000);
    assert.equal(connection.endSlowHeads(1500), 1);
    assert.equal(connection.partialSinceMs, 2000);
    assert.deepEqual(server.lines(), ["0 reset H3_REQUEST_INCOMPLETE", "0 stop H3_REQUEST_INCOMPLETE"]);
    server.receive(4, h3.headers(GET));
    assert.equal(connection.partialSinceMs, Infinity);
    assert.equal(connection.endSlowHeads(Infinity), 0);
  });
});
