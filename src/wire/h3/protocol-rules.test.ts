import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type FieldList, GET, POST } from "../../../test/support/h2-dsl.ts";
import { requestHead, responseHead } from "../../../test/support/h2-endpoint.ts";
import * as h3 from "../../../test/support/h3-dsl.ts";
import { H3Endpoint, type H3EndpointOptions } from "../../../test/support/h3-endpoint.ts";
import { H3Code, h3CodeName } from "./error-code.ts";

const CLIENT: H3EndpointOptions = { role: "client" };
const ROLES: readonly H3EndpointOptions[] = [{}, CLIENT];

/** An endpoint whose stream 0 is open: a server's has had its request, a client's waits for its response. */
function withStream(options: H3EndpointOptions, first: Buffer = h3.headers(POST)): H3Endpoint {
  const endpoint = H3Endpoint.settled(options);
  if (options.role === "client") endpoint.connection.openStream(requestHead("POST", "/", -1), false, {});
  else endpoint.receive(0, first);
  endpoint.lines();
  endpoint.events();
  return endpoint;
}

/** The connection has failed with this code, and the owner knows it, and nothing more happens. */
function checkFailed(endpoint: H3Endpoint, code: H3Code): void {
  const closes = endpoint.lines().filter((line) => line.startsWith("close"));
  assert.equal(closes.length, 1);
  assert.ok(closes[0]?.startsWith(`close ${h3CodeName(code)}: `), closes.join());
  assert.ok(
    endpoint
      .events()
      .at(-1)
      ?.startsWith(`failed ${h3CodeName(code)}`),
  );
  assert.equal(endpoint.connection.open, false);
  assert.equal(endpoint.connection.streamCount, 0);
  endpoint.message(400, h3.headers(GET));
  assert.deepEqual(endpoint.lines(), []);
  assert.deepEqual(endpoint.events(), []);
}

/** Stream 0 has failed with this code; the connection goes on. */
function checkStreamFailed(endpoint: H3Endpoint, code: H3Code, why: string): void {
  assert.deepEqual(endpoint.events().at(-1), `0 error local ${h3CodeName(code)}: ${why}`);
  assert.ok(endpoint.lines().includes(`0 reset ${h3CodeName(code)}`));
  assert.equal(endpoint.connection.open, true);
  assert.equal(endpoint.connection.streamCount, 0);
}

