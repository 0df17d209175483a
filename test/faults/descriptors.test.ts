/** File descriptors run out: the gateway backs off, counts, keeps what it has, and recovers. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RawClient } from "../support/raw-client.ts";
import { statusOf } from "../support/strict-http1.ts";
import { get, startProxied } from "../support/suite.ts";
import { waitFor } from "../support/wait-for.ts";

/** Enough for the process itself and a few dozen connections. */
const FD_LIMIT = 120;
const CLIENTS = 200;

describe("running out of file descriptors", { timeout: 60_000 }, () => {
  it("is survived: held connections work, errors are counted, service returns", async (t) => {
    const { gateway, connect } = await startProxied(t, {
      gateway: { fdLimit: FD_LIMIT },
      http: { header_timeout_ms: 20_000, keepalive_timeout_ms: 20_000 },
    });
    const first = await connect();
    assert.equal(statusOf(await first.request(get("/"))), 200);
    const clients: RawClient[] = [];
    for (let i = 0; i < CLIENTS; i++) {
      const client = await connect().catch(() => undefined);
      if (client !== undefined) clients.push(client);
    }
    await waitFor("the limit to be felt", async () => {
      const metrics = await gateway.scrape();
      return metrics.sum("accept_errors_total", { kind: "emfile" }) > 0;
    });
    assert.equal(
      statusOf(await first.request(get("/"))),
      200,
      "a connection that was there before still works",
    );
    for (const client of clients) client.destroy();
    await waitFor("service to return", async () => {
      const client = await connect().catch(() => undefined);
      const status = await client?.request(get("/"), { timeoutMs: 1000 }).then(statusOf, () => 0);
      client?.destroy();
      return status === 200;
    });
    gateway.assertAlive();
  });
});
