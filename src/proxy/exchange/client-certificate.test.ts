import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { CertificateAuthority } from "../../../test/support/certificates.ts";
import { certificateFields } from "./client-certificate.ts";

/** C=DE, O="Fleet, Inc.", OU="Süd Ost", CN="lorry 7"; two URIs, two host names, an address and a mail address. */
const LORRY = `-----BEGIN CERTIFICATE-----
MIICRzCCAe6gAwIBAgIUU1IK2FmzreEGyciWk+TAfYbajEAwCgYIKoZIzj0EAwIw
SDELMAkGA1UEBhMCREUxFDASBgNVBAoMC0ZsZWV0LCBJbmMuMREwDwYDVQQLDAhT
w7xkIE9zdDEQMA4GA1UEAwwHbG9ycnkgNzAgFw0yNjExMjEwOTIxNDRaGA8yMTI2
MTAyODA5MjE0NFowSDELMAkGA1UEBhMCREUxFDASBgNVBAoMC0ZsZWV0LCBJbmMu
MREwDwYDVQQLDAhTw7xkIE9zdDEQMA4GA1UEAwwHbG9ycnkgNzBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABJONwrvmRRblnmQVQxOWcH9XSHIAUkdE/tYpjsF5XBcB
ykxvQ316wZiIav4PKoaSYhwIgPZoQpuzB7tkNxJSFSejgbMwgbAwgY4GA1UdEQSB
hjCBg4Yec3BpZmZlOi8vZmxlZXQuZXhhbXBsZS9sb3JyeS83hh1odHRwczovL2Zs
ZWV0LmV4YW1wbGUvYSxiP2M9ZIIUbG9ycnk3LmZsZWV0LmV4YW1wbGWCE2xvcnJ5
LmZsZWV0LmV4YW1wbGWHBMAAAgeBEW9wc0BmbGVldC5leGFtcGxlMB0GA1UdDgQW
BBRvQuNwJcyr6EzfJQaFFWlbNY59oTAKBggqhkjOPQQDAgNHADBEAiBeaRf82Vqd
bpxLR8lbuJeL9xykjs4lzq+3W9Us6Rqk8wIgDKXVAsMghn2moVdyTXwrGRs/jWZB
vpIDBZ5TClOdCx4=
-----END CERTIFICATE-----`;

function lines(der: Buffer, forward: "off" | "client_cert" | "xfcc" | "both"): string[] {
  const template = certificateFields(der, forward);
  if (template === null) return [];
  const text = Buffer.from(template.lines).toString("latin1");
  assert.ok(text.endsWith("\r\n"));
  return text.slice(0, -2).split("\r\n");
}

const der = new X509Certificate(LORRY).raw;
const CLIENT_CERT = `Client-Cert: :${der.toString("base64")}:`;
const XFCC = [
  `X-Forwarded-Client-Cert: Hash=${createHash("sha256").update(der).digest("hex")}`,
  String.raw`Subject="CN=lorry 7,OU=S\C3\BCd Ost,O=Fleet\, Inc.,C=DE"`,
  "URI=spiffe://fleet.example/lorry/7",
  'URI="https://fleet.example/a,b?c=d"',
  "DNS=lorry7.fleet.example",
  "DNS=lorry.fleet.example",
].join(";");

test("the whole certificate goes into Client-Cert as a byte sequence", () => {
  assert.deepEqual(lines(der, "client_cert"), [CLIENT_CERT]);
});

test("fingerprint and names go into X-Forwarded-Client-Cert", () => {
  assert.deepEqual(lines(der, "xfcc"), [XFCC]);
});

test("both, and neither", () => {
  assert.deepEqual(lines(der, "both"), [CLIENT_CERT, XFCC]);
  assert.deepEqual(lines(der, "off"), []);
});

test("a subject cannot leave its quotes, nor its line", () => {
  const authority = new CertificateAuthority();
  const mean = authority.issue({ commonName: 'x";Subject="CN=admin\\\r\nClient-Cert: :AA==:', names: [] });
  const [line = "", ...more] = lines(mean.der, "xfcc");
  assert.deepEqual(more, []);
  assert.match(line, /^[ -~]*$/);
  const value = line.slice(line.indexOf(";") + 1);
  // One quoted text, in which every quote and every backslash is escaped.
  assert.match(value, /^Subject="(?:[^"\\]|\\.)*"$/);
});

test("a certificate without names has none to tell", () => {
  const plain = new CertificateAuthority().issue({ commonName: "robot", names: [] });
  const [line = ""] = lines(plain.der, "xfcc");
  assert.match(line, /;Subject="CN=robot"$/);
});
