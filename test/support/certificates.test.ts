/** That the certificates of the tests are what they seem: Node.js and, where it is installed, OpenSSL read them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import { test } from "node:test";
import { createSecureContext } from "node:tls";
import { CertificateAuthority, EXPIRED } from "./certificates.ts";
import { certificateFolder, writeIdentity, writePrivate } from "./certificates-files.ts";

const NAMES = ["example.test", "*.example.test", "127.0.0.1", "::1", "2001:db8::a:1"];

for (const key of ["ec", "rsa"] as const) {
  test(`a certificate (${key}) is for its names, is signed, and belongs to its key`, () => {
    const authority = new CertificateAuthority("Authority", key);
    const identity = authority.issue({ names: NAMES, key });
    const certificate = new X509Certificate(identity.certPem);
    assert.ok(certificate.verify(new X509Certificate(authority.certPem).publicKey));
    assert.ok(certificate.checkIssued(new X509Certificate(authority.rootPem)));
    assert.equal(certificate.checkHost("example.test"), "example.test");
    assert.equal(certificate.checkHost("a.example.test"), "*.example.test");
    assert.equal(certificate.checkHost("b.a.example.test"), undefined);
    for (const address of NAMES.slice(2)) assert.equal(certificate.checkIP(address), address);
    assert.equal(certificate.checkIP("127.0.0.2"), undefined);
    assert.equal(certificate.ca, false);
    createSecureContext({ cert: identity.certPem, key: identity.keyPem });
  });
}

test("times are those that were asked for", () => {
  const notAfter = new Date("2061-02-03T04:05:06Z");
  const certificate = new X509Certificate(new CertificateAuthority().issue({ notAfter }).certPem);
  assert.equal(certificate.validToDate.getTime(), notAfter.getTime());
  const expired = new X509Certificate(new CertificateAuthority().issue(EXPIRED).certPem);
  assert.ok(expired.validToDate.getTime() < Date.now());
});

test("files are for their owner alone", (context) => {
  const folder = certificateFolder(context);
  const { certPath, keyPath } = writeIdentity(folder, "a", new CertificateAuthority().issue());
  for (const path of [certPath, keyPath]) assert.equal(statSync(path).mode & 0o777, 0o600);
});

const openssl = spawnSync("openssl", ["version"]).status === 0;

test("OpenSSL agrees", { skip: openssl ? false : "no openssl here", timeout: 20_000 }, (context) => {
  const folder = certificateFolder(context);
  const root = new CertificateAuthority();
  const below = root.intermediate();
  const good = below.issue({ names: ["good.test"] });
  const revoked = below.issue({ names: ["revoked.test"] });
  const crl = writePrivate(folder, "crl.pem", below.crl([revoked]) + root.crl([]));
  const ca = writePrivate(folder, "ca.pem", root.rootPem);
  const chain = writePrivate(folder, "chain.pem", below.certPem);
  const verify = (identity: typeof good): string => {
    const { certPath } = writeIdentity(folder, "leaf", identity);
    const args = ["verify", "-x509_strict", "-crl_check_all", "-CRLfile", crl, "-CAfile", ca];
    const run = spawnSync("openssl", [...args, "-untrusted", chain, certPath], { encoding: "utf8" });
    return run.stdout + run.stderr;
  };
  assert.match(verify(good), /: OK/);
  assert.match(verify(revoked), /certificate revoked/);

  const response = (status: "good" | "revoked"): string => {
    const path = writePrivate(folder, "ocsp.der", below.ocsp(good, status));
    const args = ["ocsp", "-respin", path, "-issuer", chain, "-verify_other", chain, "-CAfile", ca];
    const { certPath } = writeIdentity(folder, "leaf", good);
    const run = spawnSync("openssl", [...args, "-cert", certPath], { encoding: "utf8" });
    return run.stdout + run.stderr;
  };
  assert.match(response("good"), /: good\n[\s\S]*Response verify OK/);
  assert.match(response("revoked"), /: revoked/);
});
