import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import * as h2 from "../../../test/support/h2-dsl.ts";
import {
  type EndpointOptions,
  H2Endpoint,
  requestHead,
  responseHead,
} from "../../../test/support/h2-endpoint.ts";

const { GET, POST } = h2;

/** Delivers bytes to an endpoint whose preface is through: whole, octet by octet, at random splits. */
function deliver(bytes: Buffer, options: EndpointOptions, check: (endpoint: H2Endpoint) => void): void {
  const every = Array.from({ length: bytes.length }, (_, i) => i);
  const cuts = fc.sample(fc.array(fc.nat({ max: bytes.length }), { maxLength: 6 }), {
    numRuns: 4,
    seed: bytes.length,
  });
  for (const cut of [[], every, ...cuts]) {
    const endpoint = H2Endpoint.settled(options);
    // The backend's streams are ours: two are open.
    if (options.role === "client")
      for (let i = 0; i < 2; i++) endpoint.connection.openStream(requestHead("GET", "/"), true, {});
    endpoint.frames();
    let from = 0;
    for (const to of [...cut.toSorted((a, b) => a - b), bytes.length]) {
      endpoint.receive(Buffer.from(bytes.subarray(from, to)));
      from = to;
    }
    check(endpoint);
  }
}

/** The connection fails with this code, and says so in GOAWAY. */
function checkFails(parts: readonly Buffer[], code: string, options: EndpointOptions = {}): void {
  // Whatever comes behind the error is not looked at.
  deliver(Buffer.concat([...parts, h2.ping()]), options, (endpoint) => {
    assert.equal(endpoint.connection.open, false);
    assert.match(endpoint.events().at(-1) ?? "", new RegExp(`^failed ${code}:`));
    assert.match(endpoint.frames().at(-1) ?? "", new RegExp(`^GO_AWAY 0 \\d+ ${code}$`));
    assert.equal(endpoint.connection.streamCount, 0);
  });
}

/** One stream is reset with this code; the connection goes on. */
function checkResets(parts: readonly Buffer[], frame: string, options: EndpointOptions = {}): void {
  deliver(Buffer.concat([...parts, h2.ping()]), options, (endpoint) => {
    assert.deepEqual(endpoint.frames().slice(-2), [frame, "PING 0 ack 12345678"]);
    assert.equal(endpoint.connection.open, true);
  });
}

/** Nothing is written but the answer to a PING behind it. */
function checkIgnored(parts: readonly Buffer[], options: EndpointOptions = {}): void {
  deliver(Buffer.concat([...parts, h2.ping()]), options, (endpoint) => {
    assert.deepEqual(endpoint.frames(), ["PING 0 ack 12345678"]);
  });
}

const open1 = h2.headers(1, POST);
const ended1 = h2.headers(1, GET, { end: true });
const CLIENT: EndpointOptions = { role: "client" };

describe("the preface (RFC 9113 section 3.4)", () => {
  it("of a client is the magic octets and SETTINGS, however they are split", () => {
    const bytes = Buffer.concat([h2.clientPreface([0x4, 100]), ended1]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const server = new H2Endpoint();
      server.receive(bytes.subarray(0, cut));
      server.receive(bytes.subarray(cut));
      assert.deepEqual(server.events(), ["settings", "1 request GET example.com/ ended", "1 end"]);
    }
  });

  it("that is none ends the connection at its first wrong octet", () => {
    for (const text of ["GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nXM", "Q"]) {
      const server = new H2Endpoint();
      server.receive(Buffer.from(text));
      assert.match(server.events().at(-1) ?? "", /^failed PROTOCOL_ERROR/);
      assert.match(server.frames().at(-1) ?? "", /^GO_AWAY 0 0 PROTOCOL_ERROR/);
    }
  });

  it("has SETTINGS as its first frame, from either side", () => {
    for (const first of [h2.ping(), h2.SETTINGS_ACK, ended1]) {
      const server = new H2Endpoint();
      server.receive(h2.PREFACE, first);
      assert.equal(server.connection.open, false);
      const client = new H2Endpoint(CLIENT);
      client.receive(first);
      assert.equal(client.connection.open, false);
    }
  });
});

describe("SETTINGS (RFC 9113 section 6.5.2)", () => {
  it("of a server do not allow PUSH_PROMISE", () => {
    checkFails([h2.settings([0x2, 1])], "PROTOCOL_ERROR", CLIENT);
    for (const options of [{}, CLIENT])
      deliver(h2.settings([0x2, 0]), options, ({ connection }) => assert.ok(connection.open));
    deliver(h2.settings([0x2, 1]), {}, ({ connection }) => assert.ok(connection.open));
  });
});

