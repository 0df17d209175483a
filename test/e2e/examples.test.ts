/** Every config that ships boots and serves, or is refused with the message that says why. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "smol-toml";
import { freePort, HOST } from "../support/addresses.ts";
import { Gateway } from "../support/gateway.ts";
import { RawClient } from "../support/raw-client.ts";
import { statusOf } from "../support/strict-http1.ts";
import { startBackend } from "../support/suite.ts";
import { transportKeys } from "../support/transport.ts";

const CONFIG_DIR = fileURLToPath(new URL("../../config/", import.meta.url));

/** Examples that a later version serves. */
const LATER = [
  "tcp",
  "tls",
  "h1s",
  "h1s-grpc",
  "h1s-websocket",
  "quic-h3",
  "quic-mode-b",
  "passthrough-mode-a",
];

/** The nine names of older installations. */
const EXPECTED = ["h1", ...LATER];

type Table = Record<string, unknown>;

function examples(): string[] {
  return readdirSync(`${CONFIG_DIR}examples`)
    .filter((name) => name.endsWith(".toml"))
    .map((name) => name.slice(0, -5))
    .toSorted();
}

/** The example with free ports, and one backend in place of all of its own. */
async function relocated(
  file: string,
  backend: string,
  adminPort: number,
): Promise<{ toml: string; ports: number[] }> {
  const config = parse(readFileSync(file, "utf8")) as Table;
  const ports: number[] = [];
  for (const listener of (config["listeners"] ?? []) as Table[]) {
    const port = await freePort();
    ports.push(port);
    listener["address"] = `${HOST}:${port}`;
    moveBackends(listener, backend);
  }
  for (const service of Object.values((config["services"] ?? {}) as Record<string, Table>))
    moveBackends(service, backend);
  config["observability"] = { metrics_bind: `${HOST}:${adminPort}` };
  config["runtime"] = {
    ...transportKeys(),
    ...(config["runtime"] as Table | undefined),
    workers: 1,
    readiness_settle_ms: 0,
    drain_timeout_ms: 1000,
    drain_jitter_ms: 0,
  };
  delete config["admin"];
  return { toml: stringify(config), ports };
}

function moveBackends(holder: Table, address: string): void {
  for (const backend of (holder["backends"] ?? []) as Table[]) {
    delete backend["url"];
    backend["address"] = address;
  }
}

describe("shipped configs", { timeout: 120_000 }, () => {
  it("include the nine examples of older installations", () => {
    const there = examples();
    for (const name of EXPECTED) assert.ok(there.includes(name), `config/examples/${name}.toml`);
  });

  const files = [
    ...examples()
      .filter((name) => !LATER.includes(name))
      .map((name) => `examples/${name}.toml`),
    "default.toml",
    "demo.toml",
    "expressgateway.toml",
  ];
  for (const file of files) {
    it(`${file} boots and answers`, async (t) => {
      const backend = await startBackend(t);
      const adminPort = await freePort();
      const { toml, ports } = await relocated(CONFIG_DIR + file, backend.address, adminPort);
      const gateway = await Gateway.startToml(t, toml, { adminPort });
      for (const port of ports) {
        const client = await RawClient.connect(port);
        assert.ok(statusOf(await client.request("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")) < 500);
        client.destroy();
      }
      await gateway.stop();
    });
  }

  for (const name of LATER) {
    it(`examples/${name}.toml is refused: not available in this version`, async (t) => {
      const toml = readFileSync(`${CONFIG_DIR}examples/${name}.toml`, "utf8");
      const gateway = await Gateway.startToml(t, toml, { adminPort: 1, expectRefusal: true });
      assert.equal(await gateway.exited(), 1);
      assert.match(gateway.log.tail(), /not available in this version/);
    });
  }
});

describe("a config that is wrong", { timeout: 60_000 }, () => {
  it("stops the start before any port is open, with file, line and column", async (t) => {
    const port = await freePort();
    const toml = `[[listeners]]\naddress = "${HOST}:${port}"\nprotocol = "h1"\nbackend = []\n`;
    const gateway = await Gateway.startToml(t, toml, { adminPort: 1, expectRefusal: true });
    assert.equal(await gateway.exited(), 1);
    assert.match(gateway.log.tail(), /gateway\.toml:4:1\b/);
    assert.match(gateway.log.tail(), /backends/, "it suggests the right key");
    await assert.rejects(RawClient.connect(port), { code: "ECONNREFUSED" });
  });

  it("names a file that cannot be read", async (t) => {
    const gateway = await Gateway.startToml(t, "", { adminPort: 1, expectRefusal: true });
    assert.equal(await gateway.exited(), 1, "an empty config has no listener");
  });
});
