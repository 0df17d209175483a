/** Every wait ends, with the answer that says why: header, body, head and total timeouts, keep-alive, connect. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bytes, hang } from "../support/scripts.ts";
import { statusOf } from "../support/strict-http1.ts";
import { get, post, startProxied } from "../support/suite.ts";
import { pause } from "../support/wait-for.ts";

const LONG = 30_000;
/** All timeouts long, so that each test shortens the one it is about. */
const PATIENT = {
  header_timeout_ms: LONG,
  body_timeout_ms: LONG,
  head_timeout_ms: LONG,
  total_timeout_ms: LONG,
};

describe("timeouts", { timeout: 60_000 }, () => {
  it("end an unfinished head with 408", async (t) => {
    const { connect, gateway } = await startProxied(t, { http: { ...PATIENT, header_timeout_ms: 300 } });
    const client = await connect();
    client.send("GET / HTTP/1.1\r\nHost: test.ex");
    assert.equal(statusOf(await client.readResponse()), 408);
    assert.equal(await client.closed(), "fin");
    await gateway.metric(
      "the fault",
      (metrics) => metrics.sum("http_faults_total", { code: "header_timeout" }) === 1,
    );
  });

  it("end a head that comes one byte at a time, however steadily", async (t) => {
    const { connect } = await startProxied(t, { http: { ...PATIENT, header_timeout_ms: 400 } });
    const client = await connect();
    const sending = client.sendSlowly(get("/".padEnd(400, "a")), 50);
    assert.equal(statusOf(await client.readResponse()), 408);
    await sending;
  });

  it("close a connection that never sends anything, without an answer or with 408", async (t) => {
    const { connect } = await startProxied(t, { http: { ...PATIENT, header_timeout_ms: 300 } });
    const client = await connect();
    assert.equal(await client.closed(), "fin");
    assert.match(client.unread, /^(?:HTTP\/1\.1 408 .*)?/);
  });

  it("end a request body that stops, and break it off at the backend", async (t) => {
    const { connect, backend } = await startProxied(t, {
      http: { ...PATIENT, body_timeout_ms: 300 },
      backend: { script: hang },
    });
    const client = await connect();
    client.send("POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: 100\r\n\r\nhalf");
    assert.equal(statusOf(await client.readResponse()), 408);
    assert.equal(await client.closed(), "fin");
    client.send(get("/smuggled"));
    await pause(50);
    assert.equal(backend.requests.length, 0);
  });

  it("end the wait for a response head with 504", async (t) => {
    const { connect, gateway } = await startProxied(t, {
      http: { ...PATIENT, head_timeout_ms: 300 },
      backend: { script: hang },
    });
    const client = await connect();
    assert.equal(statusOf(await client.request(get("/"))), 504);
    await gateway.metric(
      "the fault",
      (metrics) => metrics.sum("http_faults_total", { code: "upstream_head_timeout" }) === 1,
    );
  });

  it("count the head timeout from the end of the request", async (t) => {
    const { connect } = await startProxied(t, { http: { ...PATIENT, head_timeout_ms: 400 } });
    const client = await connect();
    client.send("POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: 2\r\n\r\na");
    await pause(700);
    client.send("b");
    assert.equal(statusOf(await client.readResponse()), 200);
  });

  it("cut a response body that stops", async (t) => {
    const script = bytes("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    const { connect } = await startProxied(t, {
      http: { ...PATIENT, body_timeout_ms: 300 },
      backend: { script },
    });
    const client = await connect();
    client.send(get("/"));
    await client.readUntil("half");
    assert.notEqual(await client.closed(), "open");
  });

  it("end a request that takes too long in all", async (t) => {
    const { connect } = await startProxied(t, {
      http: { ...PATIENT, total_timeout_ms: 500 },
      backend: { script: hang },
    });
    const client = await connect();
    assert.equal(statusOf(await client.request(get("/"))), 504);
  });

  it("do not touch a request that keeps moving", async (t) => {
    const { connect } = await startProxied(t, { http: { ...PATIENT, body_timeout_ms: 500 } });
    const client = await connect();
    client.send("POST / HTTP/1.1\r\nHost: test.example\r\nContent-Length: 8\r\n\r\n");
    await client.sendSlowly("12345678", 150);
    assert.equal(statusOf(await client.readResponse()), 200);
  });

  it("close an idle connection after keepalive_timeout_ms", async (t) => {
    const { connect } = await startProxied(t, { http: { ...PATIENT, keepalive_timeout_ms: 300 } });
    const client = await connect();
    assert.equal(statusOf(await client.request(post("/", "x"))), 200);
    assert.equal(await client.closed(), "fin");
    assert.equal(client.unread, "");
  });
});
