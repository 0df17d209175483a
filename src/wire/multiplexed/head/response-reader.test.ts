import assert from "node:assert/strict";
import { test } from "node:test";
import { data, type FieldList, headers } from "../../../../test/support/h2-dsl.ts";
import { H2Endpoint, requestHead } from "../../../../test/support/h2-endpoint.ts";
import type { ResponseHead } from "../../http/message.ts";
import { UNKNOWN_LENGTH } from "../../http/message.ts";

const OK: FieldList = [[":status", "200"]];

function clientWith(method = "GET", upgrade = ""): H2Endpoint {
  const client = H2Endpoint.settled({ role: "client" });
  const head = requestHead(method, "/");
  head.upgrade = upgrade;
  client.connection.openStream(head, upgrade === "", {});
  client.frames();
  return client;
}

function read(fields: FieldList, end = false, method = "GET"): ResponseHead {
  const client = clientWith(method);
  client.receive(headers(1, fields, { end }));
  assert.match(client.events()[0] ?? "", /^1 response/);
  return client.owner.responses.get(1) as ResponseHead;
}

function checkMalformed(parts: readonly Buffer[], why: string, method = "GET"): void {
  const client = clientWith(method);
  client.receive(...parts);
  assert.equal(client.events().at(-1), `1 error local PROTOCOL_ERROR: ${why}`);
  assert.deepEqual(client.frames(), ["RST_STREAM 1 PROTOCOL_ERROR"]);
  assert.equal(client.connection.open, true);
}

test("a response becomes a head", () => {
  const head = read([...OK, ["content-type", "text/plain"], ["set-cookie", "a"], ["set-cookie", "b"]]);
  assert.equal(head.status, 200);
  assert.equal(head.version, 2);
  assert.equal(head.hasBody, true);
  assert.equal(head.bodyLength, UNKNOWN_LENGTH);
  assert.equal(head.fields.toArray().length, 3);
  assert.equal(read([...OK, ["content-length", "5"]]).bodyLength, 5);
  assert.equal(read(OK, true).bodyLength, 0);
});

test("responses without a body may name the length that it would have had", () => {
  const answers = [
    ["HEAD", "200"],
    ["GET", "304"],
  ] as const;
  for (const [method, status] of answers) {
    const head = read(
      [
        [":status", status],
        ["content-length", "5"],
      ],
      true,
      method,
    );
    assert.equal(head.hasBody, false);
    assert.equal(head.declaredLength, true);
    assert.equal(head.bodyLength, 5);
  }
  const none = read(
    [
      [":status", "204"],
      ["content-length", "0"],
    ],
    true,
  );
  assert.equal(none.hasBody, false);
  assert.equal(none.declaredLength, false);
});

test("a body where there can be none is malformed, an empty end is not", () => {
  checkMalformed([headers(1, OK), data(1, "x")], "the body is longer than Content-Length", "HEAD");
  checkMalformed([headers(1, [[":status", "304"]]), data(1, "x")], "the body is longer than Content-Length");
  const client = clientWith("HEAD");
  client.receive(headers(1, [...OK, ["content-length", "7"]]), data(1, "", { end: true }));
  assert.deepEqual(client.events(), ["1 response 200", "1 end", "1 closed"]);
});

test("Content-Length and DATA agree", () => {
  const head = headers(1, [...OK, ["content-length", "3"]]);
  checkMalformed([head, data(1, "1234")], "the body is longer than Content-Length");
  checkMalformed([head, data(1, "12", { end: true })], "the body is shorter than Content-Length");
  checkMalformed(
    [headers(1, [...OK, ["content-length", "3"]], { end: true })],
    "Content-Length without a body",
  );
  checkMalformed([headers(1, [...OK, ["content-length", "x"]])], "Content-Length is not a number");
});

