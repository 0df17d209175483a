/** Backends that die, refuse, hang, lie or talk garbage: the client gets a precise answer, and the next request works. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { freePort, HOST } from "../support/addresses.ts";
import { Gateway } from "../support/gateway.ts";
import { h1Listener } from "../support/gateway-config.ts";
import { RawClient } from "../support/raw-client.ts";
import { hello, type Script } from "../support/recording-backend.ts";
import { bytes, closeAfterAnswer, dieInBody, hang, resetOnReuse, respond } from "../support/scripts.ts";
import { statusOf } from "../support/strict-http1.ts";
import { get, post, startBackend, startProxied, suiteScope, type Proxied } from "../support/suite.ts";
import { waitFor } from "../support/wait-for.ts";

const scope = suiteScope();
let proxied: Proxied;
before(async () => {
  proxied = await startProxied(scope, { http: { head_timeout_ms: 700, body_timeout_ms: 700 } });
});

/** The first request meets the script; the status of its answer, or how the connection ended. */
async function against(script: Script, request = get("/")): Promise<number | string> {
  proxied.backend.script = script;
  const client = await proxied.connect();
  client.send(request);
  const outcome = await client.readResponse().then(statusOf, () => client.ending);
  client.destroy();
  return outcome;
}

/** After any misbehaviour: a well-behaved exchange works, and nothing crashed. */
async function stillServes(): Promise<void> {
  assert.equal(await against(hello), 200);
  proxied.gateway.assertAlive();
}

describe("a backend that breaks the protocol", { timeout: 60_000 }, () => {
  const MALFORMED: Readonly<Record<string, string>> = {
    garbage: "\x00\x01garbage\r\n\r\n",
    "a bad status line": "HTTP/1.1 two hundred\r\n\r\n",
    "another protocol": "SSH-2.0-OpenSSH_9.2\r\n",
    "both framings": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a negative length": "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "an unknown transfer coding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "a folded field": "HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n",
    "a NUL in a field": "HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "a bare CR in a field": "HTTP/1.1 200 OK\r\nX-A: a\rb\r\nContent-Length: 0\r\n\r\n",
    "a 101 that nobody asked for":
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
  };
  for (const [what, answer] of Object.entries(MALFORMED)) {
    it(`with ${what} gets its client 502`, async () => {
      assert.equal(await against(bytes(answer)), 502);
      await stillServes();
    });
  }

  it("with an endless head gets 502, in bounded memory", async () => {
    assert.equal(await against(bytes(`HTTP/1.1 200 OK\r\nX-Big: ${"a".repeat(2_000_000)}`)), 502);
    await stillServes();
  });

  it("with endless 1xx responses gets cut off", async () => {
    const flood = "HTTP/1.1 102 Processing\r\n\r\n".repeat(20_000);
    proxied.backend.script = bytes(flood);
    const client = await proxied.connect();
    client.send(get("/"));
    await waitFor("the gateway to give up", () => client.ending !== "open" || client.unread.includes("502"));
    assert.ok(client.received < flood.length, "the flood does not pass");
    client.destroy();
    await stillServes();
  });

  it("with a malformed chunk in the body never makes the body look whole", async () => {
    proxied.backend.script = bytes(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n",
    );
    const client = await proxied.connect();
    client.send(get("/"));
    assert.notEqual(await client.closed(), "open");
    assert.doesNotMatch(client.unread, /0\r\n\r\n$/);
    await stillServes();
  });
});

describe("a backend that sends more than it said", { timeout: 60_000 }, () => {
  const SECOND = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned";
  const EXTRA: Readonly<Record<string, string>> = {
    "a second response": `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${SECOND}`,
    "bytes after its length": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
    "bytes after the last chunk":
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nmore",
    "a body after 204": `HTTP/1.1 204 No Content\r\n\r\n${SECOND}`,
    "a body after 304": `HTTP/1.1 304 Not Modified\r\n\r\n${SECOND}`,
  };
  for (const [what, answer] of Object.entries(EXTRA)) {
    it(`(${what}) cannot poison the next request`, async () => {
      proxied.backend.script = bytes(answer);
      const client = await proxied.connect();
      const first = await client.request(get("/first"));
      assert.ok(statusOf(first) < 400);
      assert.doesNotMatch(first.body.toString(), /poisoned|more/);
      proxied.backend.script = hello;
      const connections = proxied.backend.connections;
      for (let i = 0; i < 3; i++)
        assert.equal((await client.request(get("/next"))).body.toString(), "hello\n");
      assert.ok(proxied.backend.connections > connections, "the poisoned connection is not used again");
      client.destroy();
    });
  }

  it("(a body to a HEAD) cannot poison the next request", async () => {
    proxied.backend.script = bytes("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned");
    const client = await proxied.connect();
    const head = await client.request("HEAD / HTTP/1.1\r\nHost: test.example\r\n\r\n");
    assert.equal(statusOf(head), 200);
    proxied.backend.script = hello;
    assert.equal((await client.request(get("/next"))).body.toString(), "hello\n");
    client.destroy();
  });
});

