import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as h2 from "../../../test/support/h2-dsl.ts";
import {
  type EndpointOptions,
  H2Endpoint,
  requestHead,
  responseHead,
} from "../../../test/support/h2-endpoint.ts";
import type { H2Stream } from "./h2-stream.ts";

const BODY = Buffer.alloc(1_000_000, "x");

/** A server with this many requests that wait for their responses; `pairs` are the client's settings. */
function serverWith(
  streams: number,
  pairs: readonly (readonly [number, number])[] = [],
  options: EndpointOptions = {},
): H2Endpoint {
  const server = H2Endpoint.settled(options);
  server.receive(h2.settings(...pairs));
  for (let i = 0; i < streams; i++) server.receive(h2.headers(2 * i + 1, h2.GET, { end: true }));
  for (let i = 0; i < streams; i++)
    server.connection.sendHead(server.stream(2 * i + 1), responseHead(200, -1), false);
  server.events();
  server.frames();
  return server;
}

function send(server: H2Endpoint, id: number, bytes: number): boolean {
  return server.connection.sendData(server.stream(id), BODY, 0, bytes);
}

/** Frames as `stream:octets`, in order. */
function shapes(server: H2Endpoint): string[] {
  return server.frames().map((line) => {
    const [type, id, ...rest] = line.split(" ");
    if (type !== "DATA") return line;
    const content = rest.at(-1) ?? "";
    const end = rest[0] === "end" ? " end" : "";
    const size = content.startsWith("(") ? content.slice(1, -1) : content === "end" ? 0 : content.length;
    return `${id}:${size}${end}`;
  });
}

describe("windows", () => {
  it("bound what is sent, of the stream", () => {
    const server = serverWith(1, [[0x4, 20_000]]);
    assert.equal(send(server, 1, 30_000), true);
    assert.deepEqual(shapes(server), ["1:16384", "1:3616"]);
    server.receive(h2.windowUpdate(1, 4));
    assert.deepEqual(shapes(server), ["1:4"]);
    server.receive(h2.windowUpdate(1, 100_000));
    assert.deepEqual(shapes(server), ["1:9996"]);
    assert.equal(server.connection.queuedBytes, 0);
  });

  it("bound what is sent, of the connection", () => {
    const server = serverWith(2, [[0x4, 1_000_000]]);
    send(server, 1, 60_000);
    send(server, 3, 10_000);
    assert.deepEqual(shapes(server), ["1:16384", "1:16384", "1:16384", "1:10848", "3:5535"]);
    server.receive(h2.windowUpdate(3, 10_000), h2.windowUpdate(1, 10_000));
    assert.deepEqual(shapes(server), []);
    server.receive(h2.windowUpdate(0, 4465));
    assert.deepEqual(shapes(server), ["3:4465"]);
  });

  it("change with SETTINGS, below zero too", () => {
    const server = serverWith(1, [[0x4, 100]]);
    send(server, 1, 1000);
    assert.deepEqual(shapes(server), ["1:100"]);
    server.receive(h2.settings([0x4, 50]));
    server.receive(h2.windowUpdate(1, 50));
    assert.deepEqual(shapes(server), ["SETTINGS 0 ack"]);
    server.receive(h2.windowUpdate(1, 1));
    assert.deepEqual(shapes(server), ["1:1"]);
    server.receive(h2.settings([0x4, 0], [0x4, 60]));
    assert.deepEqual(shapes(server), ["SETTINGS 0 ack", "1:10"]);
  });

  it("cannot be opened further than 2^31 - 1", () => {
    const stream = serverWith(1);
    stream.receive(h2.windowUpdate(1, 2 ** 31 - 1));
    assert.deepEqual(stream.frames(), ["RST_STREAM 1 FLOW_CONTROL_ERROR"]);
    assert.equal(stream.connection.open, true);
    const connection = serverWith(1);
    connection.receive(h2.windowUpdate(0, 2 ** 31 - 1));
    assert.deepEqual(connection.frames(), ["GO_AWAY 0 1 FLOW_CONTROL_ERROR"]);
    const settings = serverWith(1);
    settings.receive(h2.windowUpdate(1, 2 ** 31 - 1 - 65_535), h2.settings([0x4, 65_536]));
    assert.deepEqual(settings.frames(), ["GO_AWAY 0 1 FLOW_CONTROL_ERROR"]);
  });

  it("are not opened by nothing", () => {
    const server = serverWith(1);
    server.receive(h2.windowUpdate(1, 0));
    assert.deepEqual(server.frames(), ["RST_STREAM 1 PROTOCOL_ERROR"]);
    server.receive(h2.windowUpdate(0, 0));
    assert.deepEqual(server.frames(), ["GO_AWAY 0 1 PROTOCOL_ERROR"]);
  });
});

