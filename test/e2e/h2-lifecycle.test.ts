/** What happens to HTTP/2 connections when the gateway changes or stops: nothing that a client has asked for is lost. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TLSSocket } from "node:tls";
import { freePort } from "../support/addresses.ts";
import { Gateway } from "../support/gateway.ts";
import type { GatewayConfig } from "../support/gateway-config.ts";
import { Http2Client } from "../support/http2-client.ts";
import { Http2Load } from "../support/http2-load.ts";
import { rssBytes } from "../support/processes.ts";
import { hello } from "../support/recording-backend.ts";
import { after as later, hang, respond, streamed } from "../support/scripts.ts";
import { SecureSite } from "../support/secure-listener.ts";
import { startBackend } from "../support/suite.ts";
import { waitFor } from "../support/wait-for.ts";

const RELOADS = 25;

describe("HTTP/2 connections", { timeout: 180_000 }, () => {
  it(`fail no request in ${RELOADS} reloads`, async (t) => {
    const backends = [
      await startBackend(t, { script: hello, record: false }),
      await startBackend(t, { script: hello, record: false }),
    ];
    const site = new SecureSite(t);
    const port = await freePort();
    const config = (round: number): GatewayConfig => ({
      listeners: [site.listener(port, [], { name: "web", alt_svc: { h3_port: 1000 + round } })],
      routers: { all: { rule: "PathPrefix(`/`)", service: "app" } },
      services: { app: { backends: [{ address: backends[round % 2]?.address ?? "" }] } },
      runtime: { workers: 2, max_keepalive_requests: 200 },
    });
    const gateway = await Gateway.start(t, config(0));
    const load = Http2Load.start({ port, sessions: 4, streams: 8, tls: true, thinkMs: 2 });
    await load.served(50);
    for (let round = 1; round <= RELOADS; round++) {
      await gateway.reload(config(round));
      await load.served(20);
    }
    await load.stop();
    assert.equal(load.failed, 0, load.summary());
    assert.ok(load.opened > 4, "sessions came to their end and were replaced");
    assert.ok(backends.every(({ served }) => served > 0));
    t.diagnostic(load.summary());
  });

  it("fail no request when the gateway stops under load", async (t) => {
    const backend = await startBackend(t, { script: later(5, hello), record: false });
    const site = new SecureSite(t);
    const port = await freePort();
    const gateway = await Gateway.start(t, {
      listeners: [site.listener(port, [backend.address])],
      runtime: {
        workers: 2,
        readiness_settle_ms: 1000,
        drain_timeout_ms: 6000,
        drain_jitter_ms: 500,
        max_keepalive_requests: 0,
      },
    });
    const load = Http2Load.start({ port, sessions: 6, streams: 8, tls: true });
    await load.served(300);
    gateway.kill("SIGTERM");
    await waitFor("/readyz to answer 503", async () => (await gateway.admin("/readyz")).status === 503);
    await load.served(50);
    load.stopConnecting();
    await load.ended();
    assert.equal(await gateway.exited(), 0);
    assert.equal(load.failed, 0, load.summary());
    t.diagnostic(load.summary());
  });

  it("hear GOAWAY twice when the gateway stops, and get the answers they wait for", async (t) => {
    const backend = await startBackend(t, { script: later(1500, respond("200 OK", "late")) });
    const site = new SecureSite(t);
    const port = await freePort();
    const gateway = await Gateway.start(t, {
      listeners: [site.listener(port, [backend.address])],
      runtime: { drain_timeout_ms: 8000 },
    });
    const client = await Http2Client.connect(t, port, { tls: {} });
    const answer = client.get("/");
    await backend.request();
    gateway.kill("SIGTERM");
    assert.equal((await answer).body.toString(), "late");
    await client.closed();
    assert.equal(await gateway.exited(), 0);
    assert.equal(client.goAways[0]?.[0], 0, "NO_ERROR");
  });

  it("are cut when the drain budget is over, and are told why where they still can be", async (t) => {
    const backend = await startBackend(t, { script: hang });
    const site = new SecureSite(t);
    const port = await freePort();
    const gateway = await Gateway.start(t, {
      listeners: [site.listener(port, [backend.address])],
      runtime: { drain_timeout_ms: 500, drain_jitter_ms: 0 },
    });
    const client = await Http2Client.connect(t, port, { tls: {} });
    const answer = client.get("/");
    await backend.request();
    gateway.kill("SIGTERM");
    assert.equal((await answer).status, 503);
    assert.equal(await gateway.exited(), 0);
  });

  it("end after enough requests, without failing one", async (t) => {
    const backend = await startBackend(t, { script: hello, record: false });
    const site = new SecureSite(t);
    const port = await freePort();
    await Gateway.start(t, {
      listeners: [site.listener(port, [backend.address])],
      runtime: { max_keepalive_requests: 10 },
    });
    const load = Http2Load.start({ port, sessions: 2, streams: 4, tls: true });
    await load.served(200);
    await load.stop();
    assert.equal(load.failed, 0, load.summary());
    assert.ok(load.opened >= 10, load.summary());
  });

  it("show a new certificate to those that come after it, and none to those that are there", async (t) => {
    const backend = await startBackend(t, { script: hello });
    const site = new SecureSite(t);
    const port = await freePort();
    const gateway = await Gateway.start(t, { listeners: [site.listener(port, [backend.address])] });
    const before = await Http2Client.connect(t, port, { tls: {} });
    assert.equal((await before.get("/")).status, 200);
    const first = serialOf(before);
    const renewed = site.renew();
    gateway.kill("SIGUSR1");
    await gateway.metric("a rotation", (now) => now.sum("cert_rotation_succeeded_total") > 0);
    await waitFor("the new certificate", async () => {
      const client = await Http2Client.connect(t, port, { tls: {} });
      const serial = serialOf(client);
      client.session.destroy();
      return serial === renewed.serial;
    });
    assert.notEqual(first, renewed.serial);
    assert.equal((await before.get("/")).status, 200);
  });

  /**
   * A client that opens 1,000 streams and reads none of them: the codec keeps `max_send_buf_size` of each,
   * 64 KiB, and each backend connection has one read of up to 64 KiB under way and its receive buffers in the
   * kernel. So 125 MiB at most, and what the process has beside that may grow by as much again.
   */
  it("of a client that reads nothing hold no more than their bounds", async (t) => {
    const streams = 1000;
    const backend = await startBackend(t, { script: streamed(20 * 1024 * 1024), record: false });
    const site = new SecureSite(t);
    const port = await freePort();
    const gateway = await Gateway.start(t, {
      listeners: [
        site.listener(port, [backend.address], { h2_security: { max_concurrent_streams: streams } }),
      ],
      pool: { max_per_backend: streams, max_pending_per_backend: streams },
      runtime: { max_keepalive_requests: 0 },
    });
    const client = await Http2Client.connect(t, port, { tls: {}, settings: { initialWindowSize: 0 } });
    await waitFor(
      "the gateway's settings",
      () => client.session.remoteSettings.maxConcurrentStreams === streams,
    );
    const [worker = 0] = gateway.workers();
    const before = rssBytes(worker);
    for (let i = 0; i < streams; i++) client.open({ ":path": `/${i}` });
    await gateway.metric("all of them", (now) => now.sum("h2_downstream_streams") === streams, 30_000);
    let received = -1;
    await waitFor(
      "the backends to be held back",
      async () => {
        const now = (await gateway.scrape()).sum("bytes_backend_to_client");
        const still = now === received;
        received = now;
        return still && now > 0;
      },
      { everyMs: 1000, timeoutMs: 30_000 },
    );
    const grown = rssBytes(worker) - before;
    t.diagnostic(`${received} bytes taken, ${Math.round(grown / 1024 / 1024)} MiB more resident`);
    assert.ok(received <= streams * 2 * 64 * 1024, `${received} bytes were taken from the backends`);
    assert.ok(grown < 256 * 1024 * 1024, `${grown} bytes more`);
    client.session.destroy();
    await gateway.metric("none of them", (now) => now.sum("h2_downstream_streams") === 0, 30_000);
  });
});

function serialOf(client: Http2Client): bigint {
  const socket = client.session.socket as TLSSocket;
  return BigInt(`0x${socket.getPeerCertificate().serialNumber}`);
}
