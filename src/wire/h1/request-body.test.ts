/** How the request decoder frames bodies, and which trailers it takes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { UNKNOWN_LENGTH } from "../http/message.ts";
import { accepts, bytesOf, decode, HEAD, refuses } from "../../../test/support/h1-requests.ts";
import { transcribeRequests } from "../../../test/support/h1-transcript.ts";

test("Content-Length: one number", () => {
  const post = (lines: string, body = "hello") => `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n${body}`;
  assert.equal(accepts(post("Content-Length: 5")).body, "hello");
  assert.equal(accepts(post("Content-Length:\t005 ")).bodyLength, 5);
  assert.equal(accepts(post("Content-Length: 5\r\ncontent-length: 5")).body, "hello");
  for (const value of [
    "",
    "+5",
    "-1",
    "-0",
    "5,5",
    "5, 5",
    "0x5",
    "5 5",
    "5_0",
    "0o5",
    "a",
    "9007199254740992",
    "9".repeat(40),
  ]) {
    refuses(post(`Content-Length: ${value}`), "bad_request");
  }
  refuses(post("Content-Length: 5\r\nContent-Length: 6"), "request_smuggling");
  assert.equal(accepts(post("X: 1", "")).bodyLength, 0);
});

test("Transfer-Encoding: chunked, once, last, alone, not in HTTP/1.0", () => {
  const post = (lines: string, version = "1.1") =>
    `POST / HTTP/${version}\r\nHost: a\r\n${lines}\r\n\r\n0\r\n\r\n`;
  assert.equal(accepts(post("Transfer-Encoding:  Chunked ")).bodyLength, UNKNOWN_LENGTH);
  refuses(post("Transfer-Encoding: gzip, chunked"), "unsupported_transfer_coding");
  refuses(post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"), "unsupported_transfer_coding");
  refuses(post("Transfer-Encoding: gzip, chunked"), "bad_request", {
    policy: { headerUnderscorePolicy: "allow", strictTe: true },
  });
  for (const value of [
    "",
    ",chunked",
    "chunked,",
    "chunked;a=b",
    "\u000bchunked",
    "chunked\u0000",
    "chu nked",
    '"chunked"',
  ]) {
    refuses(post(`Transfer-Encoding: ${value}`), "bad_request");
  }
  for (const lines of [
    "Transfer-Encoding: gzip",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunked, gzip",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding: chunked\r\nContent-Length: 5",
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
  ]) {
    refuses(post(lines), "request_smuggling");
  }
  refuses(post("Transfer-Encoding: chunked", "1.0"), "request_smuggling");
});

test("chunked bodies", () => {
  const post = (body: string) => `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
  assert.equal(accepts(post("5\r\nhello\r\nA\r\n0123456789\r\n000\r\n\r\n")).body, "hello0123456789");
  assert.equal(accepts(post('5;a;b=c;d="e;\\" f"\r\nhello\r\n0;z\r\n\r\n')).body, "hello");
  for (const body of [
    "5\nhello\r\n0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "5\r\nhello0\r\n\r\n",
    "5\r\nhello!!\r\n0\r\n\r\n",
    "5\rhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n",
    " 5\r\nhello\r\n",
    "+5\r\nhello\r\n",
    "-1\r\nhello\r\n",
    "0x5\r\nhello\r\n",
    "1_0\r\nhello\r\n",
    "\r\nhello\r\n",
    "5;\r\nhello\r\n",
    "5; a\r\nhello\r\n",
    "5;a =b\r\nhello\r\n",
    "5;a=\r\nhello\r\n",
    '5;a="b\r\nhello\r\n',
    "5;a[=b\r\nhello\r\n",
    "5;\u0000\r\nhello\r\n",
    "5;a\rX\r\nhello\r\n",
    "FFFFFFFFFFFFFFFF0\r\nhello\r\n",
    "20000000000000\r\nhello\r\n",
    "0\r\n\n",
  ]) {
    const result = decode(post(body));
    assert.equal(result.fault, "bad_request", JSON.stringify(body));
  }
  const large = decode(post("1FFFFFFFFFFFFF\r\nhello"));
  assert.equal(large.fault, "");
  assert.equal(large.messages[0]?.body, "hello");
});

test("trailers are decoded, and those that would act as header fields are refused", () => {
  const post = (trailers: string) =>
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n${trailers}\r\n`;
  assert.deepEqual(accepts(post("X-Checksum: abc\r\nGrpc-Status:0\r\n")).trailers, [
    ["X-Checksum", "abc"],
    ["Grpc-Status", "0"],
  ]);
  for (const name of [
    "Content-Length",
    "transfer-encoding",
    "Host",
    "Authorization",
    "Content-Type",
    "Content-Encoding",
    "Trailer",
    "TE",
    "Cookie",
    "X-Forwarded-For",
    "Connection",
    "Set-Cookie",
    "Cache-Control",
    "If-Match",
  ]) {
    assert.equal(decode(post(`${name}: 1\r\n`)).fault, "bad_request", name);
  }
  assert.equal(decode(post("X : 1\r\n")).fault, "bad_request");
  assert.equal(decode(post("X_Y: 1\r\n")).fault, "bad_request");
});

test("trailers of one request are not seen at the end of the next", () => {
  const text = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n\r\n${HEAD}\r\n`;
  assert.deepEqual(
    transcribeRequests(bytesOf(text)).messages.map((message) => message.trailers.length),
    [1, 0],
  );
});