describe("ends", () => {
  it("are in the last frame of a body whose length HTTP/1 has named, and the stream is over with sendEnd", () => {
    const server = serverWith(0);
    server.receive(h2.headers(1, h2.GET, { end: true }));
    const stream = server.stream(1);
    server.connection.sendHead(stream, responseHead(200, 6), false);
    server.connection.sendData(stream, Buffer.from("abc"), 0, 3);
    server.connection.sendData(stream, Buffer.from("def"), 0, 3);
    assert.deepEqual(server.frames(), [
      "HEADERS 1 :status=200 content-length=6",
      "DATA 1 abc",
      "DATA 1 end def",
    ]);
    assert.equal(server.connection.streamCount, 1);
    server.connection.sendEnd(stream, null);
    assert.deepEqual(server.frames(), []);
    assert.equal(server.connection.streamCount, 0);
  });

  it("are frames of their own otherwise, or trailers", () => {
    const server = serverWith(2);
    send(server, 1, 5);
    server.connection.sendEnd(server.stream(1), null);
    server.connection.sendEnd(server.stream(3), responseHead(0, 0, [["Grpc-Status", "0"]]).fields);
    assert.deepEqual(shapes(server), ["1:5", "1:0 end", "HEADERS 3 end grpc-status=0"]);
    assert.deepEqual(server.events(), ["1 closed", "3 closed"]);
  });

  it("wait behind what waits", () => {
    const server = serverWith(2, [[0x4, 10]]);
    send(server, 1, 15);
    server.connection.sendEnd(server.stream(1), null);
    send(server, 3, 15);
    const trailers = responseHead(0, 0, [["a", "b"]]).fields;
    server.connection.sendEnd(server.stream(3), trailers);
    trailers.clear();
    assert.deepEqual(shapes(server), ["1:10", "3:10"]);
    assert.deepEqual(server.events(), []);
    server.receive(h2.windowUpdate(1, 100), h2.windowUpdate(3, 100));
    assert.deepEqual(shapes(server), ["1:5 end", "3:5", "HEADERS 3 end a=b"]);
    assert.deepEqual(server.events(), ["1 closed", "3 closed"]);
  });

  it("go out although the windows are shut", () => {
    const server = serverWith(1, [[0x4, 0]]);
    server.connection.sendEnd(server.stream(1), null);
    assert.deepEqual(shapes(server), ["1:0 end"]);
  });

  it("of heads: no body, HEAD, informational", () => {
    const server = serverWith(0);
    server.receive(h2.headers(1, h2.GET, { end: true }));
    const stream = server.stream(1);
    server.connection.sendHead(stream, responseHead(103, 0, [["link", "x"]]), false);
    const head = responseHead(200, 5);
    head.hasBody = false;
    head.declaredLength = true;
    server.connection.sendHead(stream, head, true);
    server.connection.sendEnd(stream, null);
    assert.deepEqual(server.frames(), [
      "HEADERS 1 :status=103 link=x",
      "HEADERS 1 end :status=200 content-length=5",
    ]);
  });
});

describe("heads", () => {
  it("never carry what belongs to a connection of HTTP/1", () => {
    const server = serverWith(0);
    server.receive(h2.headers(1, h2.GET, { end: true }));
    const fields: [string, string][] = [
      ["Connection", "close"],
      ["Keep-Alive", "x"],
      ["Transfer-Encoding", "chunked"],
      ["Upgrade", "h2c"],
      ["Proxy-Connection", "x"],
      ["X-Mixed-Case", "Value"],
    ];
    server.connection.sendHead(server.stream(1), responseHead(200, -1, fields), false);
    assert.deepEqual(server.frames(), ["HEADERS 1 :status=200 x-mixed-case=Value"]);
  });

  it("that are large are continued", () => {
    const server = serverWith(0);
    server.receive(h2.headers(1, h2.GET, { end: true }));
    const fields = Array.from({ length: 40 }, (_, i): [string, string] => [`x-${i}`, `${i}`.repeat(1000)]);
    server.connection.sendHead(server.stream(1), responseHead(200, -1, fields), false);
    const frames = server.frames();
    assert.ok(frames.length > 1);
    assert.deepEqual(
      frames.slice(0, -1).map((line) => line.split(" ").at(-1)),
      frames.slice(1).map(() => "..."),
    );
    const expected = fields.map(([name, value]) => `${name}=${value}`).join(" ");
    assert.equal(frames.at(-1), `CONTINUATION 1 :status=200 ${expected}`);
  });
});

