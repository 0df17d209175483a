/** The admin listener: probes and their states, the metrics, and who may read them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { hang } from "../support/scripts.ts";
import { statusOf } from "../support/strict-http1.ts";
import { RawClient } from "../support/raw-client.ts";
import { get, post, startProxied } from "../support/suite.ts";

describe("the admin listener", { timeout: 60_000 }, () => {
  it("answers the probes in JSON", async (t) => {
    const { gateway } = await startProxied(t);
    for (const path of ["/livez", "/healthz", "/readyz", "/startupz"]) {
      const { status, text } = await gateway.admin(path);
      assert.equal(status, 200, path);
      assert.equal((JSON.parse(text) as { status: string }).status, "ok", path);
    }
  });

  it("knows only GET and its own paths", async (t) => {
    const { gateway } = await startProxied(t);
    assert.equal((await gateway.admin("/nothing")).status, 404);
    const client = await RawClient.connect(gateway.adminPort);
    assert.equal(
      statusOf(await client.request("POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")),
      405,
    );
    client.destroy();
  });

  it("shows metrics only with the token, when there is one; probes need none", async (t) => {
    const hash = createHash("sha256").update("open-sesame").digest("hex");
    const { gateway } = await startProxied(t, { config: { admin: { api_token_hash: hash } } });
    assert.equal((await gateway.admin("/metrics")).status, 403);
    assert.equal((await gateway.admin("/metrics", { authorization: "Bearer wrong" })).status, 403);
    assert.equal((await gateway.admin("/metrics", { authorization: "Bearer open-sesame" })).status, 200);
    assert.equal((await gateway.admin("/readyz")).status, 200);
  });
});

describe("metrics", { timeout: 60_000 }, () => {
  it("count requests by listener, route, version and status, and their backends", async (t) => {
    const { gateway, connect, backend } = await startProxied(t);
    const client = await connect();
    for (let i = 0; i < 7; i++) assert.equal(statusOf(await client.request(post("/", "12345"))), 200);
    const metrics = await gateway.metric("7 requests", (now) => now.sum("http_requests_total") >= 7);
    const [request] = metrics.find("http_requests_total", {
      listener: "web",
      status_class: "2xx",
      version: "HTTP/1.1",
    });
    assert.equal(request?.value, 7);
    assert.notEqual(request?.labels["route"], "", "the route label is filled");
    assert.equal(metrics.sum("backend_requests_total", { backend: backend.address, status_class: "2xx" }), 7);
    assert.equal(metrics.sum("http_request_duration_seconds_count", { listener: "web" }), 7);
    assert.equal(metrics.sum("backend_request_duration_seconds_count", { backend: backend.address }), 7);
    assert.equal(metrics.sum("bytes_client_to_backend"), 35);
    assert.equal(metrics.sum("bytes_backend_to_client"), 42);
    assert.equal(metrics.sum("pool_acquires_total"), 7);
    assert.equal(metrics.sum("connections_inflight", { listener: "web" }), 1);
    assert.equal(metrics.sum("connections_total"), 1);
  });

  it("show what is in flight, and nothing afterwards", async (t) => {
    const { gateway, connect, backend } = await startProxied(t, { backend: { script: hang } });
    const clients = await Promise.all(Array.from({ length: 5 }, () => connect()));
    for (const client of clients) client.send(get("/"));
    await gateway.metric(
      "5 in flight",
      (now) => now.sum("backend_requests_inflight", { backend: backend.address }) === 5,
    );
    for (const client of clients) client.reset();
    const gone = await gateway.metric(
      "none in flight",
      (now) => now.sum("backend_requests_inflight") === 0 && now.sum("connections_inflight") === 0,
    );
    assert.equal(gone.sum("http_requests_total", { listener: "web" }), 5);
    assert.equal(gone.sum("http_faults_total", { code: "client_closed" }), 5);
  });

  it("count requests without a route under a label of their own", async (t) => {
    const { gateway, connect } = await startProxied(t);
    const client = await connect();
    client.send("garbage\r\n\r\n");
    assert.equal(await client.closed(), "fin");
    const metrics = await gateway.metric(
      "the refusal",
      (now) => now.sum("http_requests_total", { status_class: "4xx" }) === 1,
    );
    assert.equal(metrics.sum("http_requests_total", { listener: "web", status_class: "4xx" }), 1);
  });
});
