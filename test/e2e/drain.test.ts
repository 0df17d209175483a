/** SIGTERM: readiness goes first, everything in flight is answered, what does not end is cut and counted. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Load } from "../support/load.ts";
import { RawClient } from "../support/raw-client.ts";
import { hello } from "../support/recording-backend.ts";
import { after as later, hang, respond } from "../support/scripts.ts";
import { fieldValue, statusOf } from "../support/strict-http1.ts";
import { get, startProxied } from "../support/suite.ts";
import { waitFor } from "../support/wait-for.ts";

describe("drain", { timeout: 90_000 }, () => {
  it("drops no request on SIGTERM under load, and shows 503 on /readyz during settle", async (t) => {
    const runtime = { workers: 2, readiness_settle_ms: 1500, drain_timeout_ms: 5000, drain_jitter_ms: 0 };
    const { gateway, port } = await startProxied(t, {
      backend: { script: later(5, hello), record: false },
      config: { runtime },
    });
    const load = Load.start({ ports: [port], connections: 24 });
    await load.served(300);
    gateway.kill("SIGTERM");
    await waitFor("/readyz to answer 503", async () => (await gateway.admin("/readyz")).status === 503);
    assert.equal((await gateway.admin("/livez")).status, 200);
    assert.equal(
      (JSON.parse((await gateway.admin("/readyz")).text) as { status: string }).status,
      "draining",
    );
    await load.served(50);
    const client = await RawClient.connect(port);
    assert.equal(
      statusOf(await client.request(get("/"))),
      200,
      "new connections are served while it settles",
    );
    client.destroy();
    load.stopConnecting();
    await load.ended();
    assert.equal(await gateway.exited(), 0);
    assert.equal(load.failed, 0, load.summary());
    t.diagnostic(load.summary());
  });

  it("announces the end on busy connections, and closes idle ones", async (t) => {
    const idleClosed = Promise.withResolvers<void>();
    const done = respond("200 OK", "done");
    const { gateway, connect, backend } = await startProxied(t, {
      backend: {
        script: async (request, answer) => {
          if (request.target === "/busy") await idleClosed.promise;
          await done(request, answer);
        },
      },
      config: { runtime: { drain_timeout_ms: 8000 } },
    });
    const idle = await connect();
    const busy = await connect();
    assert.equal(statusOf(await idle.request(get("/idle"))), 200);
    busy.send(get("/busy"));
    await backend.request((request) => request.target === "/busy");
    gateway.kill("SIGTERM");
    assert.equal(await idle.closed(), "fin");
    idleClosed.resolve();
    const answer = await busy.readResponse();
    assert.equal(answer.body.toString(), "done");
    assert.equal(fieldValue(answer.fields, "connection")?.toLowerCase(), "close");
    assert.equal(await gateway.exited(), 0);
  });

  it("cuts and counts what does not end within the budget", async (t) => {
    const runtime = { drain_timeout_ms: 500, drain_jitter_ms: 0, readiness_settle_ms: 0 };
    const { gateway, connect, backend } = await startProxied(t, {
      backend: { script: hang },
      config: { runtime },
    });
    const clients = await Promise.all(Array.from({ length: 3 }, () => connect()));
    for (const client of clients) client.send(get("/"));
    await waitFor("3 requests", () => backend.requests.length === 3);
    gateway.kill("SIGTERM");
    for (const client of clients) {
      assert.equal(statusOf(await client.readResponse()), 503, "who has got nothing yet is told why");
      assert.notEqual(await client.closed(), "open");
    }
    assert.equal(await gateway.exited(), 0);
    await gateway.waitForLog(
      "how many were cut",
      ({ text }) => /abort|cut/i.test(text) && text.includes("3"),
    );
  });

  it("refuses new connections after the settle time", async (t) => {
    const { gateway, connect, port, backend } = await startProxied(t, {
      backend: { script: later(800, hello) },
    });
    const client = await connect();
    client.send(get("/"));
    await backend.request();
    gateway.kill("SIGINT");
    await waitFor("the port to refuse", async () => {
      const late = await RawClient.connect(port).catch(() => undefined);
      late?.destroy();
      return late === undefined;
    });
    assert.equal(statusOf(await client.readResponse()), 200);
    assert.equal(await gateway.exited(), 0);
  });

  it("takes a second signal as the same wish", async (t) => {
    const { gateway, connect, backend } = await startProxied(t, { backend: { script: later(400, hello) } });
    const client = await connect();
    client.send(get("/"));
    await backend.request();
    gateway.kill("SIGTERM");
    gateway.kill("SIGTERM");
    assert.equal(statusOf(await client.readResponse()), 200);
    assert.equal(await gateway.exited(), 0);
  });
});
