/** Clients that reset, stall, dribble, pipeline without reading, or lie about lengths. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openDescriptors, rssBytes } from "../support/processes.ts";
import type { RawClient } from "../support/raw-client.ts";
import { hello } from "../support/recording-backend.ts";
import { after as later, hang, streamed } from "../support/scripts.ts";
import { statusOf } from "../support/strict-http1.ts";
import { get, startProxied, type Proxied } from "../support/suite.ts";
import { pause, waitFor } from "../support/wait-for.ts";

const MIB = 1024 * 1024;

/** A well-behaved client on a connection of its own. */
async function served({ connect }: Proxied): Promise<void> {
  const client = await connect();
  assert.equal(statusOf(await client.request(get("/good"))), 200);
  client.destroy();
}

function workerOf({ gateway }: Proxied): number {
  return gateway.workers()[0] ?? gateway.pid;
}

describe("a client that goes away", { timeout: 60_000 }, () => {
  it("while it waits frees the backend within a second", async (t) => {
    const proxied = await startProxied(t, { backend: { script: hang } });
    const clients = await Promise.all(Array.from({ length: 10 }, () => proxied.connect()));
    for (const client of clients) client.send(get("/"));
    await waitFor("10 requests", () => proxied.backend.requests.length === 10);
    for (const client of clients) client.reset();
    await waitFor("no request in flight", () => proxied.backend.openConnections === 0, { timeoutMs: 2000 });
  });

  it("inside its body breaks the request off: it never looks whole", async (t) => {
    const proxied = await startProxied(t);
    for (const how of ["reset", "fin"] as const) {
      for (const head of ["Content-Length: 100", "Transfer-Encoding: chunked"]) {
        const client = await proxied.connect();
        client.send(
          `POST / HTTP/1.1\r\nHost: test.example\r\n${head}\r\n\r\n${head.startsWith("T") ? "5\r\nhello\r\n" : "hello"}`,
        );
        await pause(50);
        if (how === "reset") client.reset();
        else client.halfClose();
        await waitFor("the backend connection to end", () => proxied.backend.openConnections === 0);
        client.destroy();
      }
    }
    assert.equal(proxied.backend.requests.length, 0);
    await served(proxied);
  });

  it("in the middle of a download, 200 times, leaks nothing", async (t) => {
    const proxied = await startProxied(t, { backend: { script: streamed(4 * MIB), record: false } });
    const abort = async (): Promise<void> => {
      const client = await proxied.connect();
      client.send(get("/"));
      await client.readBytes(100_000);
      client.reset();
    };
    for (let i = 0; i < 20; i++) await abort();
    await waitFor("quiet", () => proxied.backend.openConnections === 0);
    const descriptors = openDescriptors(workerOf(proxied));
    const memory = rssBytes(workerOf(proxied));
    for (let i = 0; i < 200; i++) await abort();
    await waitFor("quiet", () => proxied.backend.openConnections === 0);
    await waitFor("descriptors to be closed", () => openDescriptors(workerOf(proxied)) <= descriptors);
    assert.ok(rssBytes(workerOf(proxied)) - memory < 40 * MIB);
  });

  it("right after connecting, 500 times, leaks nothing", async (t) => {
    const proxied = await startProxied(t);
    await served(proxied);
    const descriptors = openDescriptors(workerOf(proxied));
    for (let i = 0; i < 500; i++) (await proxied.connect()).reset();
    await waitFor("descriptors to be closed", () => openDescriptors(workerOf(proxied)) <= descriptors);
    await proxied.gateway.metric("no connection", (metrics) => metrics.sum("connections_inflight") === 0);
    await served(proxied);
  });
});