describe("frames (RFC 9113 section 4)", () => {
  it("of unknown types, with unknown flags or the reserved bit are taken as they should be", () => {
    checkIgnored([
      h2.frame(0x16, 0xff, 0, "x"),
      h2.frame(0x42, 0, 7, ""),
      h2.frame(0xff, 0, 1, "y".repeat(500)),
    ]);
    const reserved = h2.ping();
    reserved[5] = 0x80;
    checkResets(
      [open1, reserved, h2.data(1, "x", { end: true }), h2.data(1, "y")],
      "RST_STREAM 1 STREAM_CLOSED",
    );
    checkResets([h2.frame(0x6, 0x16, 0, "abcdefgh")], "PING 0 ack abcdefgh");
  });

  it("may have 16,384 octets and no more", () => {
    checkResets(
      [open1, h2.data(1, "x".repeat(16_384), { end: true }), h2.data(1, "")],
      "RST_STREAM 1 STREAM_CLOSED",
    );
    checkFails([open1, h2.data(1, "x".repeat(16_385))], "FRAME_SIZE_ERROR");
    checkFails([h2.frame(0x1, 0x5, 1, "x".repeat(16_385))], "FRAME_SIZE_ERROR");
    checkFails([h2.frame(0x42, 0, 0, "x".repeat(16_385))], "FRAME_SIZE_ERROR");
  });

  it("have the lengths that section 6 gives them", () => {
    checkFails([h2.frame(0x6, 0, 0, "1234567")], "FRAME_SIZE_ERROR");
    checkFails([open1, h2.frame(0x3, 0, 1, "123")], "FRAME_SIZE_ERROR");
    checkFails([h2.frame(0x8, 0, 0, "12345")], "FRAME_SIZE_ERROR");
    checkFails([h2.frame(0x4, 0, 0, "12345")], "FRAME_SIZE_ERROR");
    checkFails([h2.frame(0x4, 0x1, 0, "123456")], "FRAME_SIZE_ERROR");
    checkFails([h2.frame(0x7, 0, 0, "1234567")], "FRAME_SIZE_ERROR");
    checkFails([h2.frame(0x10, 0, 0, "123")], "FRAME_SIZE_ERROR");
    checkResets([open1, h2.frame(0x2, 0, 1, "1234")], "RST_STREAM 1 FRAME_SIZE_ERROR");
    checkFails([h2.frame(0x2, 0, 1, "1234")], "FRAME_SIZE_ERROR");
  });

  it("stand on the stream that section 6 wants them on", () => {
    for (const type of [0x0, 0x1, 0x2, 0x3]) checkFails([h2.frame(type, 0x4, 0, "1234")], "PROTOCOL_ERROR");
    checkFails([h2.frame(0x4, 0, 1)], "PROTOCOL_ERROR");
    checkFails([h2.frame(0x6, 0, 1, "12345678")], "PROTOCOL_ERROR");
    checkFails([h2.frame(0x7, 0, 1, "12345678")], "PROTOCOL_ERROR");
    checkFails([h2.frame(0x10, 0, 1, "1234u=1")], "PROTOCOL_ERROR");
  });

  it("of PUSH_PROMISE are nobody's to send", () => {
    checkFails([open1, h2.frame(0x5, 0x4, 1, "\0\0\0\x02")], "PROTOCOL_ERROR");
    checkFails([h2.frame(0x5, 0x4, 1, "\0\0\0\x02")], "PROTOCOL_ERROR", CLIENT);
  });

  it("have no more padding than they are long", () => {
    checkFails([open1, h2.frame(0x0, 0x8, 1, "\x04abc")], "PROTOCOL_ERROR");
    checkFails([h2.frame(0x1, 0xc, 1, "\xffabc")], "PROTOCOL_ERROR");
  });
});

