/** Request line and Host: copied as they came when they came in canonical form, written anew otherwise; the backend sees no difference. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RequestHead } from "../http/message.ts";
import { RequestHead as Head } from "../http/message.ts";
import { encodeRequestHead, requestHeadLength } from "./encode-request.ts";
import { H1Event } from "./h1-event.ts";
import { DEFAULT_H1_LIMITS } from "./h1-limits.ts";
import { RequestDecoder } from "./request-decoder.ts";

/** Decodes a head whose bytes lie somewhere in a larger buffer, cut at these places. */
function decoded(text: string, cuts: readonly number[] = []): RequestHead {
  const decoder = new RequestDecoder(DEFAULT_H1_LIMITS, { headerUnderscorePolicy: "allow", strictTe: false });
  const head = new Head();
  decoder.begin(head);
  let start = 0;
  for (const end of [...cuts, text.length]) {
    const bytes = Buffer.from(`??${text.slice(start, end)}GET / HTTP/1.1\r\nHost: other\r\n`, "latin1");
    decoder.next(bytes, 2, 2 + end - start);
    bytes.fill(0xee);
    start = end;
  }
  assert.equal(decoder.event, H1Event.head, String(decoder.fault));
  return head;
}

function encoded(head: RequestHead): string {
  const out = Buffer.alloc(requestHeadLength(head));
  return out.latin1Slice(0, encodeRequestHead(out, 0, head));
}

const CANONICAL = "GET /a?b HTTP/1.1\r\nHost: h.example\r\nX-A: 1\r\n\r\n";

test("an opening in canonical form is copied", () => {
  const head = decoded(CANONICAL);
  assert.ok(head.openingEnd > head.openingStart);
  assert.equal(encoded(head), CANONICAL);
});

test("every other spelling of the same comes out in canonical form", () => {
  for (const text of [
    "GET /a?b HTTP/1.1\r\nX-A: 1\r\nHost: h.example\r\n\r\n",
    "GET /a?b HTTP/1.1\r\nhost: h.example\r\nX-A: 1\r\n\r\n",
    "GET /a?b HTTP/1.1\r\nHost:h.example\r\nX-A: 1\r\n\r\n",
    "GET /a?b HTTP/1.1\r\nHost:  h.example\r\nX-A: 1\r\n\r\n",
    "GET /a?b HTTP/1.1\r\nHost: h.example \r\nX-A: 1\r\n\r\n",
    "GET /a?b HTTP/1.1\r\nHost: h.example\r\nX-A:1\r\n\r\n",
    "GET /a?b HTTP/1.0\r\nHost: h.example\r\nX-A: 1\r\n\r\n",
    "GET /a?b HTTP/1.2\r\nHost: h.example\r\nX-A: 1\r\n\r\n",
    "GET http://h.example/a?b HTTP/1.1\r\nHost: h.example\r\nX-A: 1\r\n\r\n",
    "GET http://h.example/a?b HTTP/1.1\r\nHost: other.example\r\nX-A: 1\r\n\r\n",
    "\r\nGET /a?b HTTP/1.1\r\nHost: h.example\r\nX-A: 1\r\n\r\n",
  ]) {
    assert.equal(encoded(decoded(text)), CANONICAL, JSON.stringify(text));
  }
});

test("wherever the head is cut, it is the same", () => {
  for (let first = 1; first < CANONICAL.length; first++) {
    for (let second = first + 1; second < CANONICAL.length; second++)
      assert.equal(encoded(decoded(CANONICAL, [first, second])), CANONICAL, `${first}, ${second}`);
  }
});

test("what is set afterwards is what is written", () => {
  const changes: [(head: RequestHead) => void, string][] = [
    [(head) => (head.method = "HEAD"), CANONICAL.replace("GET", "HEAD")],
    [(head) => (head.path = "/new"), CANONICAL.replace("/a?b", "/new")],
    [(head) => (head.authority = "new.example:1"), CANONICAL.replace("h.example", "new.example:1")],
  ];
  for (const [change, expected] of changes) {
    const head = decoded(CANONICAL);
    change(head);
    assert.equal(encoded(head), expected);
  }
});

test("fields that are taken out leave no trace of themselves", () => {
  const head = decoded("GET / HTTP/1.1\r\nHost: h\r\nX-Secret: 1\r\nX-A: 1\r\nX-Secret: 2\r\n\r\n");
  const secret = Buffer.from("x-secret");
  for (let i = head.fields.findNamed(secret); i !== -1; i = head.fields.findNamed(secret))
    head.fields.remove(i);
  assert.equal(encoded(head), "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n\r\n");
});

test("the target of a head that is refused is still there for the log", () => {
  for (const line of ["Bad Name: 1", "Host: a\r\nHost: b", "X: \u0001", "Content-Length: x"]) {
    const decoder = new RequestDecoder(DEFAULT_H1_LIMITS, {
      headerUnderscorePolicy: "reject",
      strictTe: true,
    });
    const head = new Head();
    decoder.begin(head);
    const bytes = Buffer.from(`GET /seen?q HTTP/1.1\r\nX-First: 1\r\n${line}\r\n\r\n`, "latin1");
    decoder.next(bytes, 0, bytes.length);
    assert.equal(decoder.event, H1Event.error, line);
    assert.equal(head.path, "/seen?q", line);
    assert.equal(head.method, "GET", line);
    assert.equal(head.fields.count, 0, line);
  }
});
