import assert from "node:assert/strict";
import { test } from "node:test";
import { type FieldList, GET, headers, POST, data, settings } from "../../../../test/support/h2-dsl.ts";
import * as h3 from "../../../../test/support/h3-dsl.ts";
import { H3Endpoint } from "../../../../test/support/h3-endpoint.ts";
import { H2Endpoint, responseHead } from "../../../../test/support/h2-endpoint.ts";
import type { RequestHead } from "../../http/message.ts";
import { UNKNOWN_LENGTH } from "../../http/message.ts";
import type { H2Limits } from "../../h2/h2-limits.ts";

/** The pseudo-header fields of GET, some replaced or left out (`null`), and regular fields behind them. */
function request(changes: Readonly<Record<string, string | null>>, ...fields: FieldList): FieldList {
  const pseudo = GET.flatMap(([name, value]) => {
    const changed = changes[name];
    return changed === null ? [] : [[name, changed ?? value] as const];
  });
  const added = Object.entries(changes).flatMap(([name, value]) =>
    value === null || GET.some(([known]) => known === name) ? [] : [[name, value] as const],
  );
  return [...pseudo, ...added, ...fields];
}

/** Sends one request without a body; returns the head, and what the owner heard first. */
function read(
  fields: FieldList,
  limits: Partial<H2Limits> = {},
  end = true,
): { head: RequestHead; heard: string } {
  const server = H2Endpoint.settled({ limits });
  server.receive(headers(1, fields, { end }));
  return { head: server.owner.heads.get(1) as RequestHead, heard: server.events()[0] ?? "" };
}

function checkMalformed(fields: FieldList, why: string, limits: Partial<H2Limits> = {}): void {
  const server = H2Endpoint.settled({ limits });
  server.receive(headers(1, fields, { end: true }));
  assert.deepEqual(server.events(), [`1 error local PROTOCOL_ERROR: ${why}`]);
  assert.deepEqual(server.frames(), ["RST_STREAM 1 PROTOCOL_ERROR"]);
  server.receive(headers(3, GET, { end: true }));
  assert.deepEqual(server.events(), ["3 request GET example.com/ ended", "3 end"], "the connection goes on");
}

function checkRefused(fields: FieldList, code: string, limits: Partial<H2Limits> = {}): void {
  assert.equal(read(fields, limits).heard, `1 bad ${code}`);
}

test("a request becomes a head: pseudo-header fields apart, others in order", () => {
  const { head, heard } = read(
    request({ ":path": "/a?b=c?d" }, ["accept", "*/*"], ["x-one", "1"], ["accept", "b"]),
  );
  assert.equal(heard, "1 request GET example.com/a?b=c?d ended");
  assert.deepEqual(head.fields.toArray(), [
    ["accept", "*/*"],
    ["x-one", "1"],
    ["accept", "b"],
  ]);
  assert.equal(head.fields.bytes.latin1Slice(head.targetStart, head.pathEnd), "/a");
  assert.equal(head.version, 2);
  assert.equal(head.bodyLength, 0);
});

test("pseudo-header fields: missing, twice, unknown, late, of a response", () => {
  checkMalformed(request({ ":method": null }), "no :method");
  checkMalformed(request({ ":scheme": null }), "no :scheme");
  checkMalformed(request({ ":path": null }), "no :path");
  checkMalformed([...GET, [":method", "GET"]], "a pseudo-header field twice");
  checkMalformed([...GET, [":path", "/"]], "a pseudo-header field twice");
  checkMalformed([...GET, [":status", "200"]], "a pseudo-header field that requests do not have");
  checkMalformed([...GET, [":unknown", "x"]], "a field name or value is not well-formed");
  checkMalformed([["a", "b"], ...GET], "a pseudo-header field behind others");
});

test("names and values that are not well-formed", () => {
  const why = "a field name or value is not well-formed";
  for (const name of ["X-Upper", "", "a b", "a:b", "a\r\nb", "a\0", "é"])
    checkMalformed([...GET, [name, "v"]], why);
  for (const value of ["a\r\nb: c", "a\nb", "a\0b", " a", "a ", "\ta", "a\t", "\x7f", "a\rb"])
    checkMalformed([...GET, ["x-a", value]], why);
  assert.equal(read([...GET, ["x-a", "a \t\xe9b"], ["x-b", ""]]).heard, "1 request GET example.com/ ended");
});

