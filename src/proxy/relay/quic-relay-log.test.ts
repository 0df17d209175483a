import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  type RelayScene,
  type RelaySceneOptions,
  relayScene,
} from "../../../test/support/memory-quic-relay.ts";

const directory = mkdtempSync(join(tmpdir(), "quic-relay-log-"));
after(() => rmSync(directory, { recursive: true }));

async function logOf(use: (scene: RelayScene) => void, options: RelaySceneOptions = {}): Promise<string[]> {
  const path = join(directory, `log-${Math.random()}`);
  const scene = relayScene({
    ...options,
    plan: { accessLog: { enabled: true, path, format: "json", sample: 1 } },
  });
  use(scene);
  scene.assertOver();
  await scene.gateway.context.accessLog.close();
  return readFileSync(path, "utf8").trimEnd().split("\n");
}

test("a relayed connection is one line of the access log", async () => {
  const lines = await logOf((scene) => {
    scene.client.open("12345", true);
    scene.backend().open("123", true, true);
    scene.settle();
    scene.gateway.advance(250);
    scene.client.link.close(7, "");
  });
  assert.equal(lines.length, 1);
  assert.deepEqual(JSON.parse(lines[0] as string), {
    timestamp: "2026-01-02T03:04:05.000Z",
    client_ip: "192.0.2.1",
    host: "raw.example",
    protocol: "QUIC",
    request_bytes: 5,
    response_bytes: 3,
    duration_ms: 250,
    listener: "web",
    route: "r0",
    service: "app",
    backend: "10.0.0.1:4433",
    attempts: 1,
  });
});

test("a line says why there was no backend", async () => {
  const lines = await logOf((scene) => scene.settle(), { refusals: ["name_unresolved", "connect_failed"] });
  assert.equal(lines.length, 1);
  const line = JSON.parse(lines[0] as string) as Record<string, unknown>;
  assert.equal(line["reason"], "connect_failed");
  assert.equal(line["attempts"], 2);
});