describe("a backend that goes away", { timeout: 60_000 }, () => {
  for (const how of ["fin", "reset"] as const) {
    it(`before its answer (${how}) gets 502`, async () => {
      assert.equal(await against(bytes("", how)), 502);
      await stillServes();
    });

    it(`inside its head (${how}) gets 502`, async () => {
      assert.equal(await against(bytes("HTTP/1.1 200 OK\r\nContent-", how)), 502);
      await stillServes();
    });

    it(`inside a body with a length (${how}) cuts the client's connection`, async () => {
      assert.notEqual(await against(dieInBody(100, 40, how)), 200);
      await stillServes();
    });

    it(`inside a chunked body (${how}) leaves it visibly unfinished`, async () => {
      proxied.backend.script = bytes(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        how,
      );
      const client = await proxied.connect();
      client.send(get("/"));
      assert.notEqual(await client.closed(), "open");
      assert.doesNotMatch(client.unread, /\r\n0\r\n\r\n$/);
      await stillServes();
    });
  }

  it("while a body is uploaded gets 502, and the body is not sent elsewhere", async () => {
    proxied.backend.script = hang;
    const client = await proxied.connect();
    client.send("POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: 100000\r\n\r\nsome");
    await waitFor("a connection", () => proxied.backend.openConnections > 0);
    await waitFor("bytes at the backend", () =>
      Buffer.concat(proxied.backend.streams.flat()).includes("100000"),
    );
    proxied.backend.dropConnections("reset");
    assert.equal(await client.readResponse().then(statusOf, () => 0), 502);
    client.destroy();
    await stillServes();
  });

  it("that hangs gets 504", async () => {
    assert.equal(await against(hang), 504);
    await stillServes();
  });
});

describe("keep-alive races with the backend", { timeout: 60_000 }, () => {
  it("cost no idempotent request: closed at the moment of reuse", async () => {
    proxied.backend.script = closeAfterAnswer;
    const client = await proxied.connect();
    for (let i = 0; i < 50; i++)
      assert.equal(statusOf(await client.request(get(`/${i}`))), 200, `request ${i}`);
    client.destroy();
  });

  it("cost no idempotent request: reset when a second request comes", async () => {
    proxied.backend.script = resetOnReuse;
    const client = await proxied.connect();
    for (let i = 0; i < 20; i++)
      assert.equal(statusOf(await client.request(get(`/${i}`))), 200, `request ${i}`);
    client.destroy();
    proxied.backend.script = hello;
  });

  it("never send a POST twice once the backend may have seen it", async () => {
    const seen: string[] = [];
    proxied.backend.script = (request, answer) => {
      seen.push(request.target);
      if (request.method === "POST") answer.reset();
      else hello(request, answer);
    };
    const client = await proxied.connect();
    assert.equal(statusOf(await client.request(get("/warm"))), 200);
    assert.equal(statusOf(await client.request(post("/pay", "money"))), 502);
    client.destroy();
    assert.equal(seen.filter((target) => target === "/pay").length, 1);
    await stillServes();
  });
});

describe("an early answer to an unfinished request", { timeout: 60_000 }, () => {
  it("reaches the client, and the rest of the body is never a request", async (t) => {
    const early = respond("401 Unauthorized", "no");
    const { connect, backend } = await startProxied(t, { backend: { script: early, atHead: true } });
    const client = await connect();
    client.send("POST /upload HTTP/1.1\r\nHost: test.example\r\nContent-Length: 5000\r\n\r\n");
    assert.equal(statusOf(await client.readResponse()), 401);
    client.send(get("/smuggled"));
    await waitFor(
      "the connection to close, or to wait for the body",
      async () => client.ending !== "open" || (await client.staysQuiet(200)),
    );
    assert.ok(!backend.requests.some((request) => request.target === "/smuggled"));
    assert.doesNotMatch(client.unread, /^HTTP/m);
  });
});

describe("no backend at all", { timeout: 60_000 }, () => {
  it("gets 502 when the port refuses", async (t) => {
    const port = await freePort();
    const gateway = await Gateway.start(t, {
      listeners: [h1Listener(port, [`${HOST}:${await freePort()}`])],
    });
    const client = await RawClient.connect(port);
    assert.equal(statusOf(await client.request(get("/"))), 502);
    assert.equal(statusOf(await client.request(get("/"))), 502, "on the same connection");
    await gateway.metric(
      "the fault",
      (metrics) => metrics.sum("http_faults_total", { code: "connect_refused" }) === 2,
    );
  });

  it("is worked around when another one lives", async (t) => {
    const alive = await startBackend(t);
    const port = await freePort();
    const dead = `${HOST}:${await freePort()}`;
    await Gateway.start(t, { listeners: [h1Listener(port, [dead, alive.address])] });
    const client = await RawClient.connect(port);
    for (let i = 0; i < 10; i++) assert.equal(statusOf(await client.request(get("/"))), 200, `request ${i}`);
    const body = await client.request(post("/", "unsent before the connection failed"));
    assert.equal(statusOf(body), 200);
  });

  it("gets 502 when its name does not resolve", async (t) => {
    const port = await freePort();
    await Gateway.start(t, { listeners: [h1Listener(port, ["nowhere.invalid:80"])] });
    const client = await RawClient.connect(port);
    assert.equal(statusOf(await client.request(get("/"))), 502);
  });
});