test("methods, schemes and paths that would be read otherwise in HTTP/1", () => {
  for (const method of ["G ET", "GET / HTTP/1.1\r\nX:", "GÉT", "G\tT"])
    checkMalformed(
      request({ ":method": method }),
      method.includes("\r") ? "a field name or value is not well-formed" : ":method is not a token",
    );
  checkMalformed(request({ ":method": "" }), "length of :method");
  checkMalformed(request({ ":method": "A".repeat(33) }), "length of :method");
  for (const scheme of ["ftp", "", "https://x/", "HTTPSX"])
    checkMalformed(request({ ":scheme": scheme }), ":scheme is neither http nor https");
  for (const path of ["", "x", "*", "http://a/"]) {
    const why = path === "*" ? ":path is * without OPTIONS" : ":path does not begin with a slash";
    checkMalformed(request({ ":path": path }), why);
  }
  for (const path of ["/a b", "/#", "/\x80", "/a\tb"])
    checkMalformed(request({ ":path": path }), ":path holds an octet that no target has");
  assert.equal(read(request({ ":method": "OPTIONS", ":path": "*" })).head.path, "*");
});

test("fields that belong to a connection of HTTP/1", () => {
  const why = "a field that belongs to a connection of HTTP/1";
  for (const name of [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
  ])
    checkMalformed([...GET, [name, "x"]], why);
  checkMalformed([...GET, ["te", "gzip"]], "TE other than trailers");
  checkMalformed([...GET, ["te", "trailers, gzip"]], "TE other than trailers");
  assert.equal(read([...GET, ["te", "trailers"]]).head.acceptsTrailers, true);
});

test(":authority is the host; Host stands in for it, and must not differ", () => {
  assert.equal(read(request({ ":authority": null }, ["host", "a.test:81"])).head.authority, "a.test:81");
  assert.equal(read([...GET, ["host", "EXAMPLE.com"]]).heard, "1 request GET example.com/ ended");
  const { head } = read([...GET, ["host", "example.com"]]);
  assert.deepEqual(head.fields.toArray(), [], "Host is not among the fields");
  checkRefused([...GET, ["host", "other.com"]], "bad_authority");
  checkRefused(request({ ":authority": null }), "bad_authority");
  checkRefused(request({ ":authority": "user@example.com" }), "bad_authority");
  checkRefused(request({ ":authority": "a,b" }), "bad_authority");
  checkRefused(request({ ":authority": "" }, ["host", "a"]), "bad_authority");
  checkMalformed([...GET, ["host", "example.com"], ["host", "example.com"]], "two Host fields");
});

test("HTTP/3 demands :authority or Host", () => {
  const server = H3Endpoint.settled();
  server.message(0, h3.headers(request({ ":authority": null })));
  assert.deepEqual(server.events(), ["0 error local H3_MESSAGE_ERROR: neither :authority nor Host"]);
  assert.deepEqual(server.lines(), ["0 reset H3_MESSAGE_ERROR", "0 stop H3_MESSAGE_ERROR"]);
  server.message(4, h3.headers(request({ ":authority": null }, ["host", "a.test"])));
  assert.deepEqual(server.events(), ["4 request GET a.test/ ended", "4 end"]);
});

test("cookie crumbs are joined, wherever they stand", () => {
  const crumbs: FieldList = [
    ["cookie", "a=1"],
    ["x-a", "1"],
    ["cookie", "b=2; c=3"],
    ["cookie", `d=${"4".repeat(3000)}`],
  ];
  assert.deepEqual(read([...GET, ...crumbs]).head.fields.toArray(), [
    ["x-a", "1"],
    ["cookie", `a=1; b=2; c=3; d=${"4".repeat(3000)}`],
  ]);
});

test("Content-Length: a number, once or the same, and agreeing with the body", () => {
  assert.equal(read([...POST, ["content-length", "12"]], {}, false).head.bodyLength, 12);
  assert.equal(read([...POST, ["content-length", "0"]], {}, false).head.bodyLength, 0);
  assert.equal(read(POST, {}, false).head.bodyLength, UNKNOWN_LENGTH);
  const twice: FieldList = [...POST, ["content-length", "5"], ["content-length", "5"]];
  assert.equal(read(twice, {}, false).head.bodyLength, 5);
  for (const value of ["", "+1", "-1", "1,1", "0x1", "1.0", "9007199254740992"])
    checkMalformed([...POST, ["content-length", value]], "Content-Length is not a number");
  checkMalformed(
    [...POST, ["content-length", "1"], ["content-length", "2"]],
    "two different Content-Lengths",
  );
  checkMalformed([...POST, ["content-length", "1"]], "Content-Length without a body");
  for (const [bodies, why] of [
    [["123456"], "longer"],
    [["123", "456"], "longer"],
    [["1234"], "shorter"],
    [["", ""], "shorter"],
  ] as const) {
    const server = H2Endpoint.settled();
    server.receive(headers(1, [...POST, ["content-length", "5"]]));
    bodies.forEach((body, i) => server.receive(data(1, body, { end: i === bodies.length - 1 })));
    assert.equal(
      server.events().at(-1),
      `1 error local PROTOCOL_ERROR: the body is ${why} than Content-Length`,
    );
  }
  const server = H2Endpoint.settled();
  server.receive(
    headers(1, [...POST, ["content-length", "5"]]),
    data(1, "123"),
    headers(1, [["x-t", "1"]], { end: true }),
  );
  assert.match(server.events().at(-1) ?? "", /shorter than Content-Length/);
});

