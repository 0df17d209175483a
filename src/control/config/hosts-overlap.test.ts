import assert from "node:assert/strict";
import { test } from "node:test";
import { hostsOverlap } from "./hosts-overlap.ts";

const CASES: readonly (readonly [string, string, boolean])[] = [
  ["127.0.0.1", "127.0.0.1", true],
  ["127.0.0.1", "127.0.0.2", false],
  ["0.0.0.0", "127.0.0.1", true],
  ["0.0.0.0", "localhost", true],
  ["0.0.0.0", "::1", false],
  ["::", "::1", true],
  ["::", "127.0.0.1", true],
  ["::", "0.0.0.0", true],
  ["0:0:0:0:0:0:0:0", "10.0.0.1", true],
  ["2001:DB8::1", "2001:db8:0:0::1", true],
  ["2001:db8::1", "2001:db8::2", false],
];

test("a wildcard has every address of its family, that of IPv6 those of IPv4 too", () => {
  for (const [one, other, expected] of CASES) {
    assert.equal(hostsOverlap(one, other), expected, `${one} and ${other}`);
    assert.equal(hostsOverlap(other, one), expected, `${other} and ${one}`);
  }
});
