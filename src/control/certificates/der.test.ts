import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CertificateAuthority, EXPIRED } from "../../../test/support/certificates.ts";
import { childrenOf, DER, readElement, timeOf } from "./der.ts";
import { normalSerial, readOcspResponse } from "./ocsp-response.ts";
import { derOf, pemBlocks } from "./pem.ts";
import { readRevocationList } from "./revocation-list.ts";

const authority = new CertificateAuthority();
const identity = authority.issue({ names: ["a.test"] });

test("lengths in the short and the long form", () => {
  assert.equal(readElement(Buffer.from("0403616263", "hex"))?.content.toString(), "abc");
  const long = Buffer.concat([Buffer.from("04820100", "hex"), Buffer.alloc(256, 7)]);
  assert.equal(readElement(long)?.content.length, 256);
  assert.equal(readElement(long)?.end, 260);
});

test("what is cut off, indefinite or multi-byte tagged is not read", () => {
  for (const hex of ["", "30", "3003", "300361", "3080", "30850000000001", "1f8101", "3084ffffffff"]) {
    assert.equal(readElement(Buffer.from(hex, "hex")), null, hex);
  }
  assert.equal(childrenOf(readElement(Buffer.from("30020402", "hex")), DER.sequence), null);
  assert.equal(childrenOf(readElement(Buffer.from("0400", "hex")), DER.sequence), null);
});

test("times: two digits of the year turn at 50", () => {
  const utc = (text: string) => timeOf({ tag: DER.utcTime, content: Buffer.from(text), end: 0 });
  assert.equal(utc("491231235959Z"), Date.parse("2049-12-31T23:59:59Z"));
  assert.equal(utc("500101000000Z"), Date.parse("1950-01-01T00:00:00Z"));
  const general = { tag: DER.generalizedTime, content: Buffer.from("20610203040506Z"), end: 0 };
  assert.equal(timeOf(general), Date.parse("2061-02-03T04:05:06Z"));
  for (const text of ["491331235959Z", "4912312359Z", "491231235959+0100", ""])
    assert.equal(utc(text), null, text);
});

test("an OCSP response tells of whom it speaks, what, and until when", () => {
  for (const status of ["good", "revoked"] as const) {
    const answers = readOcspResponse(authority.ocsp(identity, status));
    assert.ok(typeof answers !== "string");
    assert.equal(answers[0]?.serial, identity.serial.toString(16).toUpperCase());
    assert.equal(answers[0].status, status);
    assert.ok((answers[0].nextUpdateMs ?? 0) > Date.now());
  }
});

test("an OCSP response that reports an error, or that has something behind it, is refused", () => {
  assert.equal(readOcspResponse(Buffer.from("30030a0103", "hex")), "the responder answered with status 3");
  const trailing = Buffer.concat([authority.ocsp(identity), Buffer.of(0)]);
  assert.equal(readOcspResponse(trailing), "it is not an OCSP response in DER");
});

test("one number has one spelling", () => {
  assert.equal(normalSerial("00ab01"), "AB01");
  assert.equal(normalSerial("00"), "0");
});

test("a revocation list tells until when it counts", () => {
  const [block = ""] = pemBlocks(authority.crl([identity], EXPIRED.notAfter), "X509 CRL");
  const wholeSeconds = Math.floor(EXPIRED.notAfter.getTime() / 1000) * 1000;
  assert.equal(readRevocationList(block)?.nextUpdateMs, wholeSeconds);
  const [certificate = ""] = pemBlocks(identity.certPem, "CERTIFICATE");
  assert.equal(readRevocationList(certificate), null);
});

test("blocks are found among other text, and other blocks", () => {
  const text = `subject=x\n${identity.keyPem}\nbetween\n${identity.certPem}${authority.rootPem}`;
  const blocks = pemBlocks(text, "CERTIFICATE");
  assert.equal(blocks.length, 2);
  assert.deepEqual(derOf(blocks[0] ?? ""), identity.der);
  assert.deepEqual(pemBlocks("-----BEGIN CERTIFICATE-----\nAAAA", "CERTIFICATE"), []);
  assert.equal(derOf("-----BEGIN X-----\nÄ\n-----END X-----"), null);
});

test("no octets make the readers throw", () => {
  const sources = [
    authority.ocsp(identity),
    derOf(pemBlocks(authority.crl([identity]), "X509 CRL")[0] ?? "") as Buffer,
  ];
  const mutated = fc
    .tuple(fc.constantFrom(...sources), fc.nat(), fc.nat(255), fc.nat())
    .map(([source, at, value, cut]) => {
      const bytes = Buffer.from(source.subarray(0, (cut % source.length) + 1));
      bytes[at % bytes.length] = value;
      return bytes;
    });
  fc.assert(
    fc.property(
      fc.oneof(
        mutated,
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      ),
      (bytes) => {
        readOcspResponse(bytes);
        readRevocationList(`-----BEGIN X509 CRL-----\n${bytes.toString("base64")}\n-----END X509 CRL-----`);
      },
    ),
    { numRuns: 500 },
  );
});