describe("the control stream", () => {
  it("begins with SETTINGS", () => {
    for (const options of ROLES) {
      for (const first of [h3.goAway(0), h3.frame(0x21), h3.data("x"), h3.frame(0xd, h3.varint(1))]) {
        const endpoint = new H3Endpoint(options);
        endpoint.receive(endpoint.control, h3.stream(0, first));
        checkFailed(endpoint, H3Code.missingSettings);
      }
    }
  });

  it("has SETTINGS once", () => {
    for (const options of ROLES) {
      const endpoint = H3Endpoint.settled(options);
      endpoint.receiveControl(h3.settings());
      checkFailed(endpoint, H3Code.frameUnexpected);
    }
  });

  it("is there once, and stays; so do those of QPACK", () => {
    for (const options of ROLES) {
      for (const type of [0, 2, 3]) {
        const twice = H3Endpoint.settled(options);
        const own = type === 0 ? twice.control : twice.control + 4;
        if (type !== 0) twice.receive(own, h3.stream(type));
        twice.receive(own + 4, h3.stream(type));
        checkFailed(twice, H3Code.streamCreationError);

        const ended = H3Endpoint.settled(options);
        if (type === 0) ended.message(own);
        else ended.message(own, h3.stream(type));
        checkFailed(ended, H3Code.closedCriticalStream);

        const reset = H3Endpoint.settled(options);
        if (type !== 0) reset.receive(own, h3.stream(type));
        reset.connection.streamReset(own, H3Code.noError);
        checkFailed(reset, H3Code.closedCriticalStream);
      }
      for (const n of [0, 1, 2]) {
        const stopped = H3Endpoint.settled(options);
        stopped.connection.streamStopped((options.role === "client" ? 2 : 3) + 4 * n, H3Code.noError);
        checkFailed(stopped, H3Code.closedCriticalStream);
      }
    }
  });

  it("carries no frame of a request, of HTTP/2, or of the other role", () => {
    const everywhere = [0x0, 0x1, 0x5, 0x2, 0x6, 0x8, 0x9];
    for (const options of ROLES) {
      const wrong = options.role === "client" ? [...everywhere, 0xd, 0xf0700, 0xf0701] : everywhere;
      for (const type of wrong) {
        const endpoint = H3Endpoint.settled(options);
        endpoint.receiveControl(h3.frame(type, h3.varint(1)));
        checkFailed(endpoint, H3Code.frameUnexpected);
      }
    }
  });

  it("has frames that are as long as their fields", () => {
    for (const type of [0x7, 0xd, 0x3]) {
      for (const payload of [Buffer.alloc(0), Buffer.of(1, 1), Buffer.of(0x40), Buffer.alloc(9)]) {
        const endpoint = H3Endpoint.settled();
        endpoint.receiveControl(h3.frame(type, payload));
        checkFailed(endpoint, H3Code.frameError);
      }
    }
    const cut = H3Endpoint.settled();
    cut.receiveControl(h3.frame(0xf0700, Buffer.of(0x80)));
    checkFailed(cut, H3Code.frameError);
  });

  it("names identifiers that there are, and that go one way", () => {
    const wrong: readonly (readonly [H3EndpointOptions, readonly Buffer[]])[] = [
      [CLIENT, [h3.goAway(1)]],
      [CLIENT, [h3.goAway(8), h3.goAway(12)]],
      [{}, [h3.goAway(0), h3.goAway(1)]],
      [{}, [h3.frame(0xd, h3.varint(8)), h3.frame(0xd, h3.varint(7))]],
      [{}, [h3.frame(0x3, h3.varint(0))]],
      [CLIENT, [h3.frame(0x3, h3.varint(0))]],
      [{}, [h3.priorityUpdate(1, "u=1")]],
      [{}, [h3.frame(0xf0701, h3.varint(0))]],
    ];
    for (const [options, frames] of wrong) {
      const endpoint = H3Endpoint.settled(options);
      endpoint.receiveControl(...frames);
      checkFailed(endpoint, H3Code.idError);
    }
    const server = H3Endpoint.settled();
    server.receiveControl(h3.frame(0xd, h3.varint(8)), h3.frame(0xd, h3.varint(2n ** 62n - 1n)));
    assert.equal(server.connection.open, true);
  });
});

describe("SETTINGS", () => {
  function settle(...pairs: readonly h3.SettingPair[]): H3Endpoint {
    const endpoint = new H3Endpoint(CLIENT);
    endpoint.receive(3, h3.stream(0, h3.settings(...pairs)));
    return endpoint;
  }

  it("twice the same, of HTTP/2, or out of range", () => {
    const wrong = [
      [
        [6, 1],
        [6, 1],
      ],
      [
        [0x1234, 1],
        [0x1234, 2],
      ],
      [[0, 1]],
      [[2, 1]],
      [[3, 1]],
      [[4, 1]],
      [[5, 1]],
      [[8, 2]],
      [[0x33, 2]],
    ] satisfies h3.SettingPair[][];
    for (const pairs of wrong) checkFailed(settle(...pairs), H3Code.settingsError);
  });

  it("cut, or longer than anybody needs", () => {
    for (const payload of [Buffer.of(6), Buffer.of(0x40), Buffer.of(6, 0x80, 0)]) {
      const endpoint = new H3Endpoint();
      endpoint.receive(2, h3.stream(0, h3.frame(0x4, payload)));
      checkFailed(endpoint, H3Code.frameError);
    }
    const endpoint = new H3Endpoint();
    endpoint.receive(2, h3.stream(0, h3.varint(4), h3.varint(2 ** 30)));
    checkFailed(endpoint, H3Code.excessiveLoad);
  });

  it("unknown and reserved ones are ignored, whatever their values", () => {
    const endpoint = settle(
      [0x21, 5],
      [2n ** 62n - 1n, 2n ** 62n - 1n],
      [2n ** 62n - 1n, 0],
      [0x7, 2n ** 60n],
    );
    assert.deepEqual(endpoint.events(), ["settings"]);
    assert.equal(endpoint.connection.settled, true);
  });
});

