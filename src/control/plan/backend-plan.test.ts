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
