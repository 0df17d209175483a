import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GET, POST } from "../../../test/support/h2-dsl.ts";
import { addField, requestHead, responseHead } from "../../../test/support/h2-endpoint.ts";
import * as h3 from "../../../test/support/h3-dsl.ts";
import { H3Endpoint, type H3EndpointOptions } from "../../../test/support/h3-endpoint.ts";
import { H3Connection } from "./h3-connection.ts";
import { DEFAULT_H3_LIMITS } from "./h3-limits.ts";
import { H3Scratch } from "./h3-scratch.ts";
import type { H3Stream } from "./h3-stream.ts";
import { HELD_BYTES } from "./held-write.ts";

/** A server with one request, and its answer's head written. */
function answering(
  options: H3EndpointOptions = {},
  bodyLength = -1,
): { server: H3Endpoint; stream: H3Stream } {
  const server = H3Endpoint.settled(options);
  server.message(0, h3.headers(GET));
  server.events();
  const stream = server.stream(0);
  server.connection.sendHead(stream, responseHead(200, bodyLength), false);
  return { server, stream };
}

function wireBytes(server: H3Endpoint): Buffer {
  return Buffer.concat(server.quic.writes.map(({ bytes }) => bytes));
}

describe("what leaves", () => {
  it("is exact, octet by octet", () => {
    const { server, stream } = answering({}, 5);
    stream.endsAtBytes = -1;
    server.connection.sendData(stream, Buffer.from("hello"), 0, 5);
    server.connection.sendEnd(stream, null);
    // HEADERS of 6: no references, :status 200 (index 25), content-length (name 4, value "5").
    assert.equal(wireBytes(server).toString("hex"), "01060000d9540135000568656c6c6f");
  });

  it("goes at the end of the batch when nothing follows, and only then", () => {
    const { server, stream } = answering();
    assert.equal(server.quic.writes.length, 0);
    server.connection.flush();
    assert.equal(server.quic.writes.length, 1);
    server.connection.sendData(stream, Buffer.from("a"), 0, 1);
    server.connection.sendData(stream, Buffer.from("b"), 0, 1);
    server.receive(4, h3.headers(POST));
    assert.equal(server.quic.writes.length, 2);
    assert.deepEqual(server.lines(), ["0 HEADERS :status=200", "0 DATA a", "0 DATA b"]);
    server.connection.flush();
    assert.deepEqual(server.lines(), []);
  });

  it("of another stream, or of another connection, comes behind", () => {
    const scratch = new H3Scratch();
    const make = (): { endpoint: H3Endpoint; connection: H3Connection } => {
      const endpoint = new H3Endpoint();
      const { owner, quic, clock } = endpoint;
      const limits = DEFAULT_H3_LIMITS;
      const connection = new H3Connection({ role: "server", owner, sink: quic, clock, limits, scratch });
      const request = h3.headers(GET);
      connection.streamData(0, request, 0, request.length, true);
      connection.streamData(4, request, 0, request.length, true);
      endpoint.lines();
      return { endpoint, connection };
    };
    const one = make();
    const other = make();
    const answer = ({ endpoint, connection }: typeof one, id: number): void =>
      connection.sendHead(endpoint.stream(id), responseHead(204, 0), false);
    answer(one, 0);
    answer(one, 4);
    assert.equal(one.endpoint.quic.writes.length, 1);
    answer(other, 0);
    assert.equal(one.endpoint.quic.writes.length, 2);
    one.connection.flush();
    assert.equal(other.endpoint.quic.writes.length, 0);
    other.connection.flush();
    assert.deepEqual(one.endpoint.lines(), ["0 HEADERS :status=204", "4 HEADERS :status=204"]);
    assert.deepEqual(other.endpoint.lines(), ["0 HEADERS :status=204"]);
  });

  it("of a length that HTTP/1 has named ends with its last octet, whoever says so", () => {
    const { server, stream } = answering({}, 5);
    server.connection.sendData(stream, Buffer.from("hello"), 0, 5);
    assert.equal(server.quic.writes.length, 1);
    assert.equal(server.quic.writes[0]?.fin, true);
    assert.deepEqual(server.events(), []);
    server.connection.sendEnd(stream, null);
    assert.deepEqual(server.events(), ["0 closed"]);
    assert.equal(server.quic.writes.length, 1);
  });

  it("in a large part goes without a copy, and ends with it", () => {
    const { server, stream } = answering({}, 100_000);
    server.connection.sendData(stream, Buffer.alloc(100_000, "x"), 0, 100_000);
    server.connection.sendEnd(stream, null);
    assert.deepEqual(
      server.quic.writes.map(({ bytes, fin }) => [bytes.length > 99_999, fin]),
      [
        [false, false],
        [true, true],
      ],
    );
    assert.deepEqual(server.events(), ["0 closed"]);
  });

  it("may be a head larger than what is held, or many small parts", () => {
    const { server, stream } = answering();
    const informational = responseHead(103, 0);
    addField(informational.fields, "x-large", "v".repeat(HELD_BYTES));
    server.connection.flush();
    const other = H3Endpoint.settled();
    other.message(0, h3.headers(GET));
    other.connection.sendHead(other.stream(0), informational, false);
    assert.equal(other.lines()[0]?.length, HELD_BYTES + "0 HEADERS :status=103 x-large=".length);
    for (let i = 0; i < 100; i++) server.connection.sendData(stream, Buffer.alloc(1000, "a"), 0, 1000);
    server.connection.sendEnd(stream, null);
    const written = server.quic.writes.slice(1);
    assert.ok(written.length === 3, `${written.length} writes`);
    for (const { bytes } of written) assert.ok(bytes.length <= HELD_BYTES);
    assert.equal(server.lines().filter((line) => line.startsWith("0 DATA")).length, 100);
  });
});