describe("frames on a request stream", () => {
  it("of the control stream and of HTTP/2 are unexpected", () => {
    for (const options of ROLES) {
      for (const type of [0x3, 0x4, 0x7, 0xd, 0xf0700, 0xf0701, 0x2, 0x6, 0x8, 0x9]) {
        const endpoint = withStream(options);
        endpoint.receive(0, h3.frame(type, h3.varint(0)));
        checkFailed(endpoint, H3Code.frameUnexpected);
      }
    }
  });

  it("push: a server hears none, a client has allowed none", () => {
    for (const [options, code] of [
      [{}, H3Code.frameUnexpected],
      [CLIENT, H3Code.idError],
    ] as const) {
      const endpoint = withStream(options);
      endpoint.receive(0, h3.frame(0x5, h3.varint(0)));
      checkFailed(endpoint, code);
    }
  });

  it("come in the order of a message", () => {
    const trailers = h3.headers([["x", "y"]]);
    const wrong: readonly (readonly [H3EndpointOptions, readonly Buffer[]])[] = [
      [CLIENT, [h3.data("x")]],
      [CLIENT, [h3.headers([[":status", "103"]]), h3.data("x")]],
      [{}, [trailers, h3.data("x")]],
      [{}, [trailers, trailers]],
      [{}, [trailers, h3.data("")]],
    ];
    for (const [options, frames] of wrong) {
      const endpoint = withStream(options);
      endpoint.receive(0, Buffer.concat(frames));
      checkFailed(endpoint, H3Code.frameUnexpected);
    }
    const first = H3Endpoint.settled();
    first.receive(0, h3.data("x"));
    checkFailed(first, H3Code.frameUnexpected);
  });

  it("end where the stream does, or before", () => {
    const whole = [h3.headers(POST), h3.data("abc"), h3.frame(0x21, "grease"), h3.frame(0x1_0000, "")];
    for (const frame of whole) {
      for (let cut = 1; cut < frame.length; cut++) {
        const endpoint = withStream({});
        endpoint.receive(0, frame.subarray(0, cut), true);
        checkFailed(endpoint, H3Code.frameError);
      }
    }
  });

  it("reserved and unknown ones are passed over wherever they stand", () => {
    const grease = [h3.frame(0x21, "x".repeat(100)), h3.frame(2n ** 62n - 1n, "y"), h3.frame(0x4000, "")];
    const server = H3Endpoint.settled();
    const message = [h3.headers(POST), h3.data("a"), h3.data("b"), h3.headers([["x", "y"]])];
    server.message(0, ...message.flatMap((frame) => [...grease, frame]), ...grease);
    assert.deepEqual(server.events(), ["0 request POST example.com/", "0 data ab", "0 end x=y"]);
  });
});

describe("streams of the peer", () => {
  it("of unknown types are not read", () => {
    for (const options of ROLES) {
      const endpoint = H3Endpoint.settled(options);
      const id = endpoint.control + 4;
      endpoint.receive(id, h3.stream(0x21, Buffer.alloc(100)));
      endpoint.receive(id + 4, h3.varint(2n ** 62n - 1n));
      assert.deepEqual(endpoint.lines(), [
        `${id} stop H3_STREAM_CREATION_ERROR`,
        `${id + 4} stop H3_STREAM_CREATION_ERROR`,
      ]);
    }
  });

  it("may end or be reset before they have said what they are", () => {
    const endpoint = H3Endpoint.settled();
    endpoint.message(6);
    endpoint.message(10, Buffer.of(0x40));
    endpoint.receive(14, Buffer.of(0x40));
    endpoint.connection.streamReset(14, 0);
    endpoint.receive(18, Buffer.of(0x40));
    endpoint.receive(18, Buffer.of(0x02));
    endpoint.receive(18, Buffer.of());
    assert.equal(endpoint.connection.open, true);
    endpoint.message(18);
    checkFailed(endpoint, H3Code.closedCriticalStream);
  });

  it("of pushes are refused", () => {
    for (const [options, code] of [
      [{}, H3Code.streamCreationError],
      [CLIENT, H3Code.idError],
    ] as const) {
      const endpoint = H3Endpoint.settled(options);
      endpoint.receive(endpoint.control + 4, h3.stream(1));
      checkFailed(endpoint, code);
    }
  });

  it("that a server opens in both directions are a mistake", () => {
    const client = H3Endpoint.settled(CLIENT);
    client.receive(1, Buffer.of(0));
    checkFailed(client, H3Code.streamCreationError);
  });
});

