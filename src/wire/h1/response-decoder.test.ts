/** Responses: status lines, framing, bodiless answers, informational ones, and the end of the connection. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HttpVersion, ResponseHead, UNKNOWN_LENGTH } from "../http/message.ts";
import { H1Event } from "./h1-event.ts";
import { DEFAULT_H1_LIMITS, MAX_INFORMATIONAL } from "./h1-limits.ts";
import { ResponseDecoder } from "./response-decoder.ts";
import {
  type ResponseRecord,
  transcribeResponses,
  type TranscribeResponseOptions,
} from "../../../test/support/h1-transcript.ts";

function bytesOf(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** Decodes whole and byte by byte, demands the same, and returns it. */
function decode(text: string, options: TranscribeResponseOptions = {}) {
  const whole = transcribeResponses(bytesOf(text), options);
  const single = transcribeResponses(bytesOf(text), { ...options, pieces: [1] });
  assert.deepEqual(
    [single.messages, single.fault],
    [whole.messages, whole.fault],
    "whole and byte by byte differ",
  );
  return whole;
}

function accepts(text: string, options: TranscribeResponseOptions = {}): ResponseRecord {
  const result = decode(text, options);
  assert.equal(result.fault, "", `${JSON.stringify(text)}: ${result.detail}`);
  assert.equal(result.messages.length, 1, JSON.stringify(text));
  const message = result.messages[0] as ResponseRecord;
  assert.ok(message.ended, `not complete: ${JSON.stringify(text)}`);
  return message;
}

function refuses(text: string, options: TranscribeResponseOptions = {}): void {
  const result = decode(text, options);
  assert.equal(result.fault, "upstream_malformed", JSON.stringify(text));
}

test("a response is decoded into its parts", () => {
  assert.deepEqual(accepts("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\nX_Y:1\r\n\r\nhello"), {
    status: 200,
    version: HttpVersion.http11,
    bodyLength: 5,
    hasBody: true,
    declaredLength: false,
    keepAlive: true,
    upgrade: "",
    fields: [
      ["Date", "now"],
      ["X_Y", "1"],
    ],
    requestMethod: "GET",
    canonicalHead: "HTTP/1.1 200 OK\r\nDate: now\r\nX_Y: 1\r\nContent-Length: 5\r\n\r\n",
    body: "hello",
    trailers: [],
    ended: true,
  });
});

test("the status line: strict, but for a missing or odd reason phrase", () => {
  const length = "Content-Length: 0\r\n\r\n";
  for (const line of [
    "HTTP/1.1 200",
    "HTTP/1.1 200 ",
    "HTTP/1.1 200  OK",
    "HTTP/1.1 200 D\u00e9j\u00e0\tvu",
  ]) {
    assert.equal(accepts(`${line}\r\n${length}`).status, 200);
  }
  assert.equal(accepts(`HTTP/1.9 599 x\r\n${length}`).version, HttpVersion.http11);
  for (const line of [
    "HTTP/1.1  200 OK",
    "HTTP/1.1\t200 OK",
    "HTTP/1.1 20 OK",
    "HTTP/1.1 2000 OK",
    "HTTP/1.1 099 OK",
    "HTTP/1.1 2x0 OK",
    "HTTP/1.1 200OK",
    "HTTP/2.0 200 OK",
    "HTTP/0.9 200 OK",
    "HTTP/01.1 200 OK",
    "HTP/1.1 200 OK",
    "ICY 200 OK",
    "HTTP/1.1 200 O\u0000K",
    "HTTP/1.1 200 OK\r",
    " HTTP/1.1 200 OK",
  ]) {
    refuses(`${line}\r\n${length}`);
  }
  refuses(`HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n`);
  refuses(`HTTP/1.1 200 OK\rContent-Length: 0\r\n\r\n`);
});

test("field lines are as strict as in requests", () => {
  for (const line of [
    "X : 1",
    " X: 1",
    "X: 1\r\n folded",
    "X: a\u0000b",
    "X: 1\rY: 2",
    "X: 1\nY: 2",
    ": 1",
    "NoColon",
  ]) {
    refuses(`HTTP/1.1 200 OK\r\n${line}\r\nContent-Length: 0\r\n\r\n`);
  }
});

test("framing that could be read in two ways is refused", () => {
  for (const lines of [
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 5",
    "Content-Length: 5\r\nContent-Length: 6",
    "Content-Length: 5, 5",
    "Content-Length: -1",
    "Transfer-Encoding: gzip",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding:",
  ]) {
    refuses(`HTTP/1.1 200 OK\r\n${lines}\r\n\r\nhello`);
  }
  refuses("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  assert.equal(
    accepts("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello").body,
    "hello",
  );
});

test("a chunked response with trailers", () => {
  const message = accepts(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n\r\n",
  );
  assert.equal(message.body, "abc");
  assert.equal(message.bodyLength, UNKNOWN_LENGTH);
  assert.equal(message.keepAlive, true);
  assert.deepEqual(message.trailers, [["X", "1"]]);
  refuses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nabc\r\n");
});

test("a body without length lasts until the connection closes", () => {
  const message = accepts("HTTP/1.1 200 OK\r\n\r\nhello", { finish: true });
  assert.equal(message.body, "hello");
  assert.equal(message.bodyLength, UNKNOWN_LENGTH);
  assert.equal(message.keepAlive, false);
  const open = decode("HTTP/1.1 200 OK\r\n\r\nhello");
  assert.equal(open.messages[0]?.ended, false);
});

