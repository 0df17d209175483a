/** What is too large or too much gets a precise answer, and costs nothing else. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bytes, streamed } from "../support/scripts.ts";
import { fieldValue, statusOf } from "../support/strict-http1.ts";
import { RawClient } from "../support/raw-client.ts";
import { get, post, startProxied } from "../support/suite.ts";
import { waitFor } from "../support/wait-for.ts";

describe("message limits", { timeout: 60_000 }, () => {
  it("refuse a head over max_header_bytes with 431, also in one field", async (t) => {
    const { connect, backend } = await startProxied(t, { http: { max_header_bytes: 8192 } });
    for (const lines of [
      [`X-Big: ${"a".repeat(9000)}`],
      Array.from({ length: 90 }, (_, i) => `X-${i}: ${"b".repeat(100)}`),
    ]) {
      const client = await connect();
      assert.equal(statusOf(await client.request(get("/", ...lines))), 431);
      assert.equal(await client.closed(), "fin");
    }
    assert.equal(backend.requests.length, 0);
  });

  it("take 256 fields and refuse more with 431", async (t) => {
    const { connect } = await startProxied(t);
    const lines = Array.from({ length: 300 }, (_, i) => `X-${i}: v`);
    const some = await connect();
    assert.equal(statusOf(await some.request(get("/", ...lines.slice(0, 200)))), 200);
    const many = await connect();
    assert.equal(statusOf(await many.request(get("/", ...lines))), 431);
  });

  it("refuse an endless target with 414", async (t) => {
    const { connect } = await startProxied(t);
    const client = await connect();
    assert.equal(statusOf(await client.request(get(`/${"a".repeat(100_000)}`))), 414);
    assert.equal(await client.closed(), "fin");
  });

  it("refuse a body whose length is over the cap with 413 before anything is forwarded, and linger", async (t) => {
    const { connect, backend } = await startProxied(t, { http: { max_request_body_bytes: 1000 } });
    const client = await connect();
    client.send(
      `POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: 100000\r\n\r\n${"x".repeat(100_000)}`,
    );
    // A close with unread bytes in the kernel would be an RST, and the client might never see the answer.
    assert.equal(statusOf(await client.readResponse()), 413);
    assert.equal(await client.closed(), "fin");
    assert.equal(backend.requests.length, 0);
  });

  it("stop a chunked body at the cap with 413, and break it off at the backend", async (t) => {
    const { connect, backend } = await startProxied(t, { http: { max_request_body_bytes: 1000 } });
    const client = await connect();
    client.send("POST / HTTP/1.1\r\nHost: test.example\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (let i = 0; i < 20; i++) client.send(`64\r\n${"x".repeat(100)}\r\n`);
    client.send("0\r\n\r\n");
    assert.equal(statusOf(await client.readResponse()), 413);
    assert.notEqual(await client.closed(), "open");
    assert.equal(backend.requests.length, 0, "no whole request");
  });

  it("cut a response over max_response_body_bytes", async (t) => {
    const { connect, gateway, backend } = await startProxied(t, {
      http: { max_response_body_bytes: 100_000 },
      backend: { script: bytes(`HTTP/1.1 200 OK\r\n\r\n${"y".repeat(200_000)}`) },
    });
    const client = await connect();
    client.send(get("/"));
    assert.notEqual(await client.closed(), "open");
    assert.ok(client.received < 150_000);
    assert.doesNotMatch(client.unread.slice(-10), /0\r\n\r\n$/, "it must not look whole");
    backend.script = streamed(200_000);
    assert.equal(
      statusOf(await (await connect()).request(get("/"))),
      502,
      "a length over the cap is known at once",
    );
    await gateway.metric(
      "the fault",
      (metrics) => metrics.sum("http_faults_total", { code: "response_too_large" }) === 2,
    );
  });
});

describe("connection limits", { timeout: 60_000 }, () => {
  it("answer 503 over max_inflight_connections, and serve again when there is room", async (t) => {
    const { connect, gateway } = await startProxied(t, {
      config: { runtime: { max_inflight_connections: 100 } },
    });
    const held = await Promise.all(Array.from({ length: 100 }, () => connect()));
    for (const client of held) assert.equal(statusOf(await client.request(get("/"))), 200);
    const shed = await connect();
    const answer = await shed.request(get("/"));
    assert.equal(statusOf(answer), 503);
    assert.match(answer.body.toString(), /^listener over capacity/);
    assert.equal(fieldValue(answer.fields, "connection")?.toLowerCase(), "close");
    assert.equal(await shed.closed(), "fin");
    await gateway.metric("accept_shed_total", (metrics) => metrics.sum("accept_shed_total") === 1);
    for (const client of held) client.destroy();
    const served = await waitFor("room for a client", async () => {
      const client = await connect();
      client.send(get("/"));
      const status = await client.readResponse().then(statusOf, () => 0);
      client.destroy();
      return status === 200;
    });
    assert.ok(served);
  });

  it("reset connections over per_ip_connection_cap, for that address only", async (t) => {
    const { connect, gateway } = await startProxied(t, { config: { runtime: { per_ip_connection_cap: 5 } } });
    const greedy = { localAddress: "127.0.0.2" };
    const held = await Promise.all(Array.from({ length: 5 }, () => connect(greedy)));
    for (const client of held) assert.equal(statusOf(await client.request(get("/"))), 200);
    const refused = await connect(greedy).catch((error: unknown) => error);
    if (refused instanceof RawClient) {
      assert.equal(await refused.closed(), "reset");
      assert.equal(refused.received, 0);
    }
    const other = await connect({ localAddress: "127.0.0.3" });
    assert.equal(statusOf(await other.request(get("/"))), 200);
    await gateway.metric("accept_reject_total", (metrics) => metrics.sum("accept_reject_total") === 1);
    for (const client of held) client.destroy();
    await waitFor("the address to be let in again", async () => {
      const client = await connect(greedy).catch(() => undefined);
      client?.send(post("/", "x"));
      const status = await client?.readResponse({ timeoutMs: 1000 }).then(statusOf, () => 0);
      client?.destroy();
      return status === 200;
    });
  });
});
