import assert from "node:assert/strict";
import { test } from "node:test";
import { planFromToml } from "../../../test/support/plan-from-toml.ts";

const KEYS = 'cert_path = "/tls/good.pem"\nkey_path = "/tls/good.key"\n';

function h1s(address: string, more = ""): string {
  return `[[listeners]]\nname = "web"\naddress = "${address}"\nprotocol = "h1s"\n[listeners.tls]\n${KEYS}${more}\n`;
}

function quic(address: string, more = ""): string {
  return `[[listeners]]\naddress = "${address}"\nprotocol = "quic"\n[listeners.quic]\n${KEYS}retry_secret_path = "/quic/retry.secret"\n${more}\n`;
}

const RAW = '[listeners.quic.raw_proxy]\nbackend_addr = "10.0.0.1:443"\nsni = "a.test"\n';

function altSvcOf(toml: string): string {
  return planFromToml(toml).listeners.find(({ name }) => name === "web")?.altSvc ?? "no such listener";
}

test("TLS advertises HTTP/3 on its own port, when a listener with HTTP/3 is there", () => {
  assert.equal(altSvcOf(h1s("127.0.0.1:443") + quic("127.0.0.1:443")), 'h3=":443"; ma=3600');
  assert.equal(altSvcOf(quic("[::]:8443") + h1s("10.0.0.1:8443")), 'h3=":8443"; ma=3600');
  assert.equal(altSvcOf(h1s("0.0.0.0:8443") + quic("10.0.0.1:8443")), 'h3=":8443"; ma=3600');
});

test("another port, another host, or another protocol over QUIC is nothing to advertise", () => {
  assert.equal(altSvcOf(h1s("127.0.0.1:443")), "");
  assert.equal(altSvcOf(h1s("127.0.0.1:443") + quic("127.0.0.1:444")), "");
  assert.equal(altSvcOf(h1s("127.0.0.1:443") + quic("127.0.0.2:443")), "");
  assert.equal(altSvcOf(h1s("127.0.0.1:443") + quic("127.0.0.1:443", RAW)), "");
  assert.equal(altSvcOf(h1s("127.0.0.1:0") + quic("127.0.0.1:0")), "", "two free ports are two");
});

test("HTTP without TLS says nothing of it, as its clients have not verified who speaks", () => {
  const plain = h1s("127.0.0.1:443").replace(/"h1s"[^]*/, '"h1"\n');
  assert.equal(altSvcOf(plain + quic("127.0.0.1:443")), "");
});

test("what a listener's own alt_svc says counts", () => {
  const own = "[listeners.alt_svc]\nh3_port = 9443\nmax_age = 0";
  assert.equal(altSvcOf(h1s("127.0.0.1:443", own) + quic("127.0.0.1:443")), 'h3=":9443"; ma=0');
});