describe("QPACK", () => {
  it("errors end the connection, each with its code", () => {
    const badSection = withStream({}, h3.headers(POST));
    badSection.receive(0, h3.frame(0x1, Buffer.of(0, 0, 0xff, 0xff, 0xff)));
    checkFailed(badSection, H3Code.qpackDecompressionFailed);
    const badEncoder = H3Endpoint.settled();
    badEncoder.receive(6, h3.stream(2, Buffer.of(0x3f, 0xff, 0xff, 0x7f)));
    checkFailed(badEncoder, H3Code.qpackEncoderStreamError);
    const badDecoder = H3Endpoint.settled();
    badDecoder.receive(6, h3.stream(3, Buffer.of(0x00)));
    checkFailed(badDecoder, H3Code.qpackDecoderStreamError);
  });
});

describe("a malformed message is an error of its stream", () => {
  function check(fields: FieldList, why: string): void {
    const server = H3Endpoint.settled();
    server.message(0, h3.headers(fields));
    checkStreamFailed(server, H3Code.messageError, why);
  }

  it("in a request: pseudo-header fields, names, fields of HTTP/1", () => {
    check(GET.slice(1), "no :method");
    check([...GET, [":path", "/"]], "a pseudo-header field twice");
    check([...GET, ["X-Upper", "a"]], "a field name or value is not well-formed");
    check([["a", "b"], ...GET], "a pseudo-header field behind others");
    check([...GET, ["connection", "close"]], "a field that belongs to a connection of HTTP/1");
    check([...GET, ["transfer-encoding", "chunked"]], "a field that belongs to a connection of HTTP/1");
    check([...GET, ["te", "gzip"]], "TE other than trailers");
    check([...GET, [":protocol", "websocket"]], ":protocol without CONNECT");
    check([[":method", "CONNECT"], ...GET.slice(1)], "CONNECT with :scheme or :path");
    check([...GET, ["content-length", "5"]], "Content-Length without a body");
  });

  it("in a body that is not as long as it says", () => {
    const named: FieldList = [...POST, ["content-length", "3"]];
    const longer = withStream({}, h3.headers(named));
    longer.receive(0, h3.data("abcd"));
    checkStreamFailed(longer, H3Code.messageError, "the body is longer than Content-Length");
    const shorter = withStream({}, h3.headers(named));
    shorter.message(0, h3.data("ab"));
    checkStreamFailed(shorter, H3Code.messageError, "the body is shorter than Content-Length");
    const withTrailers = withStream({}, h3.headers(named));
    withTrailers.message(0, h3.data("ab"), h3.headers([["x", "y"]]));
    checkStreamFailed(withTrailers, H3Code.messageError, "the body is shorter than Content-Length");
  });

  it("in trailers", () => {
    for (const fields of [[[":path", "/"]], [["Upper", "x"]], [["upgrade", "x"]]] satisfies FieldList[]) {
      const server = withStream({});
      server.message(0, h3.headers(fields));
      assert.ok(server.events().at(-1)?.startsWith("0 error local H3_MESSAGE_ERROR"));
    }
  });

  it("in a response", () => {
    const wrong: readonly (readonly [readonly Buffer[], string])[] = [
      [[h3.headers([["a", "b"]])], "no :status"],
      [[h3.headers([[":status", "101"]])], "101 (Switching Protocols)"],
      [[h3.headers([[":status", "204"]]), h3.data("x")], "the body is longer than Content-Length"],
      [[h3.headers([[":status", "103"]])], "an informational response that ends the stream"],
      [[], "the stream ended without a final head"],
      [
        Array.from({ length: 200 }, () => h3.headers([[":status", "103"]])),
        "too many informational responses",
      ],
    ];
    for (const [frames, why] of wrong) {
      const client = withStream(CLIENT);
      client.message(0, ...frames);
      checkStreamFailed(client, H3Code.messageError, why);
    }
  });

  it("in an answer to HEAD, which may name a length and has no body", () => {
    const head = h3.headers([
      [":status", "200"],
      ["content-length", "5"],
    ]);
    for (const body of [[], [h3.data("hello")]]) {
      const client = H3Endpoint.settled(CLIENT);
      client.connection.openStream(requestHead("HEAD", "/"), true, {});
      client.receive(0, head);
      client.message(0, ...body);
      const last =
        body.length === 0 ? "closed" : "error local H3_MESSAGE_ERROR: the body is longer than Content-Length";
      assert.equal(client.events().at(-1), `0 ${last}`);
    }
  });

  it("and the connection goes on", () => {
    const server = H3Endpoint.settled();
    server.message(0, h3.headers(GET.slice(1)));
    server.message(4, h3.headers(GET));
    assert.deepEqual(server.events().slice(1), ["4 request GET example.com/ ended", "4 end"]);
  });
});

