import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { CertificateAuthority } from "../../../test/support/certificates.ts";
import { subjectNames } from "./subject-names.ts";

function namesIn(names: readonly string[]): ReturnType<typeof subjectNames> {
  return subjectNames(new X509Certificate(new CertificateAuthority().issue({ names }).certPem));
}

test("names are lower case, once each, without a trailing dot; wildcards are kept", () => {
  const names = [
    "Example.Test",
    "example.test",
    "*.Example.test",
    "a_b.test",
    "dot.test.",
    "10.0.0.1",
    "::1",
  ];
  const { dns, addresses } = namesIn(names);
  assert.deepEqual(dns, ["example.test", "*.example.test", "a_b.test", "dot.test"]);
  assert.deepEqual(addresses, ["10.0.0.1", "0:0:0:0:0:0:0:1"]);
});

test("what can never be matched is left out", () => {
  const names = [
    "a.*.test",
    "f*.test",
    "*",
    "*.",
    "",
    " a.test",
    "a,b.test",
    'a"b.test',
    "good.test\0.evil.test",
  ];
  assert.deepEqual(namesIn([...names, "last.test"]).dns, ["last.test"]);
});

test("a name with a comma and a prefix in it is one name, not two", () => {
  assert.deepEqual(namesIn(["a.test, DNS:victim.test"]).dns, []);
});

test("a certificate without names has none", () => {
  assert.deepEqual(namesIn([]), { dns: [], addresses: [] });
});
