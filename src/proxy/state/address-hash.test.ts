import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AddressHash } from "./address-hash.ts";

function hashOf(ip: string, seed: Int32Array = Int32Array.of(1, 2)): string {
  const hash = new AddressHash(seed);
  assert.equal(hash.update(ip), true);
  return `${hash.high}:${hash.low}`;
}

test("the spellings of one address hash alike", () => {
  assert.equal(hashOf("::ffff:192.0.2.7"), hashOf("192.0.2.7"));
  assert.equal(hashOf("2001:DB8:0::1"), hashOf("2001:db8::1"));
  assert.equal(hashOf("fe80::1%eth0"), hashOf("fe80::1"));
});

test("what is no address is refused", () => {
  const hash = new AddressHash(Int32Array.of(1, 2));
  for (const text of ["", "localhost", "192.0.2", "%eth0"]) assert.equal(hash.update(text), false, text);
});

test("different addresses, and different seeds, give different hashes", () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.ipV4(), (a, b) => {
      assert.equal(hashOf(a) === hashOf(b), a === b);
      assert.notEqual(hashOf(a), hashOf(a, Int32Array.of(1, 3)));
    }),
  );
});

test("neighbouring addresses spread evenly over the bits that choose a set", () => {
  const hash = new AddressHash(Int32Array.of(0x1234567, -5));
  const perSet = new Uint32Array(256);
  for (let i = 0; i < 65536; i++) {
    hash.update(`10.0.${i >> 8}.${i & 255}`);
    const set = (hash.high >>> 0) % perSet.length;
    perSet[set] = (perSet[set] ?? 0) + 1;
  }
  // 256 expected in each; a binomial strays 7 standard deviations (112) about once in 10^11.
  for (const count of perSet) assert.ok(Math.abs(count - 256) < 112, `${count} in one set`);
});
