/**
 * A certificate with its chain, its key and its stapled OCSP response: each by itself, and whether they
 * belong together. Feature rows A3.1, A3.2, B21.
 */
import { createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import { type CertificateFile, day, type Inspection, shown } from "./inspection.ts";
import type { IdentityPlace, PlacedPath } from "./named-files.ts";
import { normalSerial, readOcspResponse } from "./ocsp-response.ts";

/** Bits of access for the group and for others: none may be there on a private key. */
const NOT_THE_OWNERS = 0o077;

/** What OpenSSL takes at its security level 2. */
const MIN_RSA_BITS = 2048;

/** What the QUIC engine signs with. */
const QUIC_KEYS: readonly string[] = ["ec", "rsa", "ed25519"];

/** The certificate, if all of it can be used; else `null`, after findings. */
export function checkIdentity(inspection: Inspection, place: IdentityPlace): CertificateFile | null {
  const file = inspection.certificates(place.cert);
  const key = readKey(inspection, place.key);
  if (place.ocsp !== null) checkOcsp(inspection, place.ocsp, file);
  if (file === null || key === null) return null;
  const [leaf] = file.certificates as readonly [X509Certificate];
  if (!leaf.checkPrivateKey(key)) {
    const message = `the key in ${shown(place.key)} does not belong to the certificate in ${shown(place.cert)}`;
    return inspection.fail(place.key, { failure: "mismatch", message });
  }
  if (place.quic && !QUIC_KEYS.includes(key.asymmetricKeyType ?? "")) {
    const message = `QUIC cannot be served with the key in ${shown(place.key)}: it is of type ${key.asymmetricKeyType}`;
    return inspection.fail(place.key, { failure: "malformed", message, hint: "EC, RSA and Ed25519 will do" });
  }
  if (!checkChain(inspection, place.cert, file)) return null;
  inspection.checkTimes(place.cert, file);
  if (place.listener !== "" && file.names.dns.length === 0 && file.names.addresses.length === 0) {
    const message = `the certificate in ${shown(place.cert)} has no subject alternative names`;
    inspection.warn(place.cert, message, "clients match no other name (RFC 9525), and refuse it");
  }
  return file;
}

function readKey(inspection: Inspection, place: PlacedPath): KeyObject | null {
  const content = inspection.read(place);
  if (content === null) return null;
  if ((content.mode & NOT_THE_OWNERS) !== 0) {
    const mode = content.mode.toString(8).padStart(4, "0");
    const message = `others than its owner have access to the key ${shown(place)}: its mode is ${mode}`;
    return inspection.fail(place, { failure: "permissions", message, hint: "chmod 600" });
  }
  const key = parseKey(content.bytes.toString("latin1"));
  if (typeof key === "string")
    return inspection.fail(place, { failure: "malformed", message: `${shown(place)} ${key}` });
  const bits = key.asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS;
  if (bits >= MIN_RSA_BITS) return key;
  const message = `the RSA key in ${shown(place)} has ${bits} bits, and less than ${MIN_RSA_BITS} are not secure`;
  return inspection.fail(place, { failure: "malformed", message });
}

/** The key, or what is wrong with it. */
function parseKey(pem: string): KeyObject | string {
  if (/^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem))
    return "is encrypted, and the gateway has no passphrase";
  try {
    return createPrivateKey(pem);
  } catch {
    return "holds no private key in PEM";
  }
}

/** Each certificate must have been issued by the next: RFC 8446 section 4.4.2. */
function checkChain(inspection: Inspection, place: PlacedPath, { certificates }: CertificateFile): boolean {
  for (const [index, certificate] of certificates.entries()) {
    const issuer = certificates[index + 1];
    if (issuer === undefined || isIssuedBy(certificate, issuer)) continue;
    const message = `certificate ${index + 2} of ${shown(place)} did not issue the one before it`;
    const hint = "the server's own certificate comes first, then its issuer, then that one's issuer";
    inspection.fail(place, { failure: "chain", message, hint });
    return false;
  }
  return true;
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function checkOcsp(inspection: Inspection, place: PlacedPath, file: CertificateFile | null): void {
  const content = inspection.read(place);
  if (content === null) return;
  const answers = readOcspResponse(content.bytes);
  if (typeof answers === "string") {
    const message = `the OCSP response ${shown(place)} cannot be used: ${answers}`;
    inspection.fail(place, { failure: "malformed", message });
    return;
  }
  if (file === null) return;
  const serial = normalSerial(file.serial);
  const answer = answers.find((candidate) => candidate.serial === serial);
  if (answer === undefined) {
    const message = `the OCSP response ${shown(place)} is about another certificate`;
    inspection.fail(place, { failure: "mismatch", message });
    return;
  }
  if (answer.status !== "good")
    inspection.warn(place, `the OCSP response ${shown(place)} says that the certificate is ${answer.status}`);
  if (answer.nextUpdateMs !== null && answer.nextUpdateMs <= inspection.nowMs) {
    const message = `the OCSP response ${shown(place)} has expired on ${day(new Date(answer.nextUpdateMs))}`;
    inspection.warn(place, message, "clients that need one refuse the certificate");
  }
}
