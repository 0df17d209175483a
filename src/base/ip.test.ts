import assert from "node:assert/strict";
// The reference that results are compared with; no input or output.
// oxlint-disable-next-line no-restricted-imports
import net from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalIp, formatIp, IpFamily, isLoopback, parseIp } from "./ip.ts";

function check(text: string, expected: string | undefined): void {
  assert.equal(canonicalIp(text), expected, JSON.stringify(text));
}

test("IPv4 addresses are four plain decimal octets", () => {
  check("0.0.0.0", "0.0.0.0");
  check("255.255.255.255", "255.255.255.255");
  check("10.20.30.40", "10.20.30.40");
  for (const bad of [
    "",
    "1",
    "1.2.3",
    "1.2.3.",
    ".1.2.3",
    "1.2.3.4.",
    "1.2.3.4.5",
    "256.1.1.1",
    "1.2.3.1000",
  ])
    check(bad, undefined);
  for (const bad of [
    "01.2.3.4",
    "1.2.3.00",
    "0x1.2.3.4",
    "1.2.3.-4",
    " 1.2.3.4",
    "1.2.3.4 ",
    "1,2,3,4",
    "1..2.3",
  ])
    check(bad, undefined);
});

test("IPv6 addresses are written canonically", () => {
  check("::", "::");
  check("::1", "::1");
  check("1::", "1::");
  check("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
  check("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
  check("0:0:0:1:0:0:0:0", "0:0:0:1::");
  check("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0");
  check("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8");
  check("fe80:0000::0001", "fe80::1");
  check("64:ff9b::192.0.2.33", "64:ff9b::c000:221");
});

test("texts that are no IPv6 address are refused", () => {
  for (const bad of [
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    "g::",
    "1:",
    ":1",
    "::1:",
  ])
    check(bad, undefined);
  for (const bad of [
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "[::1]",
    "fe80::1%eth0",
    "::1.2.3",
    "1:2:3:4:5:6:7:1.2.3.4",
  ])
    check(bad, undefined);
});

test("an IPv4-mapped address is the IPv4 address", () => {
  const words = new Uint32Array(4);
  for (const text of ["10.1.2.3", "::ffff:10.1.2.3", "::FFFF:0a01:0203", "0:0:0:0:0:ffff:10.1.2.3"]) {
    assert.equal(parseIp(text, words), IpFamily.v4);
    assert.deepEqual([...words], [0, 0, 0xffff, 0x0a010203]);
    assert.equal(formatIp(words), "10.1.2.3");
  }
  assert.equal(parseIp("::10.1.2.3", words), IpFamily.v6);
});

test("a part of a longer text can be parsed", () => {
  const words = new Uint32Array(4);
  assert.equal(parseIp("x10.0.0.1/8", words, 1, 9), IpFamily.v4);
  assert.equal(parseIp("[::1]:80", words, 1, 4), IpFamily.v6);
  assert.equal(parseIp("10.0.0.1", words, 0, 7), IpFamily.none);
});

test("every address of node's own parser is parsed, and formatting is stable", () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/));
  fc.assert(
    fc.property(address, (text) => {
      const canonical = canonicalIp(text);
      assert.equal(canonical !== undefined, net.isIP(text) !== 0, text);
      if (canonical === undefined) return;
      assert.equal(canonicalIp(canonical), canonical);
      const reference = new net.SocketAddress({ address: text, family: net.isIPv4(text) ? "ipv4" : "ipv6" })
        .address;
      assert.equal(canonicalIp(reference), canonical, text);
    }),
    { numRuns: 2000 },
  );
});

test("loopback addresses are told from others", () => {
  for (const address of ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"])
    assert.equal(isLoopback(address), true, address);
  for (const address of [
    "128.0.0.1",
    "10.127.0.1",
    "::",
    "::2",
    "::ffff:192.0.2.1",
    "127.1",
    "",
    "/run/x.sock",
  ])
    assert.equal(isLoopback(address), false, address);
});