describe("a client that is slow", { timeout: 60_000 }, () => {
  it("in sending heads is reaped and counted, while others are served", async (t) => {
    const proxied = await startProxied(t, { http: { header_timeout_ms: 800 } });
    const slow = await Promise.all(Array.from({ length: 200 }, () => proxied.connect()));
    const ticking = Promise.all(
      slow.map((client) => client.sendSlowly("GET / HTTP/1.1\r\nHost: test.example\r\nX-A: aaaaaaa", 100)),
    );
    for (let i = 0; i < 10; i++) await served(proxied);
    await waitFor("all of them to be closed", () => slow.every((client) => client.ending !== "open"));
    await ticking;
    for (const client of slow) assert.match(client.unread, /^(?:HTTP\/1\.1 408 |$)/);
    await proxied.gateway.metric(
      "the reaped",
      (metrics) => metrics.sum("security_slowloris_reaped_total") === 200,
    );
    await served(proxied);
  });

  it("in sending a body is cut by the total timeout", async (t) => {
    const http = { body_timeout_ms: 30_000, total_timeout_ms: 1000 };
    const proxied = await startProxied(t, { http });
    const client = await proxied.connect();
    client.send("POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: 1000\r\n\r\n");
    await client.sendSlowly("x".repeat(1000), 100);
    assert.notEqual(client.ending, "open");
    await served(proxied);
  });

  it("in reading is cut when nothing moves for body_timeout_ms", async (t) => {
    const proxied = await startProxied(t, {
      backend: { script: streamed(32 * MIB), record: false },
      http: { body_timeout_ms: 800 },
    });
    const client = await proxied.connect();
    client.pause();
    client.send(get("/"));
    await waitFor("the backend to be freed", () => proxied.backend.openConnections === 0, {
      timeoutMs: 10_000,
    });
    await proxied.gateway.metric(
      "the fault",
      (metrics) => metrics.sum("http_faults_total", { code: "client_stalled" }) === 1,
    );
    client.destroy();
    proxied.backend.script = hello;
    await served(proxied);
  });
});

describe("a client that pipelines", { timeout: 60_000 }, () => {
  it("10,000 requests and reads nothing is held back, in bounded memory", async (t) => {
    const proxied = await startProxied(t, {
      backend: { record: false },
      config: { runtime: { max_keepalive_requests: 0 } },
    });
    // The heap of a fresh process grows with its first thousands of requests; that is no queue.
    const first = await proxied.connect();
    first.send(get("/warm-up").repeat(3000));
    for (let i = 0; i < 3000; i++) assert.equal(statusOf(await first.readResponse()), 200);
    const memory = rssBytes(workerOf(proxied));
    const client = await proxied.connect();
    client.pause();
    client.send(get("/flood").repeat(10_000));
    await pause(1000);
    const growth = rssBytes(workerOf(proxied)) - memory;
    assert.ok(growth < 40 * MIB, `grew by ${growth / MIB} MiB`);
    await served(proxied);
    client.resume();
    for (let i = 0; i < 10_000; i++) assert.equal(statusOf(await client.readResponse()), 200);
    client.destroy();
  });

  it("with one slow answer first gets all answers in order", async (t) => {
    const proxied = await startProxied(t);
    proxied.backend.script = (request, answer) => {
      if (request.target === "/slow") return later(200, hello)(request, answer);
      return hello(request, answer);
    };
    const client = await proxied.connect();
    client.send(get("/slow") + get("/a") + get("/b"));
    for (let i = 0; i < 3; i++) assert.equal(statusOf(await client.readResponse()), 200);
    assert.deepEqual(
      proxied.backend.requests.map((request) => request.target),
      ["/slow", "/a", "/b"],
    );
  });
});

describe("a client that lies about lengths", { timeout: 60_000 }, () => {
  async function lie(proxied: Proxied, request: string): Promise<RawClient> {
    const client = await proxied.connect();
    client.send(request);
    return client;
  }

  it("by sending more than it said starts a new request, which must be one", async (t) => {
    const proxied = await startProxied(t);
    const client = await lie(
      proxied,
      "POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: 2\r\n\r\nokEXTRA BYTES\r\n\r\n",
    );
    assert.equal(statusOf(await client.readResponse()), 200);
    assert.equal(statusOf(await client.readResponse()), 400);
    assert.equal(await client.closed(), "fin");
    assert.equal(proxied.backend.requests.length, 1);
    assert.equal(proxied.backend.requests[0]?.body.toString(), "ok");
  });

  it("by sending less and closing gets nothing forwarded as whole", async (t) => {
    const proxied = await startProxied(t);
    const client = await lie(
      proxied,
      "POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: 200\r\n\r\nshort",
    );
    client.halfClose();
    assert.notEqual(await client.closed(), "open");
    assert.equal(proxied.backend.requests.length, 0);
  });

  it("with a chunk longer than it said gets 400", async (t) => {
    const proxied = await startProxied(t);
    const client = await lie(
      proxied,
      "POST / HTTP/1.1\r\nHost: test.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
    );
    assert.equal(statusOf(await client.readResponse()), 400);
    assert.notEqual(await client.closed(), "open");
    assert.equal(proxied.backend.requests.length, 0);
  });
});