test(":status is three digits, once, in front, and nothing else is", () => {
  for (const status of ["", "20", "2000", "2x0", "099", "+20"])
    checkMalformed([headers(1, [[":status", status]])], ":status is not a status");
  checkMalformed([headers(1, [["a", "b"]])], "no :status");
  checkMalformed([headers(1, [...OK, ...OK])], ":status twice");
  checkMalformed([headers(1, [["a", "b"], ...OK])], "a pseudo-header field behind others");
  checkMalformed([headers(1, [...OK, [":path", "/"]])], "a pseudo-header field that responses do not have");
});

test("fields that HTTP/2 does not have", () => {
  const why = "a field that belongs to a connection of HTTP/1";
  for (const name of ["connection", "transfer-encoding", "keep-alive", "upgrade"])
    checkMalformed([headers(1, [...OK, [name, "x"]])], why);
  checkMalformed([headers(1, [...OK, ["X-Upper", "x"]])], "a field name or value is not well-formed");
});

test("informational responses come before the final one, in any number up to a limit", () => {
  const client = clientWith();
  const early = headers(1, [
    [":status", "103"],
    ["link", "</a>"],
  ]);
  client.receive(headers(1, [[":status", "100"]]), early, early, headers(1, OK, { end: true }));
  assert.deepEqual(client.events(), [
    "1 informational 100",
    "1 informational 103",
    "1 informational 103",
    "1 response 200 ended",
    "1 end",
    "1 closed",
  ]);
  checkMalformed(
    Array.from({ length: 33 }, () => early),
    "too many informational responses",
  );
  checkMalformed([headers(1, [[":status", "101"]])], "101 (Switching Protocols)");
  checkMalformed(
    [headers(1, [[":status", "103"]], { end: true })],
    "an informational response that ends the stream",
  );
  checkMalformed([early, data(1, "x")], "DATA in front of a head");
});

test("trailers end the stream; without END_STREAM they are a second head, which is malformed", () => {
  const client = clientWith();
  client.receive(
    headers(1, OK),
    data(1, "x"),
    headers(
      1,
      [
        ["grpc-status", "0"],
        ["x-a", "b"],
      ],
      { end: true },
    ),
  );
  assert.deepEqual(client.events(), ["1 response 200", "1 data x", "1 end grpc-status=0 x-a=b", "1 closed"]);
  checkMalformed(
    [headers(1, OK), data(1, "x"), headers(1, [["a", "b"]])],
    "a second head without END_STREAM",
  );
  checkMalformed(
    [headers(1, OK), headers(1, OK, { end: true })],
    "a pseudo-header field in a trailer section",
  );
});

test("trailers that a recipient could take for framing or routing are left out", () => {
  const client = clientWith();
  const trailers: FieldList = [
    ["content-length", "5"],
    ["host", "a"],
    ["authorization", "b"],
    ["x-sum", "1"],
  ];
  client.receive(headers(1, OK), headers(1, trailers, { end: true }));
  assert.deepEqual(client.events(), ["1 response 200", "1 end x-sum=1", "1 closed"]);
  checkMalformed(
    [headers(1, OK), headers(1, [["transfer-encoding", "chunked"]], { end: true })],
    "a field that belongs to a connection of HTTP/1",
  );
});

test("a head over its limit ends its stream, and the connection goes on", () => {
  const client = H2Endpoint.settled({ role: "client", limits: { maxHeaderListBytes: 1000 } });
  client.connection.openStream(requestHead("GET", "/"), true, {});
  client.receive(headers(1, [...OK, ["x-a", "a".repeat(1000)]]));
  assert.deepEqual(client.events(), ["1 error local ENHANCE_YOUR_CALM: a response head over its limit"]);
  assert.equal(client.connection.open, true);
});

test("a tunnel: 2xx has no length, octets go both ways, HEADERS do not", () => {
  const client = clientWith("GET", "websocket");
  client.receive(headers(1, [...OK, ["content-length", "2"]]), data(1, "more than two"));
  assert.deepEqual(client.events(), ["1 response 200", "1 data more than two"]);
  client.receive(headers(1, [["x-a", "b"]], { end: true }));
  assert.deepEqual(client.events(), ["1 error local PROTOCOL_ERROR: HEADERS in a tunnel"]);
});
