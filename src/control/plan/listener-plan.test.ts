import assert from "node:assert/strict";
import { test } from "node:test";
import { goldenFiles } from "../../../test/config/golden-files.ts";
import { KEY_LOG_PATH, planFromToml, TICKET_KEY } from "../../../test/support/plan-from-toml.ts";

const FILES = goldenFiles();

function textOf(path: string): string {
  const content = FILES.read(path);
  assert.ok(content.kind === "content");
  return content.bytes.toString();
}

const H1S = `
[[listeners]]
name = "web"
address = "127.0.0.1:1"
protocol = "h1s"
[listeners.tls]
cert_path = "/tls/good.pem"
key_path = "/tls/good.key"
ocsp_path = "/tls/good.ocsp"
client_auth = "request"
client_ca_path = "/tls/ca.pem"
client_crl_path = "/tls/crl.pem"
forward_client_certificate = "xfcc"
[[listeners.tls.certificates]]
cert_path = "/tls/shop.pem"
key_path = "/tls/shop.key"
`;

test("a listener with TLS has its certificates, the default one first", () => {
  const [listener] = planFromToml(H1S, FILES).listeners;
  assert.equal(listener?.protocol, "h1s");
  assert.equal(listener.tls?.forwardCertificate, "xfcc");
  const { certificates, ...rest } = listener.tls.settings;
  assert.deepEqual(
    certificates.map(({ certPem, keyPem, names, ocsp }) => [certPem, keyPem, names, ocsp !== null]),
    [
      [textOf("/tls/good.pem"), textOf("/tls/good.key"), ["good.example", "*.good.example"], true],
      [textOf("/tls/shop.pem"), textOf("/tls/shop.key"), ["shop.example"], false],
    ],
  );
  assert.deepEqual(rest, {
    minVersion: "TLSv1.2",
    alpn: ["h2", "http/1.1"],
    ticketKeys: [TICKET_KEY],
    clientCertificate: { mode: "request", caPem: textOf("/tls/ca.pem"), crlPem: textOf("/tls/crl.pem") },
    keyLogPath: KEY_LOG_PATH,
  });
});

test("TLS 1.3 alone, for one listener or for all; bytes have no ALPN; HTTP without TLS has none of it", () => {
  const minOf = (toml: string) => planFromToml(toml).listeners[0]?.tls?.settings.minVersion;
  const own = H1S.replace('client_auth = "request"', 'client_auth = "request"\nmin_version = "1.3"');
  assert.equal(minOf(own), "TLSv1.3");
  assert.equal(minOf(`${H1S}[runtime.tls]\ntls13_only = true\n`), "TLSv1.3");
  const bytes = planFromToml(H1S.replace('"h1s"', '"tls"').replace(/forward.*/, "")).listeners[0];
  assert.deepEqual([bytes?.protocol, bytes?.tls?.settings.alpn], ["tls", []]);
  assert.equal(
    planFromToml('[[listeners]]\naddress = "127.0.0.1:1"\nprotocol = "h1"\n').listeners[0]?.tls,
    null,
  );
});

test("limits of HTTP/2, WebSocket and gRPC are those of the file, durations in milliseconds", () => {
  const [plain, set] = planFromToml(`
    [[listeners]]
    address = "127.0.0.1:1"
    protocol = "h1"
    [[listeners]]
    address = "127.0.0.1:2"
    protocol = "h1"
    h2_security = { max_concurrent_streams = 7, max_header_list_size = 2048, keep_alive_interval_ms = "2s" }
    websocket = { enabled = false, idle_timeout_seconds = 5, read_frame_timeout_seconds = "1m" }
    grpc = { max_deadline_seconds = 9, health_synthesized = false, web = false }
  `).listeners;
  assert.deepEqual(plain?.h2, {
    maxPendingAcceptResetStreams: 100,
    maxLocalErrorResetStreams: 100,
    maxConcurrentStreams: 256,
    maxHeaderListBytes: 65_536,
    maxSendBufferBytes: 65_536,
    keepAliveIntervalMs: 30_000,
    keepAliveTimeoutMs: 30_000,
    streamWindowBytes: 65_535,
    connectionWindowBytes: 1_048_576,
  });
  assert.deepEqual(plain.websocket, {
    enabled: true,
    h2ExtendedConnect: true,
    h3ExtendedConnect: false,
    idleTimeoutMs: 60_000,
    maxMessageBytes: 16_777_216,
    pingsPerWindow: 50,
    pingWindowMs: 10_000,
    frameTimeoutMs: 30_000,
  });
  assert.deepEqual(plain.grpc, {
    enabled: true,
    maxDeadlineMs: 300_000,
    healthSynthesized: true,
    web: true,
  });
  const { h2, websocket, grpc } = set as NonNullable<typeof set>;
  assert.deepEqual([h2.maxConcurrentStreams, h2.maxHeaderListBytes, h2.keepAliveIntervalMs], [7, 2048, 2000]);
  assert.deepEqual([websocket.enabled, websocket.h2ExtendedConnect], [false, false]);
  assert.deepEqual([websocket.idleTimeoutMs, websocket.frameTimeoutMs], [5000, 60_000]);
  assert.deepEqual(grpc, { enabled: true, maxDeadlineMs: 9000, healthSynthesized: false, web: false });
});

test("upgrades are in lower case, and a listener's own backends allow none", () => {
  const plan = planFromToml(`
    [[listeners]]
    name = "web"
    address = "127.0.0.1:1"
    protocol = "h1"
    backends = [{ address = "a.test:1" }]
    [routers.r]
    rule = "PathPrefix(\`/\`)"
    service = "s"
    allow_upgrades = ["Acme/1"]
    [services.s]
    backends = [{ address = "b.test:1" }]
  `);
  assert.deepEqual(
    plan.routes.map(({ name, upgrades }) => [name, upgrades]),
    [
      ["r", ["acme/1"]],
      ["web", []],
    ],
  );
});