describe("header blocks (RFC 9113 section 4.3)", () => {
  const fields = h2.block(GET);

  it("come in as many fragments as they like, within reason", () => {
    const octets = Array.from(fields.subarray(0, 10), (octet) => Buffer.of(octet));
    deliver(h2.fragments(1, [...octets, fields.subarray(10)]), {}, (server) => {
      assert.deepEqual(server.events(), ["1 request GET example.com/ ended", "1 end"]);
    });
  });

  it("are interrupted by nothing", () => {
    const begun = h2.frame(0x1, 0x1, 1, fields.subarray(0, 5));
    const rest = h2.frame(0x9, 0x4, 1, fields.subarray(5));
    for (const between of [
      h2.ping(),
      h2.priority(1, 3),
      h2.headers(3, GET),
      h2.frame(0x42, 0, 0),
      h2.data(1, ""),
    ])
      checkFails([begun, between, rest], "PROTOCOL_ERROR");
    checkFails([begun, h2.frame(0x9, 0x4, 3, fields.subarray(5))], "PROTOCOL_ERROR");
    checkFails([begun, h2.frame(0x9, 0x4, 0, fields.subarray(5))], "PROTOCOL_ERROR");
  });

  it("are continued only when they were begun", () => {
    checkFails([h2.frame(0x9, 0x4, 1, fields)], "PROTOCOL_ERROR");
    checkFails([open1, h2.frame(0x9, 0x4, 1, fields)], "PROTOCOL_ERROR");
    checkFails([open1, h2.data(1, "x"), h2.frame(0x9, 0x4, 1, fields)], "PROTOCOL_ERROR");
  });

  it("that are not HPACK end the connection", () => {
    for (const bad of ["\x80", "\xff\xff\xff\xff\xff", "\x00\x85ab", "\xbf", "\x3f\xe2\x1f"])
      checkFails([h2.frame(0x1, 0x5, 1, bad)], "COMPRESSION_ERROR");
  });

  it("of streams that are refused keep the compression in step", () => {
    // The first adds an entry to the table, on a stream that is refused; the second uses it.
    const limits = { maxConcurrentStreams: 1 };
    const indexed = Buffer.concat([h2.block(GET), Buffer.from("\x40\x03x-a\x01b", "latin1")]);
    const server = H2Endpoint.settled({ limits });
    server.receive(open1, h2.frame(0x1, 0x5, 3, indexed), h2.data(1, "", { end: true }));
    server.connection.sendHead(server.stream(1), responseHead(204, 0), true);
    server.connection.sendEnd(server.stream(1), null);
    server.receive(h2.frame(0x1, 0x5, 5, Buffer.concat([h2.block(GET), Buffer.of(0xbe)])));
    assert.deepEqual(server.owner.heads.get(5)?.fields.toArray(), [["x-a", "b"]]);
    assert.ok(server.frames().includes("RST_STREAM 3 REFUSED_STREAM"));
  });
});

describe("stream identifiers (RFC 9113 section 5.1.1)", () => {
  it("of clients are odd and grow", () => {
    checkFails([h2.headers(2, GET)], "PROTOCOL_ERROR");
    checkFails([h2.headers(5, GET), h2.headers(3, GET)], "PROTOCOL_ERROR");
    deliver(Buffer.concat([h2.headers(3, GET), h2.headers(2 ** 31 - 1, GET)]), {}, (server) => {
      assert.equal(server.connection.streamCount, 2);
    });
  });

  it("that were not opened are idle, and take nothing but PRIORITY", () => {
    for (const options of [{}, CLIENT]) {
      for (const frame of [
        h2.data(7, "x"),
        h2.rstStream(7, 8),
        h2.windowUpdate(7, 1),
        h2.data(2, "x"),
        h2.rstStream(2, 8),
      ])
        checkFails([frame], "PROTOCOL_ERROR", options);
      checkIgnored([h2.priority(7, 1)], options);
    }
    checkFails([h2.headers(7, [[":status", "200"]])], "PROTOCOL_ERROR", CLIENT);
    checkFails([h2.headers(2, [[":status", "200"]])], "PROTOCOL_ERROR", CLIENT);
  });
});

