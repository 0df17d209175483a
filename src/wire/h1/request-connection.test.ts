/** What the fields about the connection mean to the request decoder. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accepts, decode, HEAD, refuses } from "../../../test/support/h1-requests.ts";
import type { RequestRecord } from "../../../test/support/h1-transcript.ts";

test("the connection stays open as RFC 9112 section 9.3 says", () => {
  const keepAlive = (version: string, connection: string) =>
    accepts(`GET / HTTP/${version}\r\nHost: a\r\n${connection}\r\n`).keepAlive;
  assert.equal(keepAlive("1.1", ""), true);
  assert.equal(keepAlive("1.1", "Connection: close\r\n"), false);
  assert.equal(keepAlive("1.1", "Connection: x, CLOSE\t,keep-alive\r\n"), false);
  assert.equal(keepAlive("1.1", "Connection: x\r\nConnection: close\r\n"), false);
  assert.equal(keepAlive("1.1", "Connection: closed\r\n"), true);
  assert.equal(keepAlive("1.0", ""), false);
  assert.equal(keepAlive("1.0", "Connection: Keep-Alive\r\n"), true);
  assert.equal(keepAlive("1.0", "Connection: keep-alive, close\r\n"), false);
});

test("Connection and what it names stay among the fields", () => {
  assert.deepEqual(accepts(`${HEAD}Connection: close, X-A\r\nX-A: 1\r\n\r\n`).fields, [
    ["Connection", "close, X-A"],
    ["X-A", "1"],
  ]);
});

test("Upgrade counts in HTTP/1.1, with its connection option", () => {
  const upgrade = (version: string, lines: string) =>
    (decode(`GET / HTTP/${version}\r\nHost: a\r\n${lines}\r\n`).messages[0] as RequestRecord).upgrade;
  assert.equal(upgrade("1.1", "Connection: Upgrade\r\nUpgrade: WebSocket\r\n"), "websocket");
  assert.equal(upgrade("1.1", "Upgrade: a\r\nUpgrade: B\r\nConnection: x, upgrade\r\n"), "a, b");
  assert.equal(upgrade("1.1", "Upgrade: websocket\r\n"), "");
  assert.equal(upgrade("1.0", "Connection: Upgrade\r\nUpgrade: websocket\r\n"), "");
});

test("Expect: 100-continue of a request with content; anything else is refused", () => {
  const expect = (version: string, lines: string) =>
    (decode(`POST / HTTP/${version}\r\nHost: a\r\n${lines}\r\n`).messages[0] as RequestRecord).expectContinue;
  assert.equal(expect("1.1", "Expect: 100-Continue\r\nContent-Length: 5\r\n"), true);
  assert.equal(expect("1.1", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"), true);
  assert.equal(expect("1.1", "Expect: 100-continue\r\n"), false);
  assert.equal(expect("1.0", "Expect: 100-continue\r\nContent-Length: 5\r\n"), false);
  refuses(`${HEAD}Expect: 200-ok\r\n\r\n`, "expectation_failed");
  refuses(`${HEAD}Expect: 100-continue, x\r\n\r\n`, "expectation_failed");
});

test("TE: trailers is noticed", () => {
  assert.equal(accepts(`${HEAD}TE: gzip, Trailers\r\n\r\n`).acceptsTrailers, true);
  assert.equal(accepts(`${HEAD}TE: gzip\r\n\r\n`).acceptsTrailers, false);
});
