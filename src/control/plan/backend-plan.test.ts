import assert from "node:assert/strict";
import { test } from "node:test";
import { goldenFiles } from "../../../test/config/golden-files.ts";
import { KEY_LOG_PATH, planFromToml } from "../../../test/support/plan-from-toml.ts";
import type { BackendPlan } from "../../proxy/plan.ts";

const FILES = goldenFiles();

function textOf(path: string): string {
  const content = FILES.read(path);
  assert.ok(content.kind === "content");
  return content.bytes.toString();
}

function backendsOf(keys: readonly string[], files = FILES): readonly BackendPlan[] {
  const tables = keys.map((text) => `[[listeners.backends]]\n${text}\n`);
  const listener = '[[listeners]]\naddress = "127.0.0.1:1"\nprotocol = "h1"\n';
  return planFromToml(listener + tables.join(""), files).services[0]?.backends ?? [];
}

test("what a backend speaks follows from its address, its URL, its protocol and TLS", () => {
  const backends = backendsOf([
    'address = "a.test:1"',
    'address = "a.test:2"\nprotocol = "h2"',
    'address = "a.test:3"\ntls = true',
    'url = "https://a.test"',
    'url = "https://a.test:4"\nprotocol = "h1"',
    'url = "https://a.test:5"\nprotocol = "h2"',
    'url = "h2c://a.test:6"',
    'url = "http://a.test:7"\nprotocol = "h2"',
  ]);
  assert.deepEqual(
    backends.map(({ address, protocol, tls }) => [address, protocol, tls?.alpn ?? null]),
    [
      ["a.test:1", "h1", null],
      ["a.test:2", "h2", null],
      ["a.test:3", "auto", ["h2", "http/1.1"]],
      ["a.test:443", "auto", ["h2", "http/1.1"]],
      ["a.test:4", "h1", ["http/1.1"]],
      ["a.test:5", "h2", ["h2"]],
      ["a.test:6", "h2", null],
      ["a.test:7", "h2", null],
    ],
  );
});

test("whom a backend's certificate must be for, and which name is sent", () => {
  const names = backendsOf([
    'address = "a.test:1"\ntls = true',
    'address = "10.0.0.1:2"\ntls = true',
    'address = "10.0.0.1:3"\ntls = true\ntls_verify_hostname = "b.test"',
    'address = "a.test:4"\ntls = true\ntls_verify_hostname = "b.test"\ntls_server_name = "c.test"',
    'address = "unix:/app.sock"\ntls = true\ntls_verify_hostname = "::1"',
    'address = "a.test:5"\ntls = true\ntls_verify_peer = false',
    'address = "unix:/b.sock"\ntls = true\ntls_verify_peer = false',
  ]).map(({ tls }) => [tls?.verifyName, tls?.serverName, tls?.verifyPeer]);
  assert.deepEqual(names, [
    ["a.test", "a.test", true],
    ["10.0.0.1", "", true],
    ["b.test", "b.test", true],
    ["b.test", "c.test", true],
    ["::1", "", true],
    ["", "a.test", false],
    ["", "", false],
  ]);
});

const MTLS = [
  'tls_ca_path = "/tls/ca.pem"',
  'tls_client_cert_path = "/tls/good.pem"',
  'tls_client_key_path = "/tls/good.key"',
].join("\n");

test("a certificate for a backend, and the authorities that may have signed the backend's", () => {
  const [backend] = backendsOf([`address = "a.test:1"\ntls = true\n${MTLS}`]);
  assert.deepEqual(backend?.tls?.identity, {
    certPem: textOf("/tls/good.pem"),
    keyPem: textOf("/tls/good.key"),
  });
  assert.equal(backend.tls.caPem, textOf("/tls/ca.pem"));
  assert.deepEqual([backend.tls.minVersion, backend.tls.keyLogPath], ["TLSv1.2", KEY_LOG_PATH]);
});