test("Expect is 100-continue or a fault, and means nothing without a body", () => {
  assert.equal(read([...POST, ["expect", "100-Continue"]], {}, false).head.expectContinue, true);
  assert.equal(read([...POST, ["expect", "100-continue"]]).head.expectContinue, false);
  checkRefused([...POST, ["expect", "a-miracle"]], "expectation_failed");
});

test("CONNECT is refused; extended CONNECT is taken when it was announced", () => {
  const connect: FieldList = [
    [":method", "CONNECT"],
    [":authority", "example.com:443"],
  ];
  checkRefused(connect, "unsupported_method");
  checkMalformed([...connect, [":scheme", "https"]], "CONNECT with :scheme or :path");
  checkMalformed(connect.slice(0, 1), "CONNECT without :authority");
  const websocket = request({ ":method": "CONNECT", ":protocol": "WebSocket", ":path": "/chat" });
  checkMalformed(websocket, ":protocol, which was not announced");
  const allowed = { connectProtocol: true };
  const { head, heard } = read(websocket, allowed, false);
  assert.equal(heard, "1 request GET example.com/chat");
  assert.equal(head.upgrade, "websocket");
  assert.equal(head.bodyLength, 0);
  checkRefused(
    request({ ":method": "CONNECT", ":protocol": "websocket", ":path": null }),
    "bad_request",
    allowed,
  );
  checkMalformed(request({ ":protocol": "websocket" }), ":protocol without CONNECT", allowed);
  checkMalformed([...websocket, ["content-length", "0"]], "Content-Length in an extended CONNECT", allowed);
  checkMalformed(request({ ":method": "CONNECT", ":protocol": "a b" }), ":protocol is not a token", allowed);
});

test("what is over a limit is refused with a status, and the connection goes on", () => {
  const limits = { maxHeaderListBytes: 1000, maxFields: 10 };
  checkRefused([...GET, ["x-a", "a".repeat(1000)]], "headers_too_large", limits);
  checkRefused(request({ ":authority": "a".repeat(1000) }), "headers_too_large", limits);
  checkRefused(
    [...GET, ...Array.from({ length: 13 }, () => ["x-a", ""] as const)],
    "headers_too_large",
    limits,
  );
  checkRefused(
    [...GET, ...Array.from({ length: 13 }, () => ["cookie", "a"] as const)],
    "headers_too_large",
    limits,
  );
  checkRefused(request({ ":path": `/${"a".repeat(500)}` }), "target_too_long", limits);
  assert.equal(read(request({ ":path": `/${"a".repeat(499)}` }), limits).heard.slice(0, 9), "1 request");
});

test("a refused request is answered, and what follows of it is thrown away", () => {
  const server = H2Endpoint.settled({ limits: { maxHeaderListBytes: 1000 } });
  server.receive(headers(1, [...POST, ["x-a", "a".repeat(1000)]]), data(1, "some of the body"));
  assert.deepEqual(server.events(), ["1 bad headers_too_large"]);
  const { connection } = server;
  connection.sendHead(server.stream(1), responseHead(431, 0), true);
  connection.sendEnd(server.stream(1), null);
  server.receive(data(1, "the rest", { end: true }));
  assert.deepEqual(server.events(), ["1 closed"]);
  assert.deepEqual(server.frames(), ["HEADERS 1 end :status=431 content-length=0", "RST_STREAM 1 NO_ERROR"]);
  assert.equal(connection.open, true);
});

test("field names with an underscore: passed, left out, or refused", () => {
  const fields: FieldList = [...GET, ["x_forwarded_for", "1"], ["x-a", "1"]];
  assert.equal(read(fields, { underscores: "allow" }).head.fields.toArray().length, 2);
  assert.deepEqual(read(fields, { underscores: "drop" }).head.fields.toArray(), [["x-a", "1"]]);
  checkRefused(fields, "bad_request", { underscores: "reject" });
});

test("fields that came as never-indexed literals are marked, a cookie of which one crumb did too", () => {
  const server = H2Endpoint.settled();
  const plain = headers(1, [...GET, ["x-a", "1"], ["cookie", "a"], ["cookie", "b"], ["x-b", "2"]], {
    end: true,
  });
  // The first octet of a literal's representation is what tells (RFC 7541 section 6.2.3).
  const never = Buffer.from(plain);
  for (const name of ["x-a", "cookie"]) never[never.lastIndexOf(name) - 2] = 0x10;
  server.receive(settings(), never);
  const { fields } = server.owner.heads.get(1) as RequestHead;
  const marked = fields.toArray().map(([name], i) => `${name} ${fields.neverIndexed(i)}`);
  assert.deepEqual(marked, ["x-a true", "x-b false", "cookie true"]);
});
