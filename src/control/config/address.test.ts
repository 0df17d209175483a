/** Addresses, URLs of backends and CIDR blocks, right and wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  checkCidr,
  formatHostPort,
  isLoopback,
  parseBackendAddress,
  parseBackendUrl,
  parseHostPort,
  parseListenAddress,
} from "./address.ts";

test("host:port with a name, an IPv4 and a bracketed IPv6 address", () => {
  assert.deepEqual(parseHostPort("0.0.0.0:80"), { host: "0.0.0.0", port: 80 });
  assert.deepEqual(parseHostPort("[::1]:8080"), { host: "::1", port: 8080 });
  assert.deepEqual(parseHostPort("app.internal.:0"), { host: "app.internal.", port: 0 });
  assert.deepEqual(parseHostPort("my_service:65535"), { host: "my_service", port: 65535 });
});

test("what is not host:port is a complaint", () => {
  for (const text of [
    "",
    ":80",
    "a",
    "a:",
    "a:65536",
    "a:+1",
    "a: 1",
    "a b:1",
    "::1:80",
    "[::1]",
    "[::1",
    "[fe80::1%eth0]:80",
    "[1.2.3.4]:80",
    "1.2.3:80",
    "256.1.1.1:80",
    "a..b:80",
    "-a:80",
    `${"a".repeat(64)}:80`,
    "a\n:80",
  ]) {
    assert.ok("message" in parseHostPort(text), JSON.stringify(text));
  }
});

test("what is listened on is numeric; localhost is, as 127.0.0.1", () => {
  assert.deepEqual(parseListenAddress("0.0.0.0:80"), { host: "0.0.0.0", port: 80 });
  assert.deepEqual(parseListenAddress("[::]:0"), { host: "::", port: 0 });
  assert.deepEqual(parseListenAddress("LocalHost:80"), { host: "127.0.0.1", port: 80 });
  for (const text of ["app.internal:80", "localhost.:80", "localhost.example:80", "localhost"]) {
    assert.ok("message" in parseListenAddress(text), text);
  }
});

test("a backend is host:port or the path of a Unix socket", () => {
  assert.deepEqual(parseBackendAddress("unix:/run/app.sock"), { host: "/run/app.sock", port: -1 });
  assert.deepEqual(parseBackendAddress("[fd00::1]:80"), { host: "fd00::1", port: 80 });
  for (const text of [
    "unix:",
    "unix:run/a",
    "unix:/a\0b",
    `unix:/${"a".repeat(107)}`,
    "a:0",
    "http://a:80",
  ]) {
    assert.ok("message" in parseBackendAddress(text), JSON.stringify(text));
  }
});

test("a backend's URL has a scheme, a host and a port", () => {
  assert.deepEqual(parseBackendUrl("http://a"), { scheme: "http", host: "a", port: 80 });
  assert.deepEqual(parseBackendUrl("HTTPS://a/"), { scheme: "https", host: "a", port: 443 });
  assert.deepEqual(parseBackendUrl("h2c://[::1]"), { scheme: "h2c", host: "::1", port: 80 });
  assert.deepEqual(parseBackendUrl("tcp://1.2.3.4:5432"), { scheme: "tcp", host: "1.2.3.4", port: 5432 });
  for (const text of [
    "a:80",
    "ftp://a",
    "tcp://a",
    "http://",
    "http://a/x",
    "http://a?x",
    "http://u@a",
    "http://a:0",
  ]) {
    assert.ok("message" in parseBackendUrl(text), text);
  }
});

test("an address reads back as it was written", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()),
      fc.integer({ min: 0, max: 65535 }),
      (host, port) => {
        fc.pre(!host.includes("%"));
        assert.deepEqual(parseHostPort(formatHostPort({ host, port })), { host, port });
      },
    ),
  );
});

test("loopback is what only this machine reaches", () => {
  for (const host of ["127.0.0.1", "127.255.0.9", "::1", "localhost", "LOCALHOST", "::ffff:127.0.0.1"]) {
    assert.ok(isLoopback(host), host);
  }
  for (const host of [
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "127.evil.example",
    "localhost.example",
    "::ffff:10.0.0.1",
  ]) {
    assert.ok(!isLoopback(host), host);
  }
});

test("CIDR blocks and single addresses", () => {
  for (const text of ["10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "::/0", "fd00::/8", "::1/128", "1.2.3.4/32"]) {
    assert.equal(checkCidr(text), undefined, text);
  }
  for (const text of [
    "",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/",
    "10.0.0/8",
    "a/8",
    "10.0.0.0/8/8",
    "10.0.0.0/-1",
  ]) {
    assert.ok(checkCidr(text), text);
  }
});
