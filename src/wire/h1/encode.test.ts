/** The encoders: their bytes, and that the decoders read back what went in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FieldId } from "../http/field-id.ts";
import { Fields } from "../http/fields.ts";
import { HttpVersion, RequestHead, ResponseHead, UNKNOWN_LENGTH } from "../http/message.ts";
import {
  CHUNK_END,
  CHUNK_FRAMING_BYTES,
  encodeChunkHead,
  encodeLastChunk,
  lastChunkLength,
} from "./encode-chunk.ts";
import { encodeRequestHead, requestHeadLength } from "./encode-request.ts";
import { encodeResponseHead, type ResponseEncoding, responseHeadLength } from "./encode-response.ts";
import { transcribeRequests, transcribeResponses } from "../../../test/support/h1-transcript.ts";

function request(change: (head: RequestHead) => void = () => undefined): RequestHead {
  const head = new RequestHead();
  head.method = "GET";
  head.authority = "a.example";
  head.path = "/";
  change(head);
  return head;
}

function encodedRequest(head: RequestHead): string {
  const room = requestHeadLength(head);
  const out = Buffer.alloc(room + 10);
  const end = encodeRequestHead(out, 5, head);
  assert.ok(end - 5 <= room, "more than announced");
  return out.latin1Slice(5, end);
}

function encodedResponse(head: ResponseHead, encoding: Partial<ResponseEncoding> = {}): string {
  const room = responseHeadLength(head);
  const out = Buffer.alloc(room + 10);
  const options = { version: HttpVersion.http11, keepAlive: true, chunked: false, ...encoding };
  const end = encodeResponseHead(out, 5, head, options);
  assert.ok(end - 5 <= room, "more than announced");
  return out.latin1Slice(5, end);
}

function response(status: number, change: (head: ResponseHead) => void = () => undefined): ResponseHead {
  const head = new ResponseHead();
  head.status = status;
  change(head);
  return head;
}

test("a request is written with Host first and its framing last", () => {
  const head = request((head) => {
    head.path = "/a?b";
    head.fields.addNamed("X-One", "1");
    head.fields.addNamed("X-Two", "2");
    head.fields.addNamed("X-Three", "3");
    head.fields.remove(1);
  });
  assert.equal(
    encodedRequest(head),
    "GET /a?b HTTP/1.1\r\nHost: a.example\r\nX-One: 1\r\nX-Three: 3\r\n\r\n",
  );
});

test("the framing of a request follows its body and method", () => {
  const framing = (method: string, bodyLength: number) =>
    encodedRequest(
      request((head) => {
        head.method = method;
        head.bodyLength = bodyLength;
      }),
    ).split("\r\n")[2];
  assert.equal(framing("GET", 0), "");
  assert.equal(framing("HEAD", 0), "");
  assert.equal(framing("DELETE", 0), "");
  assert.equal(framing("POST", 0), "Content-Length: 0");
  assert.equal(framing("PUT", 0), "Content-Length: 0");
  assert.equal(framing("PATCH", 0), "Content-Length: 0");
  assert.equal(framing("GET", 5), "Content-Length: 5");
  assert.equal(framing("POST", Number.MAX_SAFE_INTEGER), "Content-Length: 9007199254740991");
  assert.equal(framing("POST", UNKNOWN_LENGTH), "Transfer-Encoding: chunked");
});

test("a request of HTTP/1.0 goes on as HTTP/1.1, and an empty authority as an empty Host", () => {
  const head = request((head) => {
    head.version = HttpVersion.http10;
    head.authority = "";
  });
  assert.equal(encodedRequest(head), "GET / HTTP/1.1\r\nHost: \r\n\r\n");
});

test("the wish for another protocol is written where there is one", () => {
  const head = request((head) => {
    head.upgrade = "websocket";
    head.fields.addNamed("X-One", "1");
  });
  assert.equal(
    encodedRequest(head),
    "GET / HTTP/1.1\r\nHost: a.example\r\nX-One: 1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  );
});

test("nothing that would split the message can be written", () => {
  const bad = [
    (head: RequestHead) => (head.upgrade = "a\r\nX: 1"),
    (head: RequestHead) => (head.path = "/a b"),
    (head: RequestHead) => (head.path = "/\r\nX: 1"),
    (head: RequestHead) => (head.path = "/\u010d"),
    (head: RequestHead) => (head.path = ""),
    (head: RequestHead) => (head.method = "GE T"),
    (head: RequestHead) => (head.authority = "a\r\nX: 1"),
    (head: RequestHead) => (head.authority = "a/b"),
  ];
  for (const change of bad)
    assert.throws(() => encodedRequest(request(change)), { name: "AssertionFailure" });
});

test("a response is written with the standard phrase", () => {
  assert.equal(
    encodedResponse(
      response(404, (head) => {
        head.bodyLength = 3;
        head.fields.add(FieldId.server, "x");
      }),
    ),
    "HTTP/1.1 404 Not Found\r\nServer: x\r\nContent-Length: 3\r\n\r\n",
  );
  assert.equal(encodedResponse(response(299)), "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n");
  assert.throws(() => encodedResponse(response(99)), { name: "AssertionFailure" });
});

test("Connection tells each version what it would not assume", () => {
  const connection = (version: HttpVersion, keepAlive: boolean) =>
    encodedResponse(response(200), { version, keepAlive }).split("\r\n")[2];
  assert.equal(connection(HttpVersion.http11, true), "");
  assert.equal(connection(HttpVersion.http11, false), "Connection: close");
  assert.equal(connection(HttpVersion.http10, true), "Connection: keep-alive");
  assert.equal(connection(HttpVersion.http10, false), "Connection: close");
});

test("the framing of a response follows its body and the client", () => {
  const unknown = response(200, (head) => (head.bodyLength = UNKNOWN_LENGTH));
  assert.match(encodedResponse(unknown, { chunked: true }), /OK\r\nTransfer-Encoding: chunked\r\n\r\n$/);
  assert.match(encodedResponse(unknown, { keepAlive: false }), /OK\r\nConnection: close\r\n\r\n$/);
  assert.throws(() => encodedResponse(unknown), { name: "AssertionFailure" });
  const none = (status: number, declared: boolean) =>
    encodedResponse(
      response(status, (head) => {
        head.hasBody = false;
        head.bodyLength = 7;
        head.declaredLength = declared;
      }),
    );
  assert.match(none(200, true), /OK\r\nContent-Length: 7\r\n\r\n$/);
  assert.match(none(304, true), /Content-Length: 7\r\n\r\n$/);
  assert.match(none(304, false), /Modified\r\n\r\n$/);
  assert.match(none(204, true), /Content\r\n\r\n$/);
});

test("an informational response has neither framing nor Connection", () => {
  const head = response(103, (head) => {
    head.hasBody = false;
    head.fields.addNamed("Link", "x");
  });
  assert.equal(encodedResponse(head, { keepAlive: false }), "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
});

test("chunks", () => {
  const out = Buffer.alloc(200);
  const head = (size: number) => out.latin1Slice(3, encodeChunkHead(out, 3, size));
  assert.equal(head(1), "1\r\n");
  assert.equal(head(255), "ff\r\n");
  assert.equal(head(65_536), "10000\r\n");
  assert.ok(head(Number.MAX_SAFE_INTEGER).length + CHUNK_END.length <= CHUNK_FRAMING_BYTES);
  assert.throws(() => head(0), { name: "AssertionFailure" });
  assert.equal(out.latin1Slice(0, encodeLastChunk(out, 0, null)), "0\r\n\r\n");
  const trailers = new Fields();
  trailers.addNamed("X", "1");
  const end = encodeLastChunk(out, 0, trailers);
  assert.equal(out.latin1Slice(0, end), "0\r\nX: 1\r\n\r\n");
  assert.ok(end <= lastChunkLength(trailers));
});

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9!#$%&'*+.^`|~-]{0,12}$/);
const value = fc.stringMatching(/^([!-~\u0080-\u00ff]([\t -~\u0080-\u00ff]{0,20}[!-~\u0080-\u00ff])?)?$/);
const path = fc.stringMatching(/^\/[!"$-~]{0,40}$/);
const authority = fc.stringMatching(/^[a-z0-9.-]{1,20}(:[1-9][0-9]{0,3})?$/);
const fieldList = fc.array(
  fc.tuple(
    token.map((name) => `X-${name}`),
    value,
  ),
  { maxLength: 8 },
);
const body = fc.string({ unit: "grapheme-ascii", maxLength: 60 });

function chunked(text: string, trailers: Fields): Buffer {
  const out = Buffer.alloc(text.length + 200 + trailers.wireLength());
  let to = 0;
  if (text !== "") {
    to = encodeChunkHead(out, to, text.length);
    to += out.latin1Write(text, to);
    to += CHUNK_END.copy(out, to);
  }
  to = encodeLastChunk(out, to, trailers);
  return out.subarray(0, to);
}

test("what the request encoder writes, the decoder reads back", () => {
  fc.assert(
    fc.property(
      token,
      path,
      authority,
      fieldList,
      fc.tuple(body, fc.boolean()),
      (method, target, host, list, [text, known]) => {
        fc.pre(method !== "CONNECT");
        const head = request((head) => {
          head.method = method;
          head.path = target;
          head.authority = host;
          head.bodyLength = known ? text.length : UNKNOWN_LENGTH;
          for (const [name, content] of list) head.fields.addNamed(name, content);
        });
        const trailers = new Fields();
        trailers.addNamed("X-Trailer", "t");
        const content = known ? Buffer.from(text, "latin1") : chunked(text, trailers);
        const bytes = Buffer.concat([Buffer.from(encodedRequest(head), "latin1"), content]);
        const { messages, fault, detail } = transcribeRequests(bytes, { finish: true });
        assert.equal(fault, "", detail);
        assert.equal(messages.length, 1);
        assert.partialDeepStrictEqual(messages[0], {
          method,
          path: target,
          authority: host,
          bodyLength: head.bodyLength,
          fields: list,
          body: text,
          trailers: known ? [] : [["X-Trailer", "t"]],
          ended: true,
        });
      },
    ),
    { numRuns: 300 },
  );
});

test("what the response encoder writes, the decoder reads back", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 200, max: 999 }),
      fieldList,
      body,
      fc.constantFrom("length", "chunked", "close"),
      (status, list, text, kind) => {
        const hasBody = status !== 204 && status !== 304;
        const head = response(status, (head) => {
          head.hasBody = hasBody;
          head.bodyLength = kind === "length" ? text.length : UNKNOWN_LENGTH;
          for (const [name, content] of list) head.fields.addNamed(name, content);
        });
        const encoding = { keepAlive: kind !== "close", chunked: kind === "chunked" };
        const content = kind === "chunked" ? chunked(text, new Fields()) : Buffer.from(text, "latin1");
        const bytes = Buffer.concat([
          Buffer.from(encodedResponse(head, encoding), "latin1"),
          hasBody ? content : Buffer.alloc(0),
        ]);
        const { messages, fault, detail } = transcribeResponses(bytes, { finish: true });
        assert.equal(fault, "", detail);
        assert.equal(messages.length, 1);
        const fields = encoding.keepAlive ? list : [...list, ["Connection", "close"]];
        assert.partialDeepStrictEqual(messages[0], {
          status,
          hasBody,
          keepAlive: encoding.keepAlive,
          fields,
          body: hasBody ? text : "",
          ended: true,
        });
      },
    ),
    { numRuns: 300 },
  );
});