describe("stream states (RFC 9113 section 5.1)", () => {
  it("half-closed (remote): no more DATA or HEADERS", () => {
    checkResets([ended1, h2.data(1, "x")], "RST_STREAM 1 STREAM_CLOSED");
    checkResets([ended1, h2.headers(1, [["a", "b"]], { end: true })], "RST_STREAM 1 STREAM_CLOSED");
    checkIgnored([ended1, h2.windowUpdate(1, 10), h2.priority(1, 3)]);
  });

  it("half-closed (remote) while the answer to a refused request waits: no more HEADERS either", () => {
    const server = H2Endpoint.settled();
    server.receive(h2.settings([0x4, 0]), h2.headers(1, [...GET, ["host", "other.example"]], { end: true }));
    assert.deepEqual(server.events(), ["settings", "1 bad bad_authority"]);
    server.connection.sendHead(server.stream(1), responseHead(400, 3), false);
    server.connection.sendData(server.stream(1), Buffer.from("bad"), 0, 3);
    server.connection.sendEnd(server.stream(1), null);
    server.frames();
    server.receive(h2.headers(1, GET, { end: true }), h2.ping());
    assert.deepEqual(server.frames(), ["RST_STREAM 1 STREAM_CLOSED", "PING 0 ack 12345678"]);
  });

  it("half-closed (remote) while the answer to an upload that was ignored waits: the same", () => {
    const server = H2Endpoint.settled();
    server.receive(h2.settings([0x4, 0]), h2.headers(1, POST));
    server.connection.ignoreRest(server.stream(1));
    server.connection.sendHead(server.stream(1), responseHead(413, 3), false);
    server.connection.sendData(server.stream(1), Buffer.from("big"), 0, 3);
    server.connection.sendEnd(server.stream(1), null);
    server.receive(h2.data(1, "x", { end: true }));
    server.frames();
    server.receive(h2.headers(1, [["a", "b"]], { end: true }), h2.ping());
    assert.deepEqual(server.frames(), ["RST_STREAM 1 STREAM_CLOSED", "PING 0 ack 12345678"]);
  });

  it("closed by the peer's RST_STREAM: DATA and HEADERS are a stream error, other frames nothing", () => {
    const reset = [open1, h2.rstStream(1, 8)];
    checkResets([...reset, h2.data(1, "x")], "RST_STREAM 1 STREAM_CLOSED");
    checkResets([...reset, h2.headers(1, GET)], "RST_STREAM 1 STREAM_CLOSED");
    checkIgnored([...reset, h2.rstStream(1, 8), h2.windowUpdate(1, 1), h2.priority(1, 3)]);
  });

  it("closed by our RST_STREAM: what was on its way is ignored, and counted for the connection", () => {
    const malformed = h2.headers(1, [...POST, ["connection", "close"]]);
    deliver(
      Buffer.concat([
        malformed,
        h2.data(1, "x"),
        h2.headers(1, [["a", "b"]], { end: true }),
        h2.rstStream(1, 8),
      ]),
      {},
      (server) => {
        assert.deepEqual(server.frames(), ["RST_STREAM 1 PROTOCOL_ERROR"]);
      },
    );
  });

  it("closed by END_STREAM of both: DATA and HEADERS end the connection", () => {
    for (const frame of [h2.data(1, "x"), h2.headers(1, GET)]) {
      const server = H2Endpoint.settled();
      server.receive(ended1);
      server.connection.sendHead(server.stream(1), responseHead(204, 0), true);
      server.connection.sendEnd(server.stream(1), null);
      server.receive(h2.rstStream(1, 8), h2.windowUpdate(1, 1), h2.priority(1, 3));
      assert.equal(server.connection.open, true);
      server.receive(frame);
      assert.match(server.events().at(-1) ?? "", /^failed STREAM_CLOSED/);
    }
  });

  it("a stream that depends on itself is an error of that stream", () => {
    checkResets(
      [h2.frame(0x1, 0x25, 1, Buffer.concat([h2.uint32(1), Buffer.of(1), h2.block(GET)]))],
      "RST_STREAM 1 PROTOCOL_ERROR",
    );
    checkResets([open1, h2.priority(1, 1)], "RST_STREAM 1 PROTOCOL_ERROR");
    checkFails([h2.priority(1, 1)], "PROTOCOL_ERROR");
  });
});

describe("PRIORITY_UPDATE (RFC 9218 section 7.1)", () => {
  it("is a client's to send, names a stream, and may be too long to be understood", () => {
    checkFails([h2.priorityUpdate(0, "u=1")], "PROTOCOL_ERROR");
    checkFails([h2.priorityUpdate(1, "u=1")], "PROTOCOL_ERROR", CLIENT);
    checkIgnored([
      open1,
      h2.priorityUpdate(1, "u=1"),
      h2.priorityUpdate(99, "u=0"),
      h2.priorityUpdate(1, "x".repeat(5000)),
    ]);
  });
});

describe("anything at all", () => {
  it("that is received ends in calls of the owner and never in a throw", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        open1,
        ended1,
        h2.data(1, "abc"),
        h2.data(1, "", { end: true }),
        h2.ping(),
        h2.SETTINGS_ACK,
      ),
      fc
        .record({
          type: fc.oneof(fc.nat({ max: 0x10 }), fc.nat({ max: 255 })),
          flags: fc.nat({ max: 255 }),
          streamId: fc.nat({ max: 9 }),
          payload: fc.uint8Array({ maxLength: 40 }),
        })
        .map(({ type, flags, streamId, payload }) => h2.frame(type, flags, streamId, payload)),
      fc.uint8Array({ maxLength: 30 }).map((octets) => Buffer.from(octets)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.boolean(), (pieces, isClient) => {
        const endpoint = H2Endpoint.settled(isClient ? CLIENT : {});
        if (isClient) endpoint.connection.openStream(requestHead("GET", "/"), true, {});
        for (const bytes of pieces) endpoint.receive(bytes);
        endpoint.connection.close("done");
        assert.equal(endpoint.connection.streamCount, 0);
        assert.equal(endpoint.connection.queuedBytes, 0);
      }),
      { numRuns: 400 },
    );
  });
});