describe("a request without a head", () => {
  it("is incomplete, and the owner never hears of it", () => {
    for (const frames of [[], [h3.frame(0x21, "x")]]) {
      const server = H3Endpoint.settled();
      server.message(0, ...frames);
      assert.deepEqual(server.lines(), ["0 reset H3_REQUEST_INCOMPLETE", "0 stop H3_REQUEST_INCOMPLETE"]);
      assert.deepEqual(server.events(), []);
    }
  });
});

describe("a tunnel", () => {
  it("is asked for by extended CONNECT, and carries DATA only", () => {
    const limits = { connectProtocol: true };
    const fields: FieldList = [[":method", "CONNECT"], ...GET.slice(1), [":protocol", "websocket"]];
    const server = withStream({ limits }, h3.headers(fields));
    assert.equal(server.stream(0).isTunnel, true);
    assert.equal(server.owner.heads.get(0)?.upgrade, "websocket");
    server.connection.sendHead(server.stream(0), responseHead(200, -1), false);
    server.receive(0, h3.data("octets"));
    assert.deepEqual(server.lines(), ["0 HEADERS :status=200"]);
    assert.deepEqual(server.events(), ["0 data octets"]);
    server.receive(0, h3.headers([["x", "y"]]));
    checkFailed(server, H3Code.frameUnexpected);
  });

  it("that is refused has an answer like any other", () => {
    const client = H3Endpoint.settled(CLIENT);
    const head = requestHead("GET", "/");
    head.upgrade = "websocket";
    client.connection.openStream(head, false, {});
    client.message(0, h3.headers([[":status", "403"]]), h3.data("no"), h3.headers([["x", "y"]]));
    assert.deepEqual(client.events(), ["0 response 403", "0 data no", "0 end x=y"]);
  });
});

describe("limits of field sections", () => {
  const limits = { maxFieldSectionBytes: 1000, maxFields: 20 };
  const many: FieldList = Array.from({ length: 30 }, () => ["a", "b"] as const);

  it("in a request get 431, whether they come whole, cut, or only announced", () => {
    const large = h3.headers([...GET, ["x-large", "x".repeat(900)]]);
    const larger = h3.headers([...GET, ["x-large", "x".repeat(1100)]]);
    for (const frame of [large, larger, h3.headers([...GET, ...many])]) {
      for (const split of [frame.length, 7]) {
        const server = H3Endpoint.settled({ limits });
        server.owner.onBadRequestHook = (stream): void => {
          server.connection.sendHead(stream, responseHead(431, 0), true);
          server.connection.sendEnd(stream, null);
        };
        server.receive(0, frame.subarray(0, split));
        server.receive(0, frame.subarray(split));
        assert.deepEqual(server.events(), ["0 bad headers_too_large", "0 closed"]);
        assert.deepEqual(server.lines(), [
          "0 HEADERS :status=431 content-length=0",
          "0 FIN",
          "0 stop H3_NO_ERROR",
        ]);
        server.message(4, h3.headers(GET));
        assert.equal(server.events()[0], "4 request GET example.com/ ended");
      }
    }
  });

  it("in trailers and responses end their stream", () => {
    for (const fields of [[["x", "y".repeat(970)]], [["x", "y".repeat(1100)]], [...many, ...many]] as const) {
      const server = withStream({ limits });
      server.message(0, h3.headers(fields as FieldList));
      checkStreamFailed(server, H3Code.excessiveLoad, "a trailer section over its limit");
      const client = withStream({ ...CLIENT, limits });
      client.message(0, h3.headers([[":status", "200"], ...(fields as FieldList)]));
      checkStreamFailed(client, H3Code.excessiveLoad, "a response head over its limit");
    }
  });

  it("that are refused for something else get its status, and the rest of the request is not seen", () => {
    const server = H3Endpoint.settled();
    server.receive(0, h3.headers([...POST, ["host", "other.com"]]));
    server.message(0, h3.data("abc"), h3.headers([["x", "y"]]));
    assert.deepEqual(server.events(), ["0 bad bad_authority"]);
    server.connection.sendHead(server.stream(0), responseHead(400, 0), true);
    server.connection.sendEnd(server.stream(0), null);
    assert.deepEqual(server.events(), ["0 closed"]);
    assert.equal(server.connection.open, true);
  });
});
