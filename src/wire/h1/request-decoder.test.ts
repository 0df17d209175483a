/** Requests: lines, fields, targets, hosts, and where a connection may end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HttpVersion, RequestHead } from "../http/message.ts";
import { H1Event } from "./h1-event.ts";
import { DEFAULT_H1_LIMITS, MAX_EMPTY_LINES, MAX_METHOD_BYTES } from "./h1-limits.ts";
import { RequestDecoder } from "./request-decoder.ts";
import { accepts, bytesOf, decode, HEAD, refuses } from "../../../test/support/h1-requests.ts";
import { POLICY, transcribeRequests } from "../../../test/support/h1-transcript.ts";

test("a request is decoded into its parts", () => {
  const message = accepts(
    "POST /a/b?c=d HTTP/1.1\r\nHost: a.example:8080\r\nX-One: 1\r\nContent-Length: 5\r\nx-two:  2 \t\r\n\r\nhello",
  );
  assert.deepEqual(message, {
    method: "POST",
    authority: "a.example:8080",
    path: "/a/b?c=d",
    version: HttpVersion.http11,
    bodyLength: 5,
    keepAlive: true,
    expectContinue: false,
    upgrade: "",
    acceptsTrailers: false,
    fields: [
      ["X-One", "1"],
      ["x-two", "2"],
    ],
    canonicalHead:
      "POST /a/b?c=d HTTP/1.1\r\nHost: a.example:8080\r\nX-One: 1\r\nx-two: 2\r\nContent-Length: 5\r\n\r\n",
    body: "hello",
    trailers: [],
    ended: true,
  });
});

test("the request line has one form only", () => {
  for (const line of [
    "GET  / HTTP/1.1",
    "GET /  HTTP/1.1",
    " GET / HTTP/1.1",
    "GET / HTTP/1.1 ",
    "GET\t/ HTTP/1.1",
    "GET / HTTP/1",
    "GET / HTTP/1.10",
    "GET / http/1.1",
    "GET / HTTP/ 1.1",
    "GET / HTTP/01.1",
    "GET / HTTPS/1.1",
    "GET /",
    "GET HTTP/1.1",
    "G(T / HTTP/1.1",
    "GET /a b HTTP/1.1",
    "GET /a\u0000b HTTP/1.1",
    "GET /a\u007fb HTTP/1.1",
    "GET /caf\u00e9 HTTP/1.1",
    "GET /a#b HTTP/1.1",
    "GET a HTTP/1.1",
    "GET * HTTP/1.1",
    "GET ftp://a.example/ HTTP/1.1",
    `${"M".repeat(MAX_METHOD_BYTES + 1)} / HTTP/1.1`,
  ]) {
    refuses(`${line}\r\nHost: a\r\n\r\n`, "bad_request");
  }
});

test("a line that says nothing of HTTP is none of its requests", () => {
  for (const line of ["INVALID CONNECTION PREFACE", "HELO mail.example ESMTP", "GET / FOO", "SET key value"])
    refuses(`${line}\r\n\r\n`, "not_http");
});

test("versions: 1.0, 1.1, later minor versions as 1.1, other major versions are refused", () => {
  assert.equal(accepts("GET / HTTP/1.0\r\n\r\n").version, HttpVersion.http10);
  assert.equal(accepts("GET / HTTP/1.2\r\nHost: a\r\n\r\n").version, HttpVersion.http11);
  refuses("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "unsupported_version");
  refuses("GET / HTTP/0.9\r\nHost: a\r\n\r\n", "unsupported_version");
  refuses("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "unsupported_version");
});

test("line ends are CRLF and nothing else", () => {
  refuses("GET / HTTP/1.1\nHost: a\r\n\r\n", "bad_request");
  refuses("GET / HTTP/1.1\rHost: a\r\n\r\n", "bad_request");
  refuses(`${HEAD}X: 1\nY: 2\r\n\r\n`, "bad_request");
  refuses(`${HEAD}X: 1\rY: 2\r\n\r\n`, "bad_request");
  refuses(`${HEAD}X: 1\r\r\n\r\n`, "bad_request");
  refuses(`${HEAD}\n`, "bad_request");
  refuses(`${HEAD}\r\rX\n`, "bad_request");
  refuses("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "bad_request");
});

test("a few empty lines before a request are skipped", () => {
  accepts(`${"\r\n".repeat(MAX_EMPTY_LINES)}${HEAD}\r\n`);
  refuses(`${"\r\n".repeat(MAX_EMPTY_LINES + 1)}${HEAD}\r\n`, "bad_request");
  refuses(`\r${HEAD}\r\n`, "bad_request");
});

test("bytes that begin no request are refused at once, without waiting for a line", () => {
  refuses("\u0016\u0003\u0001", "bad_request");
  refuses(" ", "bad_request");
});

test("field lines: strict names and values", () => {
  for (const line of [
    "X-Test : 1",
    ": 1",
    "NoColon",
    "Bad[Name: 1",
    "X-T\u00ebst: 1",
    " X: 1",
    "\tX: 1",
    "X: a\u0000b",
    "X: a\u0001b",
    "X: a\u007fb",
    "Content\tLength: 5",
    "X: 1\r\n folded",
    "X: 1\r\n\tfolded",
  ]) {
    refuses(`${HEAD}${line}\r\n\r\n`, "bad_request");
    refuses(`GET / HTTP/1.1\r\n${line}\r\nHost: a\r\n\r\n`, "bad_request");
  }
  assert.deepEqual(accepts(`${HEAD}X: \u00e9\t\u00ff\r\nEmpty:\r\n\r\n`).fields, [
    ["X", "\u00e9\t\u00ff"],
    ["Empty", ""],
  ]);
});

test("order and spelling of fields survive, with lines to respell among them", () => {
  const message = accepts(
    `A: 1\r\nB:2\r\nC: 3\r\n`.replace(/^/, HEAD) + "D: 4 \r\n__proto: 5\r\nE: 6\r\n\r\n",
    {
      policy: { headerUnderscorePolicy: "drop", strictTe: false },
    },
  );
  assert.deepEqual(message.fields, [
    ["A", "1"],
    ["B", "2"],
    ["C", "3"],
    ["D", "4"],
    ["E", "6"],
  ]);
});

test("underscores in names follow the policy, and strictTe refuses them", () => {
  const text = `${HEAD}X_Y: 1\r\nZ: 2\r\n\r\n`;
  refuses(text, "bad_request");
  assert.deepEqual(accepts(text, { policy: { headerUnderscorePolicy: "drop", strictTe: false } }).fields, [
    ["Z", "2"],
  ]);
  assert.deepEqual(accepts(text, { policy: { headerUnderscorePolicy: "allow", strictTe: false } }).fields, [
    ["X_Y", "1"],
    ["Z", "2"],
  ]);
  refuses(text, "bad_request", { policy: { headerUnderscorePolicy: "allow", strictTe: true } });
});

test("Host: exactly one, valid, not among the fields", () => {
  assert.deepEqual(accepts("GET / HTTP/1.1\r\nhOsT:a.example\r\n\r\n").fields, []);
  refuses("GET / HTTP/1.1\r\n\r\n", "bad_authority");
  assert.equal(accepts("GET / HTTP/1.0\r\n\r\n").authority, "");
  refuses(`${HEAD}Host: a.example\r\n\r\n`, "bad_authority");
  refuses("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "bad_authority");
  for (const host of [
    "",
    " ",
    "a, b",
    "a@b",
    "a/b",
    "a?b",
    "a b",
    "a:",
    "a:0",
    "a:65536",
    "[::1",
    "[fe80::1%25eth0]",
  ]) {
    refuses(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, "bad_authority");
  }
  assert.equal(accepts("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").authority, "[::1]:80");
});

test("an absolute target gives authority and path; Host must be valid but does not count", () => {
  const message = accepts("GET http://b.example:81/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n");
  assert.equal(message.authority, "b.example:81");
  assert.equal(message.path, "/x?y");
  assert.equal(accepts("GET HTTPS://b?y HTTP/1.1\r\nHost: a\r\n\r\n").path, "/?y");
  assert.equal(accepts("GET http://b HTTP/1.1\r\nHost: a\r\n\r\n").path, "/");
  assert.equal(accepts("OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n").path, "*");
  refuses("GET http://b/ HTTP/1.1\r\n\r\n", "bad_authority");
  refuses("GET http://b/ HTTP/1.1\r\nHost: a@b\r\n\r\n", "bad_authority");
  refuses("GET http://u:p@b/ HTTP/1.1\r\nHost: a\r\n\r\n", "bad_authority");
  refuses("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", "bad_authority");
  refuses("GET https://b/ HTTP/1.1\r\nHost: b\r\n\r\n", "bad_request", {
    policy: { ...POLICY, scheme: "http" },
  });
});

test("the authority of an earlier request on the connection does not leak into the next", () => {
  const two = (second: string) =>
    transcribeRequests(bytesOf(`${HEAD}\r\n${second}`)).messages.map((message) => message.authority);
  assert.deepEqual(two("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"), ["a.example", "a.example"]);
  assert.deepEqual(two("GET / HTTP/1.1\r\nHost: b.example\r\n\r\n"), ["a.example", "b.example"]);
  assert.deepEqual(two("GET / HTTP/1.0\r\n\r\n"), ["a.example", ""]);
  assert.deepEqual(two("GET http://b/ HTTP/1.1\r\nHost: a.example\r\n\r\n"), ["a.example", "b"]);
});

test("OPTIONS * is served, CONNECT is not", () => {
  assert.equal(accepts("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").path, "*");
  refuses("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "unsupported_method");
});

test("pipelined requests are decoded one after the other", () => {
  const text = `${HEAD}\r\nPOST /2 HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nabc\r\n${HEAD}\r\n`;
  assert.deepEqual(
    decode(text).messages.map((message) => [message.method, message.path, message.authority, message.body]),
    [
      ["GET", "/", "a.example", ""],
      ["POST", "/2", "b", "abc"],
      ["GET", "/", "a.example", ""],
    ],
  );
});

test("a connection that ends between requests is fine; elsewhere it is a fault", () => {
  const end = (text: string) => decode(text, { finish: true }).fault;
  assert.equal(end(""), "");
  assert.equal(end("\r\n"), "");
  assert.equal(end(`${HEAD}\r\n`), "");
  assert.equal(end(`${HEAD}\r\n\r\n`), "");
  for (let length = 1; length < HEAD.length + 2; length++) {
    assert.equal(end(`${HEAD}\r\n`.slice(0, length)), "bad_request");
  }
  assert.equal(end("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell"), "client_closed");
  assert.equal(end("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"), "client_closed");
});

test("idle and endPending tell where the decoder is", () => {
  const decoder = new RequestDecoder(DEFAULT_H1_LIMITS, POLICY);
  assert.ok(decoder.idle);
  decoder.begin(new RequestHead());
  assert.ok(decoder.idle);
  const bytes = bytesOf("\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
  decoder.next(bytes, 0, 2);
  assert.ok(decoder.idle, "an empty line is not a message");
  decoder.next(bytes, 2, 3);
  assert.ok(!decoder.idle);
  decoder.next(bytes, 3, bytes.length - 1);
  assert.equal(decoder.event, H1Event.head);
  assert.ok(!decoder.endPending);
  decoder.next(bytes, bytes.length - 1, bytes.length);
  assert.equal(decoder.event, H1Event.body);
  assert.ok(decoder.endPending);
  decoder.next(bytes, 0, 0);
  assert.equal(decoder.event, H1Event.end);
  assert.ok(decoder.idle);
});

test("a fault stays, until reset gives the decoder to another connection", () => {
  const decoder = new RequestDecoder(DEFAULT_H1_LIMITS, POLICY);
  const head = new RequestHead();
  decoder.begin(head);
  decoder.next(bytesOf("bad\r\n"), 0, 5);
  assert.equal(decoder.event, H1Event.error);
  decoder.next(bytesOf(`${HEAD}\r\n`), 0, 10);
  assert.equal(decoder.event, H1Event.error);
  assert.equal(decoder.finish(), H1Event.error);
  assert.throws(() => decoder.begin(head), /begin\(\) inside a request/);
  decoder.reset();
  decoder.begin(head);
  const bytes = bytesOf(`${HEAD}\r\n`);
  assert.equal(decoder.next(bytes, 0, bytes.length), bytes.length);
  assert.equal(decoder.event, H1Event.head);
  decoder.reset();
  decoder.begin(head);
});

const EXAMPLES = [
  `${HEAD}User-Agent: x\r\nAccept:y\r\nA: \r\n\r\n`,
  "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;e\r\nhello\r\n3\r\nabc\r\n0\r\nX: 1\r\nY:2\r\n\r\n",
  `POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc${HEAD}\r\n`,
  `${HEAD}Bad : 1\r\n\r\n`,
  "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n",
];

test("any cut gives the same messages and the same fault", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...EXAMPLES),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
      (text, pieces) => {
        const whole = transcribeRequests(bytesOf(text), { finish: true });
        const cut = transcribeRequests(bytesOf(text), { finish: true, pieces });
        assert.deepEqual([cut.messages, cut.fault], [whole.messages, whole.fault]);
      },
    ),
    { numRuns: 300 },
  );
});

test("no truncation and no garbage throws", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...EXAMPLES),
      fc.nat(),
      fc.uint8Array({ maxLength: 40 }),
      (text, cut, garbage) => {
        const bytes = Buffer.concat([bytesOf(text.slice(0, cut % text.length)), garbage]);
        const whole = transcribeRequests(bytes, { finish: true });
        const single = transcribeRequests(bytes, { finish: true, pieces: [1] });
        assert.deepEqual([single.messages, single.fault], [whole.messages, whole.fault]);
      },
    ),
    { numRuns: 500 },
  );
});
