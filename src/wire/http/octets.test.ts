/** Character classes against their grammar, and the small readers and writers built on them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hasElement } from "./list.ts";
import { FIELD_VALUE_OCTETS, HEX_VALUES, HOST_OCTETS, TARGET_OCTETS, TOKEN_OCTETS } from "./octets.ts";
import { isFieldValue, isToken, writeText } from "./text.ts";
import { writeDecimal, writeHex } from "./write.ts";

test("each class holds exactly the octets of its grammar", () => {
  const grammar: [Uint8Array, RegExp][] = [
    [TOKEN_OCTETS, /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/],
    [FIELD_VALUE_OCTETS, /^[\t\x20-\x7e\x80-\xff]$/],
    [TARGET_OCTETS, /^[!-"$-~]$/],
    [HOST_OCTETS, /^[0-9A-Za-z\-._~!$&'()*+;=]$/],
  ];
  for (const [table, pattern] of grammar) {
    for (let octet = 0; octet < 256; octet++) {
      assert.equal(table[octet] === 1, pattern.test(String.fromCharCode(octet)), `${pattern} ${octet}`);
    }
  }
  for (let octet = 0; octet < 256; octet++) {
    const character = String.fromCharCode(octet);
    const expected = /^[0-9a-fA-F]$/.test(character) ? Number.parseInt(character, 16) : 255;
    assert.equal(HEX_VALUES[octet], expected);
  }
});

test("text that may go on the wire", () => {
  assert.ok(isToken("X-Y"));
  for (const text of ["", "a b", "a\n", "\u00e9", "\u0141"]) assert.ok(!isToken(text));
  for (const text of ["", "a b\t\u00ff"]) assert.ok(isFieldValue(text));
  for (const text of ["\r", "\n", "\u0000", "\u007f", "\u010a", "\u0100"]) assert.ok(!isFieldValue(text));
});

test("text is written as Latin-1, or not at all", () => {
  const out = Buffer.alloc(8);
  assert.equal(writeText(out, 2, "a\u00e9", FIELD_VALUE_OCTETS), 4);
  assert.deepEqual([...out.subarray(1, 5)], [0, 0x61, 0xe9, 0]);
  assert.throws(() => writeText(out, 0, "\u010a", FIELD_VALUE_OCTETS), { name: "AssertionFailure" });
});

test("numbers are written as their digits", () => {
  const out = Buffer.alloc(32);
  const check = (value: number) => {
    assert.equal(out.latin1Slice(1, writeDecimal(out, 1, value)), String(value));
    assert.equal(out.latin1Slice(1, writeHex(out, 1, value)), value.toString(16));
  };
  for (let exponent = 0; exponent <= 53; exponent++) {
    for (const value of [
      2 ** exponent - 1,
      2 ** exponent,
      10 ** (exponent % 16),
      10 ** (exponent % 16) - 1,
    ]) {
      if (value <= Number.MAX_SAFE_INTEGER) check(value);
    }
  }
  fc.assert(fc.property(fc.maxSafeNat(), check), { numRuns: 1000 });
});

test("list elements are found whole, without regard to case or empty elements", () => {
  const has = (list: string) => {
    const bytes = Buffer.from(`close${list}close`);
    return hasElement(bytes, 5, bytes.length - 5, Buffer.from("close"));
  };
  for (const list of ["close", "CLOSE", " close\t", "a,close", "a, Close ,b", ",,close", "close,"])
    assert.ok(has(list), list);
  for (const list of ["", "closed", "clos", "a close", "close b", "a", ",", "clo,se", '"close"'])
    assert.ok(!has(list), list);
});