describe("what QUIC does not take", () => {
  it("waits up to a limit, is counted, and goes on when there is room", () => {
    const { server, stream } = answering({ limits: { maxSendBufferBytes: 10_000 } });
    const { connection, quic, clock } = server;
    quic.room.set(0, 100);
    const part = Buffer.alloc(3000, "x");
    connection.flush();
    const answers: boolean[] = [];
    for (let i = 0; i < 3; i++) {
      answers.push(connection.sendData(stream, part, 0, part.length));
      connection.flush();
    }
    assert.deepEqual(answers, [true, true, false]);
    part.fill("y");
    assert.ok(connection.queuedBytes > 8900 && connection.queuedBytes < 9100);
    assert.equal(stream.queuedBytes, connection.queuedBytes);
    assert.equal(stream.stalledSinceMs, 1000);
    clock.nowMs = 2000;
    quic.room.set(0, 1000);
    connection.streamWritable(0);
    assert.equal(stream.stalledSinceMs, 2000);
    assert.deepEqual(server.events(), []);
    quic.room.set(0, 4000);
    connection.streamWritable(0);
    assert.deepEqual(server.events(), ["0 drained"]);
    connection.sendEnd(stream, responseHead(0, 0, [["X-Sum", "1"]]).fields);
    assert.deepEqual(server.events(), []);
    assert.equal(connection.streamCount, 1);
    quic.room.delete(0);
    connection.streamWritable(0);
    assert.deepEqual(server.events(), ["0 closed"]);
    assert.equal(stream.stalledSinceMs, Infinity);
    assert.deepEqual(server.lines(), [
      "0 HEADERS :status=200",
      ...Array.from({ length: 3 }, () => `0 DATA ${"x".repeat(3000)}`),
      "0 HEADERS x-sum=1",
      "0 FIN",
    ]);
    assert.equal(stream.sentBytes, 9000);
  });

  it("may be the end alone, behind a frame without octets", () => {
    const { server, stream } = answering();
    server.connection.sendData(stream, Buffer.from("x"), 0, 1);
    server.connection.flush();
    server.connection.sendEnd(stream, null);
    assert.deepEqual(server.lines(), ["0 HEADERS :status=200", "0 DATA x", "0 DATA ", "0 FIN"]);
  });

  it("is dropped with its stream, and when the peer wants no more", () => {
    for (const isReset of [true, false]) {
      const { server, stream } = answering();
      server.quic.room.set(0, 0);
      server.connection.sendData(stream, Buffer.alloc(50_000), 0, 50_000);
      assert.ok(server.connection.queuedBytes >= 50_000);
      if (isReset) server.connection.reset(stream, 0x102);
      else server.quic.room.set(0, -1);
      server.connection.streamWritable(0);
      assert.equal(server.connection.queuedBytes, 0);
      assert.equal(server.connection.sendData(stream, Buffer.alloc(50_000), 0, 50_000), true);
      server.connection.sendEnd(stream, null);
      server.connection.streamStopped(0, 0x10c);
      const told = isReset ? [] : ["0 drained", "0 error peer H3_REQUEST_CANCELLED: reset by the peer"];
      assert.deepEqual(server.events(), told);
    }
  });

  it("may be a request's whole, whose answer comes all the same", () => {
    const client = H3Endpoint.settled({ role: "client" });
    client.quic.room.set(0, 3);
    const stream = client.connection.openStream(requestHead("GET", "/"), true, {});
    client.connection.flush();
    assert.ok(stream !== null && stream.queuedBytes > 0);
    client.message(0, h3.headers([[":status", "200"]]));
    assert.deepEqual(client.events(), ["0 response 200 ended", "0 end"]);
    client.quic.room.delete(0);
    client.connection.streamWritable(0);
    assert.deepEqual(client.events(), ["0 closed"]);
    assert.deepEqual(client.lines().at(-1), "0 FIN");
  });
});