test("answers without body: HEAD, 204, 304", () => {
  const head = accepts("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", { methods: ["HEAD"] });
  assert.deepEqual([head.hasBody, head.declaredLength, head.bodyLength, head.body], [false, true, 5, ""]);
  const chunked = accepts("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", { methods: ["HEAD"] });
  assert.deepEqual([chunked.hasBody, chunked.declaredLength, chunked.bodyLength], [false, false, 0]);
  const notModified = accepts("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n");
  assert.deepEqual(
    [notModified.hasBody, notModified.declaredLength, notModified.bodyLength],
    [false, true, 9],
  );
  const noContent = accepts("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n");
  assert.deepEqual([noContent.hasBody, noContent.declaredLength, noContent.keepAlive], [false, false, true]);
});

test("a 204 that announces content closes the connection", () => {
  assert.equal(accepts("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n").keepAlive, false);
  assert.equal(accepts("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n").keepAlive, false);
});

test("informational responses come before the final one, each with its own fields", () => {
  const result = decode(
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  );
  assert.deepEqual(
    result.messages.map((message) => [message.status, message.fields, message.hasBody, message.body]),
    [
      [100, [], false, ""],
      [103, [["Link", "x"]], false, ""],
      [200, [], true, "ok"],
    ],
  );
});

test("a flood of informational responses is refused", () => {
  const final = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  const flood = (count: number) => decode("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(count) + final).fault;
  assert.equal(flood(MAX_INFORMATIONAL), "");
  assert.equal(flood(MAX_INFORMATIONAL + 1), "upstream_malformed");
});

test("101 ends HTTP and names the protocol", () => {
  const decoder = new ResponseDecoder(DEFAULT_H1_LIMITS);
  const head = new ResponseHead();
  decoder.begin(head, "GET");
  const text = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n";
  const bytes = bytesOf(`${text}\u0081\u0000`);
  assert.equal(decoder.next(bytes, 0, bytes.length), text.length);
  assert.equal(decoder.event, H1Event.head);
  assert.deepEqual(
    [head.status, head.upgrade, head.hasBody, head.keepAlive],
    [101, "websocket", false, false],
  );
  assert.throws(() => decoder.next(bytes, text.length, bytes.length), /after a 101/);
  assert.equal(decoder.finish(), H1Event.needMore);
});

test("the connection can be used again as RFC 9112 section 9.3 says", () => {
  const keepAlive = (version: string, connection: string) =>
    accepts(`HTTP/${version} 200 OK\r\n${connection}Content-Length: 0\r\n\r\n`).keepAlive;
  assert.equal(keepAlive("1.1", ""), true);
  assert.equal(keepAlive("1.1", "Connection: Close\r\n"), false);
  assert.equal(keepAlive("1.0", ""), false);
  assert.equal(keepAlive("1.0", "Connection: keep-alive\r\n"), true);
});

test("bytes behind a response are left for the caller to judge", () => {
  const decoder = new ResponseDecoder(DEFAULT_H1_LIMITS);
  decoder.begin(new ResponseHead(), "GET");
  const text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  const bytes = bytesOf(`${text}HTTP/1.1 200 OK\r\n\r\n`);
  let pos = 0;
  do pos = decoder.next(bytes, pos, bytes.length);
  while (decoder.event !== H1Event.end);
  assert.equal(pos, text.length);
  assert.throws(() => decoder.next(bytes, pos, bytes.length), /without begin/);
});

test("a connection that ends: fine when nothing is awaited, else a fault", () => {
  const full = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  for (let length = 0; length < full.length; length++) {
    assert.equal(decode(full.slice(0, length), { finish: true }).fault, "upstream_closed", String(length));
  }
  const decoder = new ResponseDecoder(DEFAULT_H1_LIMITS);
  assert.equal(decoder.finish(), H1Event.needMore);
  const informational = decode("HTTP/1.1 100 Continue\r\n\r\n", { finish: true });
  assert.equal(informational.fault, "upstream_closed");
});

test("heads, trailers and field counts are bounded", () => {
  const limits = { ...DEFAULT_H1_LIMITS, maxHeaderBytes: 200, maxHeaders: 2 };
  refuses(`HTTP/1.1 200 ${"x".repeat(300)}`, { limits });
  refuses(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(300)}`, { limits });
  refuses("HTTP/1.1 200 OK\r\nA: 1\r\nB: 1\r\nC: 1\r\n\r\n", { limits });
});

const EXAMPLES = [
  "HTTP/1.1 200 OK\r\nA: 1\r\nB:2\r\nContent-Length: 3\r\nC: 3\r\n\r\nabc",
  "HTTP/1.1 103 X\r\nLink: 1\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;e\r\nhello\r\n0\r\nX: 1\r\n\r\n",
  "HTTP/1.0 200 OK\r\n\r\nuntil the end",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n",
];

test("any cut, truncation and garbage gives the same as the whole, and never throws", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...EXAMPLES),
      fc.nat(),
      fc.uint8Array({ maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 }),
      (text, cut, garbage, pieces) => {
        const bytes = Buffer.concat([bytesOf(text.slice(0, 1 + (cut % text.length))), garbage]);
        const whole = transcribeResponses(bytes, { finish: true });
        const parts = transcribeResponses(bytes, { finish: true, pieces });
        assert.deepEqual([parts.messages, parts.fault], [whole.messages, whole.fault]);
      },
    ),
    { numRuns: 500 },
  );
});
