import assert from "node:assert/strict";
// The reference that results are compared with; no input or output.
// oxlint-disable-next-line no-restricted-imports
import net from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { CidrSet, parseCidr } from "./cidr.ts";

function checkText(text: string, expected: string): void {
  const cidr = parseCidr(text);
  assert.equal("error" in cidr ? `${cidr.offset}: ${cidr.error}` : cidr.text, expected);
}

test("blocks are read and written canonically", () => {
  checkText("10.0.0.0/8", "10.0.0.0/8");
  checkText("10.1.2.3", "10.1.2.3/32");
  checkText("0.0.0.0/0", "0.0.0.0/0");
  checkText("2001:DB8:0::/32", "2001:db8::/32");
  checkText("::1", "::1/128");
  checkText("::/0", "::/0");
});

test("host bits that are set are cleared", () => {
  checkText("10.1.2.3/8", "10.0.0.0/8");
  checkText("192.168.1.255/31", "192.168.1.254/31");
  checkText("2001:db8:ffff::1/33", "2001:db8:8000::/33");
});

test("a block of IPv4-mapped addresses is an IPv4 block", () => {
  checkText("::ffff:10.0.0.0/104", "10.0.0.0/8");
  checkText("::ffff:0:0/96", "0.0.0.0/0");
  checkText("::ffff:10.0.0.0/8", "16: a block of IPv4-mapped addresses needs a prefix length of at least 96");
});

test("errors name the place and the reason", () => {
  checkText("", "0: an IP address or CIDR block must not be empty");
  checkText("10.0.0.0/33", "9: the prefix length 33 is over 32");
  checkText("::/129", "3: the prefix length 129 is over 128");
  checkText("10.0.0/8", '0: not an IP address: "10.0.0"');
  checkText("/8", "0: not an IP address: nothing");
  checkText("10.0.0.0/", "9: a prefix length is a number from 0 to 32, not nothing");
  checkText("10.0.0.0/08", '9: a prefix length is a number from 0 to 32, not "08"');
  checkText("10.0.0.0/8/8", '9: a prefix length is a number from 0 to 32, not "8/8"');
  checkText("10.0.0.0/-1", '9: a prefix length is a number from 0 to 32, not "-1"');
});

test("the families are apart", () => {
  const v6 = CidrSet.of(["::/0"]);
  assert.equal(v6.contains("10.0.0.1"), false);
  assert.equal(v6.contains("::ffff:10.0.0.1"), false);
  assert.equal(v6.contains("::fffe:ffff:ffff"), true);
  assert.equal(v6.contains("::1:0:0:0"), true);
  const v4 = CidrSet.of(["0.0.0.0/0"]);
  assert.equal(v4.contains("::ffff:10.0.0.1"), true);
  assert.equal(v4.contains("::10.0.0.1"), false);
});

test("zones are ignored, other texts are in no set", () => {
  const set = CidrSet.of(["fe80::/10", "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/8"]);
  assert.equal(set.contains("fe80::1%eth0"), true);
  for (const bad of ["", "localhost", "10.0.0.1%eth0", "10.0.0.1:80", "%"])
    assert.equal(set.contains(bad), false);
  assert.equal(CidrSet.empty.contains("::"), false);
});

test("a set agrees with node's block list", () => {
  const block = fc.oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })),
    fc.tuple(fc.constantFrom("10.0.0.0", "10.0.1.0", "10.128.0.0"), fc.integer({ min: 6, max: 32 })),
    fc.tuple(fc.constantFrom("2001:db8::", "2001:db8:1::", "fe80::"), fc.integer({ min: 8, max: 128 })),
  );
  const probe = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.constantFrom("10.0.0.0", "10.0.0.255", "10.0.1.0", "2001:db8::1", "2001:db7:ffff::"),
  );
  fc.assert(
    fc.property(
      fc.array(block, { maxLength: 20 }),
      fc.array(probe, { minLength: 1, maxLength: 20 }),
      (blocks, probes) => {
        const set = CidrSet.of(blocks.map(([ip, length]) => `${ip}/${length}`));
        for (const ip of probes) assert.equal(set.contains(ip), inBlockList(blocks, ip), ip);
      },
    ),
    { numRuns: 500 },
  );
});

function inBlockList(blocks: readonly (readonly [string, number])[], ip: string): boolean {
  return blocks.some(([network, length]) => {
    const list = new net.BlockList();
    const family = net.isIPv4(network) ? "ipv4" : "ipv6";
    list.addSubnet(network, length, family);
    return net.isIP(ip) === net.isIP(network) && list.check(ip, family);
  });
}
