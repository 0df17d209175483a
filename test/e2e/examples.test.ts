/** Every config that ships boots and serves, or is refused with the message that says why. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "smol-toml";
import { freePort, HOST } from "../support/addresses.ts";
import type { CertificateAuthority } from "../support/certificates.ts";
import { certificateFolder, writePrivate } from "../support/certificates-files.ts";
import { exampleCertificates } from "../support/example-certificates.ts";
import { Gateway } from "../support/gateway.ts";
import { RawClient } from "../support/raw-client.ts";
import { statusOf } from "../support/strict-http1.ts";
import { startBackend } from "../support/suite.ts";
import { transportKeys } from "../support/transport.ts";

const CONFIG_DIR = fileURLToPath(new URL("../../config/", import.meta.url));

/** Examples that a later version serves. */
const LATER = ["tcp", "quic-h3", "quic-mode-b", "passthrough-mode-a"];

/** The nine names of older installations. */
const EXPECTED = ["h1", "tls", "h1s", "h1s-grpc", "h1s-websocket", ...LATER];

type Table = Record<string, unknown>;

function examples(): string[] {
  return readdirSync(`${CONFIG_DIR}examples`)
    .filter((name) => name.endsWith(".toml"))
    .map((name) => name.slice(0, -5))
    .toSorted();
}

/** A listener of an example under test. */
interface Served {
  readonly port: number;
  /** Wants TLS, and a certificate of the client. */
  readonly tls: boolean;
}

interface Relocated {
  readonly toml: string;
  readonly listeners: readonly Served[];
  /** For clients of listeners with TLS. */
  readonly authority: CertificateAuthority;
}

/** Where backends of each kind are. */
interface Backends {
  readonly http1: string;
  readonly http2: string;
}

/** The example with free ports, certificates of our own, and one backend of each kind in place of all of its own. */
async function relocated(
  t: TestContext,
  file: string,
  backends: Backends,
  adminPort: number,
): Promise<Relocated> {
  const config = parse(readFileSync(file, "utf8")) as Table;
  const listeners: Served[] = [];
  const folder = certificateFolder(t);
  const certificates = exampleCertificates((name, content) => writePrivate(folder, name, content));
  certificates.replaceIn(config);
  for (const listener of (config["listeners"] ?? []) as Table[]) {
    const port = await freePort();
    listeners.push({ port, tls: listener["tls"] !== undefined });
    listener["address"] = `${HOST}:${port}`;
    moveBackends(listener, backends);
  }
  for (const service of Object.values((config["services"] ?? {}) as Record<string, Table>))
    moveBackends(service, backends);
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
  return { toml: stringify(config), listeners, authority: certificates.authority };
}

/** Backends keep their protocol; those that would be reached by TLS are not. */
function moveBackends(holder: Table, { http1, http2 }: Backends): void {
  for (const backend of (holder["backends"] ?? []) as Table[]) {
    const isHttp2 = backend["protocol"] === "h2" || String(backend["url"]).startsWith("h2c:");
    for (const key of Object.keys(backend)) if (key === "url" || key.startsWith("tls")) delete backend[key];
    backend["address"] = isHttp2 ? http2 : http1;
    if (isHttp2) backend["protocol"] = "h2";
  }
}

/** A backend that speaks HTTP/2 without TLS, and nothing else. */
async function startHttp2Backend(t: TestContext): Promise<string> {
  const server = createServer((_request, response) => response.end("hello"));
  server.listen(0, HOST);
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return `${HOST}:${port}`;
}

/** A client of a listener, which shows a certificate when it is asked for one. */
async function connected({ port, tls }: Served, authority: CertificateAuthority): Promise<RawClient> {
  if (!tls) return await RawClient.connect(port);
  const { certPem: cert, keyPem: key } = authority.issue({ names: ["client"], purpose: "client" });
  const ca = authority.rootPem;
  const servername = "localhost";
  const socket = connect({ port, host: HOST, servername, ca, cert, key, ALPNProtocols: ["http/1.1"] });
  await once(socket, "secureConnect", { signal: AbortSignal.timeout(5000) });
  return new RawClient(socket);
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
      const backends = { http1: backend.address, http2: await startHttp2Backend(t) };
      const { toml, listeners, authority } = await relocated(t, CONFIG_DIR + file, backends, adminPort);
      const gateway = await Gateway.startToml(t, toml, { adminPort });
      for (const listener of listeners) {
        const client = await connected(listener, authority);
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
