/** The judge of the other tests: it takes one spelling of a message, whole, and nothing else. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { canonicalViolations } from "./canonical.ts";
import { fieldValues, parseRequest, parseResponse, type ParseResult } from "./strict-http1.ts";

const request = (text: string): ParseResult => parseRequest(Buffer.from(text, "latin1"));
const response = (text: string, method = "GET", ended = false): ParseResult =>
  parseResponse(Buffer.from(text, "latin1"), { method, ended });

function body(result: ParseResult): string {
  assert.equal(result.kind, "message");
  return result.message.body.toString("latin1");
}

describe("the strict parser", () => {
  const WHOLE = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
  ];

  it("takes whole messages, and tells where they end", () => {
    for (const text of WHOLE) {
      const result = request(`${text}GET /next`);
      assert.equal(result.kind, "message");
      assert.equal(result.end, text.length);
    }
    assert.deepEqual(
      WHOLE.map((text) => body(request(text))),
      ["", "hello", "hello"],
    );
  });

  it("waits for more at every cut", () => {
    for (const text of WHOLE) {
      for (let cut = 0; cut < text.length; cut++)
        assert.equal(request(text.slice(0, cut)).kind, "incomplete", `${cut}`);
    }
  });

  it("refuses every other spelling", () => {
    const heads = [
      "Host : a",
      " Host: a",
      "Host: a\r\n b",
      "Ho st: a",
      "X: a\x00b",
      "X: a\rb",
      "X: a\nb",
      ": a",
      "X",
      "X:  a",
      "X: a ",
      "Content-Length: 05",
      "Content-Length: +5",
      "Content-Length: 5\r\nContent-Length: 5",
      "Content-Length: 0\r\nTransfer-Encoding: chunked",
      "Transfer-Encoding: Chunked",
      "Transfer-Encoding: gzip, chunked",
    ];
    for (const head of heads) assert.equal(request(`GET / HTTP/1.1\r\n${head}\r\n\r\n`).kind, "error", head);
    for (const line of [
      "GET  / HTTP/1.1",
      "GET / HTTP/2.0",
      "GET /\x80 HTTP/1.1",
      "GET /",
      "G@T / HTTP/1.1",
    ]) {
      assert.equal(request(`${line}\r\nHost: a\r\n\r\n`).kind, "error", line);
    }
    for (const chunk of [
      "05\r\nhello\r\n",
      "5 \r\nhello\r\n",
      "5;a\r\nhello\r\n",
      "5\nhello\r\n",
      "5\r\nhelloX\r\n",
      "+5\r\nhello\r\n",
    ]) {
      assert.equal(
        request(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`).kind,
        "error",
        chunk,
      );
    }
  });

  it("knows which responses have no body, and which last until the close", () => {
    const head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    assert.equal(body(response(head, "HEAD")), "");
    assert.equal(response(head).kind, "incomplete");
    assert.equal(body(response("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n")), "");
    assert.equal(response("HTTP/1.1 200 OK\r\n\r\nabc").kind, "incomplete");
    assert.equal(body(response("HTTP/1.1 200 OK\r\n\r\nabc", "GET", true)), "abc");
  });

  it("keeps repeated fields apart", () => {
    const result = request("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nx: 2\r\n\r\n");
    assert.equal(result.kind, "message");
    assert.deepEqual(fieldValues(result.message.fields, "x"), ["1", "2"]);
  });
});

describe("a canonical request", () => {
  const violations = (lines: string): string[] => {
    const result = request(`GET / HTTP/1.1\r\n${lines}\r\n\r\n`);
    assert.equal(result.kind, "message");
    return canonicalViolations(result.message);
  };

  it("has one Host and no field of the client's connection", () => {
    assert.deepEqual(violations("Host: a\r\nConnection: keep-alive\r\nTE: trailers"), []);
    for (const lines of [
      "X: 1",
      "Host: a\r\nHost: a",
      "Host: a\r\nKeep-Alive: x",
      "Host: a\r\nConnection: X-Hop",
      "Host: a\r\nTE: gzip",
      "Host: a\r\nX_Y: 1",
      "Host: a\r\nHTTP2-Settings: x",
    ]) {
      assert.equal(violations(lines).length, 1, lines);
    }
  });
});
