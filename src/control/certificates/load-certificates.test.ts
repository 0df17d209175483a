import assert from "node:assert/strict";
import { test } from "node:test";
import { goldenFiles } from "../../../test/config/golden-files.ts";
import { CertificateAuthority } from "../../../test/support/certificates.ts";
import { parseConfig } from "../config/parse-config.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import { CertificateError, type RotationFailure } from "./finding.ts";
import { EXPIRY_WARNING_MS } from "./inspection.ts";
import { inspectCertificates, loadCertificates } from "./load-certificates.ts";
import { watchedPaths } from "./named-files.ts";

const TOML = `
[[listeners]]
name = "web"
address = "127.0.0.1:1"
protocol = "h1s"
[listeners.tls]
cert_path = "/tls/good.pem"
key_path = "/tls/good.key"
ocsp_path = "/tls/good.ocsp"
watch = true
[[listeners.tls.certificates]]
cert_path = "/tls/shop.pem"
key_path = "/tls/shop.key"
[[listeners.backends]]
address = "127.0.0.1:2"
tls = true
tls_ca_path = "/tls/ca.pem"
tls_client_cert_path = "/tls/address.pem"
tls_client_key_path = "/tls/address.key"
`;

function configOf(toml = TOML): GatewayConfig {
  const { config, issues } = parseConfig(toml, {
    file: "t",
    env: {},
    certificates: { files: goldenFiles() },
  });
  assert.ok(config !== undefined, JSON.stringify(issues));
  return config;
}

test("everything that is named is read and told apart by who shows it", () => {
  const { store, findings } = loadCertificates(configOf(), { files: goldenFiles() });
  assert.deepEqual(findings, []);
  assert.deepEqual(
    store.certificates.map(({ listener, path, names }) => [listener, path, names]),
    [
      ["web", "/tls/good.pem", ["good.example", "*.good.example"]],
      ["web", "/tls/shop.pem", ["shop.example"]],
      ["", "/tls/address.pem", ["10.0.0.1"]],
    ],
  );
  assert.deepEqual(store.names("/tls/good.pem"), ["good.example", "*.good.example"]);
  assert.match(store.pem("/tls/good.key"), /^-----BEGIN PRIVATE KEY-----/);
  assert.ok(store.bytes("/tls/good.ocsp").length > 100);
});

test("the same files have the same digest, and one other octet another", () => {
  const files = goldenFiles();
  const digest = () => loadCertificates(configOf(), { files }).store.digest;
  const before = digest();
  assert.equal(digest(), before);
  const content = files.read("/tls/ca.pem");
  assert.ok(content.kind === "content");
  files.write("/tls/ca.pem", `${content.bytes.toString()}\n`);
  assert.notEqual(digest(), before);
});

