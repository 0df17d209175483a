import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { MemoryGateway } from "../../../test/support/memory-gateway.ts";
import { secureListener } from "../../../test/support/memory-tls.ts";

const directory = mkdtempSync(join(tmpdir(), "relay-line-"));
after(() => rmSync(directory, { recursive: true }));

let names = 0;

interface Logged {
  readonly gateway: MemoryGateway;
  lines(): Promise<Record<string, unknown>[]>;
}

function logging(format: "json" | "common" = "json", sample = 1): Logged {
  const path = join(directory, `log-${names++}`);
  const gateway = new MemoryGateway({
    listener: { ...secureListener(), protocol: "tls" },
    accessLog: { enabled: true, path, format, sample },
  });
  return {
    gateway,
    lines: async () => {
      gateway.stop();
      await gateway.context.accessLog.close();
      const text = readFileSync(path, "utf8");
      return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
  };
}

test("a relayed connection is one line", async () => {
  const { gateway, lines } = logging();
  gateway.holdDials();
  const client = gateway.client();
  client.handshake({ serverName: "db.example" });
  gateway.advance(50);
  gateway.backend().accept();
  client.send("12345");
  gateway.backend().send("123");
  gateway.advance(450);
  client.end();
  gateway.backend().end();
  assert.deepEqual(await lines(), [
    {
      timestamp: "2026-01-02T03:04:05.000Z",
      client_ip: "192.0.2.1",
      host: "db.example",
      protocol: "TLS",
      request_bytes: 5,
      response_bytes: 3,
      duration_ms: 500,
      listener: "web",
      route: "r0",
      service: "app",
      backend: "10.0.0.1:80",
      attempts: 1,
      upstream_ms: 50,
    },
  ]);
});

test("a line says why a connection was cut, and when there was no backend", async () => {
  const { gateway, lines } = logging("json", 0);
  gateway.holdDials();
  gateway.client().handshake();
  gateway.dial(0).peer.fail("ECONNREFUSED");
  const [line] = await lines();
  assert.equal(line?.["reason"], "connect_refused");
  assert.equal(line?.["detail"], "ECONNREFUSED");
  assert.equal(line?.["host"], "");
  assert.equal("upstream_ms" in (line ?? {}), false);
});

test("connections that went well are sampled, and are none of the common format", async () => {
  for (const [format, sample] of [["common", 1] as const, ["json", 0] as const]) {
    const { gateway, lines } = logging(format, sample);
    const client = gateway.client();
    client.handshake();
    client.end();
    gateway.backend().end();
    assert.deepEqual(await lines(), []);
  }
});