describe("priorities", () => {
  it("are told to QUIC from the first word about them on", () => {
    const server = H3Endpoint.settled();
    server.message(0, h3.headers(GET));
    assert.deepEqual(server.lines(), []);
    server.message(4, h3.headers([...GET, ["priority", "u=1, i"]]));
    assert.deepEqual(server.lines(), ["0 u=3", "4 u=1, i"]);
    server.message(8, h3.headers(GET));
    server.receiveControl(h3.priorityUpdate(0, "u=7"), h3.priorityUpdate(12, "i"));
    server.message(12, h3.headers([...GET, ["priority", "u=0"]]));
    assert.deepEqual(server.lines(), ["8 u=3", "0 u=7", "12 u=3, i"]);
  });

  it("of a backend's response count, too", () => {
    const server = H3Endpoint.settled();
    server.message(0, h3.headers([...GET, ["priority", "u=5, i"]]));
    server.lines();
    server.connection.sendHead(server.stream(0), responseHead(200, -1, [["Priority", "u=2"]]), false);
    assert.equal(server.lines()[0], "0 u=2, i");
  });

  it("are forgotten when their stream has come, and not kept for one that is over", () => {
    const server = H3Endpoint.settled({ limits: { maxConcurrentStreams: 1 } });
    for (const id of [0, 4, 8]) {
      server.receiveControl(h3.priorityUpdate(id, "u=1"));
      server.message(id, h3.headers(GET));
      server.connection.sendHead(server.stream(id), responseHead(204, 0), true);
      server.connection.sendEnd(server.stream(id), null);
      server.receiveControl(h3.priorityUpdate(id, "u=2"));
    }
    const told = server.lines().filter((line) => line.includes("u="));
    assert.deepEqual(told, ["0 u=1", "4 u=1", "8 u=1"]);
  });

  it("are kept for a bounded number of streams that do not come", () => {
    const server = H3Endpoint.settled({ limits: { maxConcurrentStreams: 4 } });
    for (let i = 1; i <= 100; i++) server.receiveControl(h3.priorityUpdate(i * 4, "u=1"));
    server.receiveControl(h3.priorityUpdate(8, `u=2${";".repeat(300)}`));
    server.message(8, h3.headers(GET));
    server.message(100, h3.headers(GET));
    assert.deepEqual(server.lines(), ["8 u=1", "100 u=3"]);
  });
});
