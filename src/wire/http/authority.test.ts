/** Authorities: what passes the one check, and what does not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isAuthority, MAX_HOST_BYTES, parseAuthority } from "./authority.ts";

test("hosts with and without port", () => {
  assert.deepEqual(parseAuthority("a.example"), { host: "a.example", port: undefined });
  assert.deepEqual(parseAuthority("A-b_c.example.:8080"), { host: "A-b_c.example.", port: 8080 });
  assert.deepEqual(parseAuthority("127.0.0.1:1"), { host: "127.0.0.1", port: 1 });
  assert.deepEqual(parseAuthority("[2001:db8::1]:65535"), { host: "[2001:db8::1]", port: 65_535 });
  assert.deepEqual(parseAuthority("[::]"), { host: "[::]", port: undefined });
  assert.deepEqual(parseAuthority("a!$&'()*+;=~"), { host: "a!$&'()*+;=~", port: undefined });
});

test("IPv6 literals", () => {
  const literals = (texts: string[]) => texts.map((text) => parseAuthority(`[${text}]`) !== undefined);
  const good = [
    "::",
    "::1",
    "1::",
    "1:2:3:4:5:6:7:8",
    "1::8",
    "1:2:3:4:5:6:7::",
    "::2:3:4:5:6:7:8",
    "::ffff:1.2.3.4",
  ];
  const more = ["1:2:3:4:5:6:1.2.3.4", "1::1.2.3.4", "ABCD:ef01::", "1:2::3:4"];
  assert.deepEqual(
    literals([...good, ...more]),
    [...good, ...more].map(() => true),
  );
  const bad = [
    "",
    ":",
    ":::",
    "1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "12345::",
    "g::",
    ":1",
    "1:",
    "::1:",
  ];
  const worse = [
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1.2.3",
    "::1.2.3.4.5",
    "::1.2.3.256",
    "::01.2.3.4",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:8::",
  ];
  const zones = [
    "fe80::1%eth0",
    "fe80::1%25eth0",
    "v1.x",
    "::1 ",
    "1.2.3.4",
    "[::1]",
    "::1.2.3.",
    "::1.2..4",
  ];
  assert.deepEqual(
    literals([...bad, ...worse, ...zones]),
    [...bad, ...worse, ...zones].map(() => false),
  );
});

test("what would make two parsers see two hosts is refused", () => {
  for (const text of [
    "",
    ":80",
    "a:",
    "a:0",
    "a:00080",
    "a:080",
    "a:65536",
    "a:100000",
    "a:8x",
    "a:+8",
    "a:80:80",
    "a,b",
    "a, b",
    "a b",
    "a\tb",
    " a",
    "a ",
    "u@a",
    "u:p@a",
    "a/b",
    "/a",
    "a?b",
    "a#b",
    "a\\b",
    "a%2eb",
    "a\u0000",
    "a\u007f",
    "a\r\nb",
    "caf\u00e9",
    "\u212a",
    "a<b",
    'a"b',
    "[::1",
    "::1]",
    "::1",
    "[::1]]",
    "[::1]80",
    "[::1]:",
    "[[::1]]",
    "a[::1]",
  ]) {
    assert.equal(parseAuthority(text), undefined, JSON.stringify(text));
  }
});

test("a host has a longest length", () => {
  assert.notEqual(parseAuthority("a".repeat(MAX_HOST_BYTES)), undefined);
  assert.equal(parseAuthority("a".repeat(MAX_HOST_BYTES + 1)), undefined);
});

test("nothing outside the span counts, and nothing throws", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
      const padded = Buffer.concat([Buffer.from("]:1"), bytes, Buffer.from(":80]")]);
      assert.equal(isAuthority(padded, 3, 3 + bytes.length), isAuthority(bytes, 0, bytes.length));
    }),
  );
});
