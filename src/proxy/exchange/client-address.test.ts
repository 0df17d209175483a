import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CidrSet } from "../../base/cidr.ts";
import { clientAddress, MAX_FORWARDED_HOPS } from "./client-address.ts";

const trusted = CidrSet.of(["10.0.0.0/8", "fd00::/8"]);

function check(peer: string, forwarded: string | undefined, expected: string): void {
  assert.equal(clientAddress(peer, forwarded, trusted), expected, JSON.stringify(forwarded));
}

test("the peer is the client when it is not trusted, whatever it claims", () => {
  check("192.0.2.1", undefined, "192.0.2.1");
  check("192.0.2.1", "10.0.0.1", "192.0.2.1");
  check("192.0.2.1", "127.0.0.1, 10.0.0.1", "192.0.2.1");
  assert.equal(clientAddress("10.0.0.1", "1.2.3.4", CidrSet.empty), "10.0.0.1");
});

test("a trusted peer's rightmost untrusted entry is the client", () => {
  check("10.0.0.1", undefined, "10.0.0.1");
  check("10.0.0.1", "203.0.113.7", "203.0.113.7");
  check("10.0.0.1", "203.0.113.7, 10.0.0.2, 10.0.0.3", "203.0.113.7");
  check("fd00::1", "2001:DB8:0::7,fd00::2", "2001:db8::7");
});

test("what a client wrote itself is left of what we believe", () => {
  check("10.0.0.1", "127.0.0.1, 203.0.113.7", "203.0.113.7");
  check("10.0.0.1", "10.9.9.9, 203.0.113.7, 10.0.0.2", "203.0.113.7");
  check("10.0.0.1", "203.0.113.7\t,198.51.100.9", "198.51.100.9");
});

test("the leftmost is the client when all hops are trusted", () => {
  check("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3");
  check("10.0.0.1", "", "10.0.0.1");
});

test("ports, brackets, quotes, blanks and empty entries are tolerated", () => {
  check("10.0.0.1", "203.0.113.7:4711", "203.0.113.7");
  check("10.0.0.1", "[2001:db8::7]:443", "2001:db8::7");
  check("10.0.0.1", "[2001:db8::7]", "2001:db8::7");
  check("10.0.0.1", '"[2001:db8::7]:443"', "2001:db8::7");
  check("10.0.0.1", " ,, 203.0.113.7 ,\t, 10.0.0.2 ,", "203.0.113.7");
  check("10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7");
});

test("an entry that is no address ends the walk at the hop that wrote it", () => {
  for (const bad of [
    "unknown",
    "_hidden",
    "localhost",
    "1.2.3.4.5",
    "1.2.3.4:",
    "1.2.3.4:x",
    "1.2.3.4:123456",
    "[::1",
    "[::1]x",
    '"1.2.3.4',
    "1.2.3.4 5.6.7.8",
    "\u0000",
  ]) {
    check("10.0.0.1", bad, "10.0.0.1");
    check("10.0.0.1", `203.0.113.7, ${bad}, 10.0.0.2`, "10.0.0.2");
  }
});

test("a dual-stack socket's IPv4 peer is IPv4", () => {
  check("::ffff:192.0.2.1", undefined, "192.0.2.1");
  check("::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7");
  check("", "203.0.113.7", "");
});

test("the number of hops is bounded", () => {
  const hops = Array.from({ length: MAX_FORWARDED_HOPS }, (_, index) => `10.1.0.${index}`);
  check("10.0.0.1", `203.0.113.7, ${hops.slice(1).join(", ")}`, "203.0.113.7");
  check("10.0.0.1", `203.0.113.7, ${hops.join(", ")}`, "10.1.0.0");
  check("10.0.0.1", ",".repeat(100_000), "10.0.0.1");
});

test("a client cannot move the answer by what it sends before its proxy's entry", () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 200 }),
      fc.constantFrom("", ", 10.0.0.2", ",10.0.0.2:80 , fd00::9"),
      (spoofed, proxies) => {
        assert.equal(clientAddress("10.0.0.1", `${spoofed}, 203.0.113.7${proxies}`, trusted), "203.0.113.7");
      },
    ),
  );
});
