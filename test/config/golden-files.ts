/**
 * The certificates that golden files name, each with one thing that is to be told about it. They are made
 * today, because what is good must be so today; dates that are told lie far away.
 */
import { generateKeyPairSync } from "node:crypto";
import { RETRY_KEY_BYTES } from "../../src/wire/quic/retry-token.ts";
import { CertificateAuthority } from "../support/certificates.ts";
import { MemoryFiles } from "../support/memory-files.ts";

const PAST = { notBefore: new Date("2020-01-01T00:00:00Z"), notAfter: new Date("2020-12-31T00:00:00Z") };
const FUTURE = { notBefore: new Date("2090-07-01T00:00:00Z"), notAfter: new Date("2091-07-01T00:00:00Z") };

export function goldenFiles(): MemoryFiles {
  const files = new MemoryFiles();
  const authority = new CertificateAuthority();
  const good = authority.issue({ names: ["good.example", "*.good.example"] });
  files.identity("/tls/good", good);
  files.identity("/tls/shop", authority.issue({ names: ["shop.example"] }));
  files.identity("/tls/part", authority.issue({ names: ["good.example"] }));
  files.identity("/tls/address", authority.issue({ names: ["10.0.0.1"] }));
  files.identity("/tls/nameless", authority.issue());
  files.identity("/tls/expired", authority.issue({ names: ["past.example"], ...PAST }));
  files.identity("/tls/early", authority.issue({ names: ["future.example"], ...FUTURE }));
  files.write("/tls/open.key", good.keyPem, 0o640);
  files.write("/tls/other.key", authority.issue().keyPem);
  files.write("/tls/none.pem", "nothing\n");
  files.write("/tls/torn.pem", good.certPem.replace("MII", "AAA"));
  files.write("/tls/unordered.pem", good.certPem + authority.issue().certPem);
  files.write("/tls/encrypted.key", encryptedKey());
  files.write("/tls/small.key", smallKey());
  files.write("/tls/good.ocsp", authority.ocsp(good));
  files.write("/tls/other.ocsp", authority.ocsp(authority.issue()));
  files.write("/tls/revoked.ocsp", authority.ocsp(good, "revoked"));
  files.write("/tls/bad.ocsp", "not DER");
  files.identity("/tls/ed448", authority.issue({ names: ["good.example"], key: "ed448" }));
  files.write("/quic/retry.secret", new Uint8Array(RETRY_KEY_BYTES).fill(3));
  files.write("/quic/short.secret", new Uint8Array(RETRY_KEY_BYTES - 1));
  files.write("/quic/open.secret", new Uint8Array(RETRY_KEY_BYTES), 0o644);
  files.write("/tls/ca.pem", authority.rootPem);
  files.write("/tls/crl.pem", authority.crl([]));
  files.write("/tls/old-crl.pem", authority.crl([], PAST.notAfter));
  return files;
}

function encryptedKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "p" });
}

function smallKey(): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  return privateKey.export({ type: "pkcs8", format: "pem" });
}
