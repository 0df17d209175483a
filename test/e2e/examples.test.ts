/** Every config that ships boots and serves, or is refused with the message that says why. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { freePort, HOST } from "../support/addresses.ts";
import type { CertificateAuthority } from "../support/certificates.ts";
import { Gateway } from "../support/gateway.ts";
import { QuicUsers } from "../support/quic-users.ts";
import { RawClient } from "../support/raw-client.ts";
import { type RelocatedListener, relocatedExample } from "../support/relocated-example.ts";
import { statusOf } from "../support/strict-http1.ts";
import { startBackend } from "../support/suite.ts";

const CONFIG_DIR = fileURLToPath(new URL("../../config/", import.meta.url));

/** Examples that a later version serves. */
const LATER = ["tcp", "passthrough-mode-a"];

/** The nine names of older installations. */
const EXPECTED = ["h1", "tls", "h1s", "h1s-grpc", "h1s-websocket", "quic-h3", "quic-mode-b", ...LATER];

/** Of the certificates that examples get. */
const SERVER_NAME = "localhost";

function examples(): string[] {
  return readdirSync(`${CONFIG_DIR}examples`)
    .filter((name) => name.endsWith(".toml"))
    .map((name) => name.slice(0, -5))
    .toSorted();
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
async function connected(
  { port, carrier }: RelocatedListener,
  authority: CertificateAuthority,
): Promise<RawClient> {
  if (carrier === "plain") return await RawClient.connect(port);
  const { certPem: cert, keyPem: key } = authority.issue({ names: ["client"], purpose: "client" });
  const ca = authority.rootPem;
  const servername = SERVER_NAME;
  const socket = connect({ port, host: HOST, servername, ca, cert, key, ALPNProtocols: ["http/1.1"] });
  await once(socket, "secureConnect", { signal: AbortSignal.timeout(5000) });
  return new RawClient(socket);
}

/** The statuses of two requests, one for each backend of two. */
async function statusesOf(
  t: TestContext,
  listener: RelocatedListener,
  authority: CertificateAuthority,
): Promise<number[]> {
  const statuses: number[] = [];
  if (listener.carrier === "quic") {
    const clients = await QuicUsers.open(t);
    const options = { caPem: authority.rootPem, serverName: SERVER_NAME };
    for (let i = 0; i < 2; i++) {
      const client = await clients.h3(listener.port, options);
      statuses.push((await client.ask("/")).status);
      client.close();
    }
    return statuses;
  }
  for (let i = 0; i < 2; i++) {
    const client = await connected(listener, authority);
    statuses.push(statusOf(await client.request(`GET / HTTP/1.1\r\nHost: ${SERVER_NAME}\r\n\r\n`)));
    client.destroy();
  }
  return statuses;
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
      const backends = { http1: backend.address, http2: await startHttp2Backend(t), adminPort };
      const { toml, listeners, authority } = await relocatedExample(t, CONFIG_DIR + file, backends);
      const gateway = await Gateway.startToml(t, toml, { adminPort });
      for (const listener of listeners) {
        const statuses = await statusesOf(t, listener, authority);
        assert.ok(
          statuses.every((status) => status >= 200 && status < 500),
          String(statuses),
        );
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