describe("backpressure", () => {
  it("tells to pause when another part would not fit, and to go on when half is free", () => {
    const server = serverWith(1, [[0x4, 0]], { limits: { maxSendBufferBytes: 10_000 } });
    assert.equal(send(server, 1, 4000), true);
    assert.equal(send(server, 1, 4000), false);
    assert.equal(server.connection.queuedBytes, 8000);
    server.receive(h2.windowUpdate(1, 2000));
    assert.deepEqual(server.events(), []);
    server.receive(h2.windowUpdate(1, 1000));
    assert.deepEqual(server.events(), ["1 drained"]);
    server.receive(h2.windowUpdate(1, 5000));
    assert.deepEqual(server.events(), []);
  });

  it("holds back when the sink is blocked, and goes on when it has drained", () => {
    const server = serverWith(2, [[0x4, 1_000_000]]);
    server.receive(h2.windowUpdate(0, 1_000_000));
    server.sink.highWaterBytes = 40_000;
    send(server, 1, 60_000);
    send(server, 3, 60_000);
    server.connection.onSinkDrained();
    assert.deepEqual(shapes(server), ["1:16384", "1:16384", "1:16384"]);
    server.connection.onSinkDrained();
    assert.deepEqual(shapes(server), ["1:10848", "3:16384", "3:16384"]);
    server.connection.onSinkDrained();
    assert.deepEqual(shapes(server), ["3:16384", "3:10848"]);
  });

  it("asks a sink whose word may lag after each 64 KiB of a batch", () => {
    const server = serverWith(1, [[0x4, 1_000_000]]);
    server.receive(h2.windowUpdate(0, 2_000_000));
    send(server, 1, 400_000);
    assert.equal(server.sink.flushes, 6);
    server.clock.nowMs += 1;
    send(server, 1, 60_000);
    assert.equal(server.sink.flushes, 6);
  });

  it("knows since when nothing of a stream could be sent", () => {
    const server = serverWith(1, [[0x4, 10]]);
    const stream: H2Stream = server.stream(1);
    assert.equal(stream.stalledSinceMs, Infinity);
    server.clock.nowMs = 2000;
    send(server, 1, 30);
    assert.equal(stream.stalledSinceMs, 2000);
    server.clock.nowMs = 3000;
    send(server, 1, 30);
    assert.equal(stream.stalledSinceMs, 2000);
    server.receive(h2.windowUpdate(1, 10));
    assert.equal(stream.stalledSinceMs, 3000);
    assert.equal(stream.sentBytes, 20);
    server.receive(h2.windowUpdate(1, 100));
    assert.equal(stream.stalledSinceMs, Infinity);
  });
});

describe("the order", () => {
  it("is in turns, so that a small response passes between the frames of large ones", () => {
    const server = serverWith(3, [[0x4, 1_000_000]]);
    send(server, 1, 60_000);
    send(server, 3, 60_000);
    send(server, 5, 100);
    server.frames();
    server.receive(h2.windowUpdate(0, 100_000));
    assert.deepEqual(shapes(server).slice(0, 4), ["3:16384", "5:100", "3:16384", "3:16384"]);
  });

  it("is by urgency, from the Priority field or PRIORITY_UPDATE", () => {
    const server = H2Endpoint.settled();
    server.receive(h2.settings([0x4, 1_000_000]));
    const priorities = ["u=5", "u=1, i", "u=3"];
    priorities.forEach((value, i) => {
      server.receive(h2.headers(2 * i + 1, [...h2.GET, ["priority", value]], { end: true }));
      server.connection.sendHead(server.stream(2 * i + 1), responseHead(200, -1), false);
    });
    server.receive(h2.priorityUpdate(1, "u=0"));
    send(server, 3, 65_535);
    for (const id of [5, 3, 1]) send(server, id, 20_000);
    server.frames();
    server.receive(h2.windowUpdate(0, 1_000_000));
    assert.deepEqual(shapes(server), ["1:16384", "1:3616", "3:16384", "3:3616", "5:16384", "5:3616"]);
  });
});

