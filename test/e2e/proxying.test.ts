/** Requests and responses of every shape go through unharmed: RFC 9110 and 9112. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { bytes, chunked, echo, respond, type Echoed } from "../support/scripts.ts";
import { fieldValue, statusOf, type Http1Message } from "../support/strict-http1.ts";
import { get, post, postChunked, startProxied, suiteScope, type Proxied } from "../support/suite.ts";
import { pause } from "../support/wait-for.ts";

const scope = suiteScope();
let proxied: Proxied;
before(async () => {
  proxied = await startProxied(scope, { backend: { script: echo } });
});

function echoed(answer: Http1Message): Echoed {
  assert.equal(statusOf(answer), 200, answer.body.toString());
  return JSON.parse(answer.body.toString()) as Echoed;
}

/** One request on a connection of its own, answered by the script. */
async function exchange(request: string, script = echo): Promise<Http1Message> {
  proxied.backend.script = script;
  const client = await proxied.connect();
  try {
    return await client.request(request);
  } finally {
    client.destroy();
    assert.deepEqual(proxied.backend.violations, []);
  }
}

describe("requests", { timeout: 30_000 }, () => {
  it("forwards method, target and query unchanged", async () => {
    const seen = echoed(await exchange(get("/a%20b/../c;v=1?q=%C3%A9&x=[1]&&")));
    assert.equal(seen.method, "GET");
    assert.equal(seen.target, "/a%20b/../c;v=1?q=%C3%A9&x=[1]&&");
  });

  it("forwards a body with a length", async () => {
    const seen = echoed(await exchange(post("/", "hello world")));
    assert.equal(seen.body, "hello world");
    assert.equal(fieldValue(seen.fields, "content-length"), "11");
  });

  it("frames a chunked body anew and keeps its trailers out of the head", async () => {
    const seen = echoed(
      await exchange(
        postChunked("/", "5;a=b\r\nhello\r\n00006\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n", "Trailer: X-Sum"),
      ),
    );
    assert.equal(seen.body, "hello world");
    assert.equal(fieldValue(seen.fields, "x-sum"), undefined);
    assert.equal(fieldValue(seen.fields, "content-length"), undefined);
  });

  it("forwards an empty body as one", async () => {
    const seen = echoed(await exchange(post("/", "")));
    assert.equal(fieldValue(seen.fields, "content-length"), "0");
  });

  it("keeps field order, case of values and repeated fields", async () => {
    const seen = echoed(
      await exchange(get("/", "X-A: One", "X-B: two", "X-A: Three", "Cookie: a=1", "Cookie: b=2")),
    );
    const values = seen.fields.filter(([name]) => /^x-[ab]$/i.test(name)).map(([, value]) => value);
    assert.deepEqual(values, ["One", "two", "Three"]);
  });

  it("takes the authority of an absolute target over the Host field", async () => {
    const seen = echoed(
      await exchange("GET http://other.example:81/p?q HTTP/1.1\r\nHost: ignored.example\r\n\r\n"),
    );
    assert.equal(seen.target, "/p?q");
    assert.equal(fieldValue(seen.fields, "host"), "other.example:81");
  });

  it("passes OPTIONS * on", async () => {
    const seen = echoed(await exchange("OPTIONS * HTTP/1.1\r\nHost: test.example\r\n\r\n"));
    assert.deepEqual([seen.method, seen.target], ["OPTIONS", "*"]);
  });

  it("removes the client's connection fields and those that Connection names", async () => {
    const lines = [
      "Connection: keep-alive, X-Hop",
      "Keep-Alive: timeout=5",
      "X-Hop: 1",
      "Proxy-Connection: keep-alive",
      "TE: gzip",
      "X-End: 1",
    ];
    const seen = echoed(await exchange(get("/", ...lines)));
    const names = seen.fields.map(([name]) => name.toLowerCase());
    for (const name of ["keep-alive", "x-hop", "proxy-connection", "te"])
      assert.ok(!names.includes(name), name);
    assert.ok(names.includes("x-end"));
  });

  it("carries names that mean something to JavaScript like any other", async () => {
    const seen = echoed(
      await exchange(
        get("/?__proto__=1&constructor=2", "constructor: a", "toString: b", "hasOwnProperty: c"),
      ),
    );
    const values = ["constructor", "tostring", "hasownproperty"].map((name) => fieldValue(seen.fields, name));
    assert.deepEqual(values, ["a", "b", "c"]);
  });

  it("answers an HTTP/1.0 client and closes", async () => {
    proxied.backend.script = echo;
    const client = await proxied.connect();
    const answer = await client.request("GET / HTTP/1.0\r\nHost: test.example\r\n\r\n");
    assert.equal(statusOf(answer), 200);
    assert.equal(await client.closed(), "fin");
  });

  it("frames by length or by closing for an HTTP/1.0 client, never by chunks", async () => {
    proxied.backend.script = chunked(["one ", "two"]);
    const client = await proxied.connect();
    const answer = await client.request("GET / HTTP/1.0\r\nHost: test.example\r\n\r\n");
    assert.equal(fieldValue(answer.fields, "transfer-encoding"), undefined);
    assert.equal(answer.body.toString(), "one two");
    assert.equal(await client.closed(), "fin");
  });
});