test("a certificate is worth a warning in its last 14 days, and its chain, too", () => {
  const files = goldenFiles();
  const { store } = loadCertificates(configOf(), { files });
  const endMs = Math.min(...store.certificates.map(({ notAfterMs }) => notAfterMs));
  const warningsAt = (nowMs: number) =>
    inspectCertificates(configOf(), { files, nowMs }).findings.filter(({ message }) =>
      /^("|certificate ).* (expires|has expired) /.test(message),
    );
  assert.equal(warningsAt(endMs - EXPIRY_WARNING_MS - 1000).length, 0);
  const [soon] = warningsAt(endMs - EXPIRY_WARNING_MS + 1000);
  assert.match(soon?.message ?? "", /^"\/tls\/\w+\.pem" expires soon, on \d{4}-/);
  assert.equal(soon?.failure, null);
  const root = new CertificateAuthority();
  files.identity("/tls/good", root.intermediate().issue({ names: ["good.example"] }));
  files.remove("/tls/good.ocsp");
  const messages = warningsAt(Date.now() + 60 * 86_400_000).map(({ message }) => message);
  assert.ok(
    messages.some((message) => message.startsWith('certificate 2 of "/tls/good.pem" has expired')),
    String(messages),
  );
});

const FAILURES: readonly [RotationFailure, (files: ReturnType<typeof goldenFiles>) => void][] = [
  ["unreadable", (files) => files.remove("/tls/good.pem")],
  ["permissions", (files) => files.write("/tls/good.key", "x", 0o604)],
  ["malformed", (files) => files.write("/tls/good.key", "x")],
  ["mismatch", (files) => files.write("/tls/good.key", new CertificateAuthority().issue().keyPem)],
  [
    "chain",
    (files) => {
      const identity = new CertificateAuthority().issue({ names: ["a.test"] });
      const certPem = identity.certPem + new CertificateAuthority().rootPem;
      files.identity("/tls/shop", { ...identity, certPem });
    },
  ],
];

for (const [reason, spoil] of FAILURES) {
  test(`one file that cannot be used leaves none: ${reason}`, () => {
    const config = configOf();
    const files = goldenFiles();
    spoil(files);
    assert.throws(
      () => loadCertificates(config, { files }),
      (error) =>
        error instanceof CertificateError && error.reason === reason && error.message.includes("/tls/"),
    );
  });
}

test("an authority of the same name did not issue what another has signed", () => {
  const files = goldenFiles();
  const identity = new CertificateAuthority("Same").issue({ names: ["shop.example"] });
  const certPem = identity.certPem + new CertificateAuthority("Same").rootPem;
  files.identity("/tls/shop", { ...identity, certPem });
  assert.throws(() => loadCertificates(configOf(), { files }), { reason: "chain" });
});

test("what is watched: the listener's own files, and with [runtime.tls].watch all of them", () => {
  const own = ["/tls/good.pem", "/tls/good.key", "/tls/good.ocsp", "/tls/shop.pem", "/tls/shop.key"];
  assert.deepEqual(watchedPaths(configOf()), own);
  const all = `${TOML}[runtime.tls]\nwatch = true\n`;
  assert.deepEqual(watchedPaths(configOf(all)), [
    ...own,
    "/tls/ca.pem",
    "/tls/address.pem",
    "/tls/address.key",
  ]);
  const notOwn = all.replace("watch = true", "watch = false");
  assert.deepEqual(watchedPaths(configOf(notOwn)), ["/tls/ca.pem", "/tls/address.pem", "/tls/address.key"]);
  assert.deepEqual(watchedPaths(configOf(TOML.replace("watch = true", ""))), []);
});

const QUIC_TOML = `
[[listeners]]
name = "q"
address = "127.0.0.1:1"
protocol = "quic"
backends = [{ address = "10.0.0.1:443", protocol = "h3", tls_ca_path = "/tls/ca.pem" }]
[listeners.quic]
cert_path = "/tls/good.pem"
key_path = "/tls/good.key"
retry_secret_path = "/quic/retry.secret"
[[listeners.quic.certificates]]
cert_path = "/tls/shop.pem"
key_path = "/tls/shop.key"
[[listeners]]
name = "raw"
address = "127.0.0.1:2"
protocol = "quic"
[listeners.quic]
cert_path = "/tls/address.pem"
key_path = "/tls/address.key"
retry_secret_path = "/quic/later.secret"
[listeners.quic.raw_proxy]
backends = ["a.test:1", "b.test:1"]
sni = "a.test"
backend_ca_path = "/tls/part.pem"
`;

test("certificates and secrets of QUIC are read, told and watched as those of TLS", () => {
  const config = configOf(QUIC_TOML);
  const files = goldenFiles();
  const { store, findings } = loadCertificates(config, { files });
  assert.deepEqual(findings, []);
  assert.deepEqual(
    store.certificates.map(({ listener, path }) => [listener, path]),
    [
      ["q", "/tls/good.pem"],
      ["q", "/tls/shop.pem"],
      ["raw", "/tls/address.pem"],
    ],
  );
  assert.equal(store.bytes("/quic/retry.secret").length, 32);
  files.write("/quic/retry.secret", new Uint8Array(32).fill(9));
  assert.notEqual(loadCertificates(config, { files }).store.digest, store.digest);
  assert.deepEqual(watchedPaths(config), []);
  assert.deepEqual(watchedPaths(configOf(`${QUIC_TOML}[runtime.tls]\nwatch = true\n`)), [
    "/tls/good.pem",
    "/tls/good.key",
    "/tls/shop.pem",
    "/tls/shop.key",
    "/quic/retry.secret",
    "/tls/ca.pem",
    "/tls/address.pem",
    "/tls/address.key",
    "/quic/later.secret",
    "/tls/part.pem",
  ]);
});

const SECRET_FAILURES: readonly [RotationFailure, (files: ReturnType<typeof goldenFiles>) => void][] = [
  ["permissions", (files) => files.write("/quic/retry.secret", new Uint8Array(32), 0o640)],
  ["malformed", (files) => files.write("/quic/retry.secret", new Uint8Array(33))],
];

for (const [reason, spoil] of SECRET_FAILURES) {
  test(`a Retry secret that cannot be used leaves nothing: ${reason}`, () => {
    const config = configOf(QUIC_TOML);
    const files = goldenFiles();
    spoil(files);
    assert.throws(() => loadCertificates(config, { files }), { reason });
  });
}