describe("the order, when a backend has its own idea of it (RFC 9218 section 8)", () => {
  /** Two responses that compete, of a client that asks for `asked`; how they are sent. */
  function order(asked: readonly string[], answered: readonly string[]): string {
    const server = H2Endpoint.settled();
    server.receive(h2.settings([0x4, 1_000_000]), h2.headers(1, h2.GET, { end: true }));
    server.connection.sendHead(server.stream(1), responseHead(200, -1), false);
    send(server, 1, 65_535);
    asked.forEach((value, i) => {
      const id = 2 * i + 3;
      server.receive(h2.headers(id, [...h2.GET, ["priority", value]], { end: true }));
      const said = answered[i] as string;
      const head = responseHead(200, -1, said === "" ? [] : [["Priority", said]]);
      server.connection.sendHead(server.stream(id), head, false);
      send(server, id, 40_000);
    });
    server.frames();
    server.receive(h2.windowUpdate(0, 1_000_000));
    return shapes(server)
      .map((shape) => shape.split(":")[0])
      .join("");
  }

  it("its urgency counts", () => {
    assert.equal(order(["u=1", "u=5"], ["", ""]), "333555");
    assert.equal(order(["u=1", "u=5"], ["", "u=0"]), "555333");
  });

  it("what it does not name stays the client's", () => {
    assert.equal(order(["u=1", "u=5"], ["", "i"]), "333555");
    assert.equal(order(["u=3, i", "u=3, i"], ["u=2", "u=2"]), "353535");
    assert.equal(order(["u=3, i", "u=3, i"], ["i=?0", ""]), "333555");
  });

  it("the client has the last word, by PRIORITY_UPDATE", () => {
    const server = serverWith(2, [[0x4, 1_000_000]]);
    send(server, 1, 65_535);
    for (const id of [1, 3]) send(server, id, 20_000);
    server.receive(h2.priorityUpdate(3, "u=0"));
    server.frames();
    server.receive(h2.windowUpdate(0, 1_000_000));
    assert.deepEqual(shapes(server), ["3:16384", "3:3616", "1:16384", "1:3616"]);
  });
});

describe("PRIORITY_UPDATE of a stream that is not open yet (RFC 9218 section 7.1)", () => {
  function urgencies(...parts: readonly Buffer[]): number[] {
    const server = H2Endpoint.settled({ limits: { maxConcurrentStreams: 3 } });
    server.receive(...parts);
    assert.equal(server.connection.open, true);
    return [...server.owner.streams.values()].map(({ urgency }) => urgency);
  }
  const request = (id: number, ...more: h2.FieldList) => h2.headers(id, [...h2.GET, ...more], { end: true });

  it("is kept for it, and says more than its Priority field", () => {
    assert.deepEqual(urgencies(h2.priorityUpdate(3, "u=1"), request(1), request(3)), [3, 1]);
    assert.deepEqual(urgencies(h2.priorityUpdate(1, "u=1"), request(1, ["priority", "u=5"])), [1]);
    assert.deepEqual(
      urgencies(h2.priorityUpdate(1, "u=1"), h2.priorityUpdate(1, "u=6, i"), request(1), request(3)),
      [6, 3],
    );
  });

  it("is forgotten with the identifiers that were passed over", () => {
    const passed = [h2.priorityUpdate(1, "u=1"), h2.priorityUpdate(3, "u=1"), request(5)];
    assert.deepEqual(urgencies(...passed, h2.priorityUpdate(7, "u=1"), h2.priorityUpdate(9, "u=2")), [3]);
  });

  it("for more streams than may be open ends the connection", () => {
    const server = H2Endpoint.settled({ limits: { maxConcurrentStreams: 3 } });
    server.receive(request(1), h2.priorityUpdate(3, "u=1"), h2.priorityUpdate(5, "u=1"));
    assert.equal(server.connection.open, true);
    server.receive(h2.priorityUpdate(7, "u=1"));
    assert.deepEqual(server.frames(), ["GO_AWAY 0 1 PROTOCOL_ERROR"]);
  });

  it("that would be a server's ends the connection", () => {
    const server = H2Endpoint.settled();
    server.receive(h2.priorityUpdate(2, "u=1"));
    assert.deepEqual(server.frames(), ["GO_AWAY 0 0 PROTOCOL_ERROR"]);
  });
});

describe("a client", () => {
  it("sends requests by the same rules", () => {
    const client = H2Endpoint.settled({ role: "client" });
    client.receive(h2.settings([0x4, 10]));
    const stream = client.connection.openStream(requestHead("PUT", "/", 15), false, {}) as H2Stream;
    client.frames();
    client.connection.sendData(stream, BODY, 0, 15);
    client.connection.sendEnd(stream, null);
    assert.deepEqual(shapes(client), ["1:10"]);
    client.receive(h2.windowUpdate(1, 10));
    assert.deepEqual(shapes(client), ["1:5 end"]);
  });
});