describe("responses", { timeout: 30_000 }, () => {
  it("gets the Date that the backend left out", async () => {
    const answer = await exchange(get("/"), respond("200 OK", "x"));
    assert.match(fieldValue(answer.fields, "date") ?? "", /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
  });

  it("passes status, reason-free, fields and body on", async () => {
    const answer = await exchange(
      get("/"),
      respond(
        "418 I'm a teapot",
        "short and stout",
        "X-Tea: Earl Grey",
        "Set-Cookie: a=1",
        "Set-Cookie: b=2",
      ),
    );
    assert.equal(statusOf(answer), 418);
    assert.equal(answer.body.toString(), "short and stout");
    assert.deepEqual(
      answer.fields.filter(([name]) => /set-cookie/i.test(name)).map(([, value]) => value),
      ["a=1", "b=2"],
    );
  });

  it("frames a chunked response for an HTTP/1.1 client", async () => {
    const answer = await exchange(get("/"), chunked(["hello ", "world"]));
    assert.equal(answer.body.toString(), "hello world");
  });

  it("passes trailers on to a client that takes them", async () => {
    const answer = await exchange(get("/", "TE: trailers", "Connection: TE"), chunked(["x"], ["X-Sum: 7"]));
    assert.equal(answer.body.toString(), "x");
    for (const [name, value] of answer.trailers)
      assert.deepEqual([name.toLowerCase(), value], ["x-sum", "7"]);
  });

  it("frames a response that ends with the backend's close", async () => {
    const answer = await exchange(get("/"), bytes("HTTP/1.1 200 OK\r\n\r\nuntil the end", "fin"));
    assert.equal(answer.body.toString(), "until the end");
  });

  it("takes a response of an HTTP/1.0 backend", async () => {
    const answer = await exchange(get("/"), bytes("HTTP/1.0 200 OK\r\n\r\nold", "fin"));
    assert.match(answer.startLine, /^HTTP\/1\.1 200/);
    assert.equal(answer.body.toString(), "old");
  });

  it("answers HEAD with the length and no body", async () => {
    const answer = await exchange(
      "HEAD / HTTP/1.1\r\nHost: test.example\r\n\r\n",
      respond("200 OK", "twelve bytes"),
    );
    assert.equal(fieldValue(answer.fields, "content-length"), "12");
    assert.equal(answer.body.length, 0);
  });

  for (const status of ["204 No Content", "304 Not Modified"]) {
    it(`passes ${status} on without a body`, async () => {
      proxied.backend.script = bytes(`HTTP/1.1 ${status}\r\nETag: "1"\r\n\r\n`);
      const client = await proxied.connect();
      const first = await client.request(get("/"));
      assert.equal(statusOf(first), Number(status.slice(0, 3)));
      assert.equal(fieldValue(first.fields, "content-length"), undefined);
      proxied.backend.script = echo;
      assert.equal(statusOf(await client.request(get("/"))), 200, "the connection is still in step");
      client.destroy();
    });
  }

  it("passes 103 on before the response", async () => {
    proxied.backend.script = bytes(
      "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    const client = await proxied.connect();
    const early = await client.request(get("/"));
    assert.equal(statusOf(early), 103);
    assert.equal(fieldValue(early.fields, "link"), "</a.css>");
    assert.equal(statusOf(await client.readResponse()), 200);
    client.destroy();
  });

  it("sends no 1xx to an HTTP/1.0 client", async () => {
    const script = bytes("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    const answer = await exchange("GET / HTTP/1.0\r\nHost: test.example\r\n\r\n", script);
    assert.equal(statusOf(answer), 200);
  });

  it("removes the backend's connection fields", async () => {
    const answer = await exchange(
      get("/"),
      respond("200 OK", "", "Connection: X-Hop", "X-Hop: 1", "Keep-Alive: timeout=9", "Proxy-Connection: x"),
    );
    const names = answer.fields.map(([name]) => name.toLowerCase());
    for (const name of ["x-hop", "keep-alive", "proxy-connection"]) assert.ok(!names.includes(name), name);
  });
});

describe("Expect: 100-continue", { timeout: 30_000 }, () => {
  const HEAD = "POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

  it("passes the backend's 100 on, and the body after it", async (t) => {
    const { connect, backend } = await startProxied(t, { backend: { atHead: true } });
    backend.script = async (_request, answer) => {
      answer.write("HTTP/1.1 100 Continue\r\n\r\n");
      const { body } = await backend.request();
      answer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body.toString()}`);
    };
    const client = await connect();
    client.send(HEAD);
    assert.equal(statusOf(await client.readResponse()), 100);
    client.send("hello");
    assert.equal((await client.readResponse()).body.toString(), "hello");
  });

  it("forwards a body that comes without waiting, also when the backend never says 100", async () => {
    proxied.backend.script = echo;
    const client = await proxied.connect();
    client.send(HEAD);
    await pause(100);
    client.send("hello");
    let answer = await client.readResponse();
    if (statusOf(answer) === 100) answer = await client.readResponse();
    assert.equal(echoed(answer).body, "hello");
    client.destroy();
  });

  it("answers an unknown expectation with 417", async () => {
    const answer = await exchange(post("/", "x", "Expect: miracles"));
    assert.equal(statusOf(answer), 417);
  });
});