test("the key of a backend changes with its settings and with what its files hold, and with nothing else", () => {
  const keyOf = (text: string, files = FILES) => backendsOf([`address = "a.test:1"\n${text}`], files)[0]?.key;
  assert.equal(keyOf(""), "h1://a.test:1");
  const secure = keyOf("tls = true");
  assert.match(secure ?? "", /^auto\+tls:\/\/a\.test:1#[0-9a-f]{16}$/);
  assert.equal(keyOf("tls = true\nweight = 3"), secure);
  const others = [
    "tls = true\ntls_verify_peer = false",
    'tls = true\ntls_server_name = "b.test"',
    'tls = true\nprotocol = "h2"',
    `tls = true\n${MTLS}`,
  ].map((text) => keyOf(text));
  assert.equal(new Set([secure, ...others]).size, 5);
  const renewed = goldenFiles();
  assert.notEqual(keyOf(`tls = true\n${MTLS}`, renewed), others[3]);
});

test("equal settings are one object, which crosses to the workers once", () => {
  const text = `tls = true\ntls_verify_hostname = "x.test"\n${MTLS}`;
  const [one, two, other] = backendsOf([
    `address = "a.test:1"\n${text}`,
    `address = "b.test:1"\n${text}`,
    'address = "c.test:1"\ntls = true',
  ]);
  assert.ok(one?.tls === two?.tls && one?.tls !== other?.tls);
});

const H3 = 'protocol = "h3"\ntls_ca_path = "/tls/ca.pem"';

test("HTTP/3 to a backend: over TLS 1.3, verified, with room for the streams that HTTP/3 needs", () => {
  const [backend, other, plain] = backendsOf([
    `url = "https://a.test."\n${H3}`,
    'address = "10.0.0.1:443"\nprotocol = "h3"\ntls_verify_peer = false\ntls_server_name = "b.test"',
    'address = "a.test:1"\ntls = true',
  ]);
  assert.deepEqual([backend?.protocol, backend?.address], ["h3", "a.test.:443"]);
  assert.deepEqual(backend?.tls, {
    minVersion: "TLSv1.3",
    alpn: ["h3"],
    caPem: textOf("/tls/ca.pem"),
    verifyPeer: true,
    serverName: "a.test",
    verifyName: "a.test",
    identity: null,
    keyLogPath: KEY_LOG_PATH,
  });
  const { maxUnidirectionalStreams = 0, maxBidirectionalStreams } = backend.quic ?? {};
  assert.ok(maxUnidirectionalStreams >= 3, "the control stream and two of QPACK");
  assert.equal(maxBidirectionalStreams, 0, "servers open none");
  assert.deepEqual(
    [other?.tls?.verifyPeer, other?.tls?.serverName, other?.tls?.verifyName],
    [false, "b.test", ""],
  );
  assert.ok(other?.quic === backend.quic, "it crosses to the workers once");
  assert.equal(plain?.quic, null);
});

test("the key of a backend over QUIC changes with its trust, and with the transport settings of a raw proxy", () => {
  const keyOf = (text: string) => backendsOf([`address = "a.test:1"\n${text}`])[0]?.key;
  const key = keyOf(H3);
  assert.match(key ?? "", /^h3:\/\/a\.test:1#[0-9a-f]{16}$/);
  assert.equal(keyOf(`${H3}\nweight = 3`), key);
  assert.notEqual(keyOf(`${H3}\ntls_verify_hostname = "b.test"`), key);
  const rawKeyOf = (streams: number): string | undefined =>
    planFromToml(`
      [[listeners]]
      address = "127.0.0.1:1"
      protocol = "quic"
      [listeners.quic]
      cert_path = "/tls/good.pem"
      key_path = "/tls/good.key"
      retry_secret_path = "/quic/retry.secret"
      [listeners.quic.raw_proxy]
      backend_addr = "a.test:1"
      sni = "a.test"
      max_relay_streams = ${streams}`).services[0]?.backends[0]?.key;
  assert.match(rawKeyOf(50) ?? "", /^quic:\/\/a\.test:1#[0-9a-f]{16}$/);
  assert.notEqual(rawKeyOf(50), rawKeyOf(60));
});
