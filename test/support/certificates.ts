/**
 * Certificates for tests, made when they are needed: an authority of one's own, what it issues to
 * servers and clients, its revocation list and its OCSP responses (RFC 5280, RFC 6960). Nothing of it
 * is stored, so nothing of it can expire. `certificates-files.ts` writes them where a gateway reads them.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP, SocketAddress } from "node:net";
import {
  bits,
  boolean,
  context,
  enumerated,
  generalizedTime,
  implicit,
  integer,
  none,
  octets,
  oid,
  pem,
  sequence,
  set,
  text,
  time,
} from "./certificates-der.ts";

const DAY_MS = 86_400_000;

export type KeyKind = "ec" | "rsa";

/** Some keys are nothing to sign certificates with here. */
export type LeafKeyKind = KeyKind | "ed448";

export interface IssueOptions {
  /** Names and addresses that it is for; `*.example.test` too. */
  readonly names?: readonly string[];
  /** Default: the first name. */
  readonly commonName?: string;
  /** `ec`: P-256, the default; `rsa`: 2048 bits; `ed448`: what few servers take. */
  readonly key?: LeafKeyKind;
  /** Default `server`. */
  readonly purpose?: "server" | "client";
  /** Default: yesterday. */
  readonly notBefore?: Date;
  /** Default: in 30 days. */
  readonly notAfter?: Date;
}

/** Valid from ten days ago until yesterday. */
export const EXPIRED = {
  notBefore: new Date(Date.now() - 10 * DAY_MS),
  notAfter: new Date(Date.now() - DAY_MS),
} as const;

/** Valid from tomorrow on. */
export const NOT_YET_VALID = { notBefore: new Date(Date.now() + DAY_MS) } as const;

export interface TestIdentity {
  /** The certificate, then those of intermediate authorities. */
  readonly certPem: string;
  readonly keyPem: string;
  /** The certificate alone. */
  readonly der: Buffer;
  readonly serial: bigint;
}

interface KeyPair {
  readonly kind: LeafKeyKind;
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo, and the hash of its key that identifies it. */
  readonly spki: Buffer;
  readonly keyId: Buffer;
}

export class CertificateAuthority {
  /** To be trusted: the root's, whoever of its intermediate ones this is. */
  readonly rootPem: string;
  readonly certPem: string;
  readonly #name: Buffer;
  readonly #keys: KeyPair;
  /** PEM of this one and of those above it, without the root. */
  readonly #chainPem: string;
  #crlNumber = 0;

  constructor(commonName = "Test Authority", key: KeyKind = "ec", parent?: CertificateAuthority) {
    this.#name = distinguishedName(commonName);
    this.#keys = makeKeys(key);
    const signer = parent ?? this;
    const body = certificateBody({
      ...validity({}),
      serial: makeSerial(),
      issuer: signer.#name,
      subject: this.#name,
      keys: this.#keys,
      signer: signer.#keys,
      extensions: authorityExtensions(),
    });
    this.certPem = pem("CERTIFICATE", signed(body, signer.#keys));
    this.rootPem = parent === undefined ? this.certPem : parent.rootPem;
    this.#chainPem = parent === undefined ? "" : this.certPem + parent.#chainPem;
  }

  /** An authority that this one has signed. */
  intermediate(commonName = "Test Intermediate"): CertificateAuthority {
    return new CertificateAuthority(commonName, "ec", this);
  }

  issue(options: IssueOptions = {}): TestIdentity {
    const keys = makeKeys(options.key ?? "ec");
    const serial = makeSerial();
    const body = certificateBody({
      ...validity(options),
      serial,
      issuer: this.#name,
      subject: distinguishedName(options.commonName ?? options.names?.[0] ?? "Test"),
      keys,
      signer: this.#keys,
      extensions: leafExtensions(options),
    });
    const der = signed(body, this.#keys);
    return {
      certPem: pem("CERTIFICATE", der) + this.#chainPem,
      keyPem: keys.privateKey.export({ type: "pkcs8", format: "pem" }),
      der,
      serial,
    };
  }

  /** A revocation list in PEM (RFC 5280 section 5.1). */
  crl(revoked: readonly TestIdentity[], nextUpdate = new Date(Date.now() + DAY_MS)): string {
    const now = new Date();
    const entries = revoked.map(({ serial }) => sequence(integer(serial), time(now)));
    const extensions = sequence(
      keyIdentifierOf(this.#keys),
      extension("2.5.29.20", integer(++this.#crlNumber)),
    );
    const body = sequence(
      integer(1),
      signatureAlgorithm(this.#keys.kind),
      this.#name,
      time(now),
      time(nextUpdate),
      ...(entries.length === 0 ? [] : [sequence(...entries)]),
      context(0, extensions),
    );
    return pem("X509 CRL", signed(body, this.#keys));
  }

  /** An OCSP response about one certificate, DER (RFC 6960 section 4.2). */
  ocsp({ serial }: TestIdentity, status: "good" | "revoked" = "good"): Buffer {
    const now = new Date();
    const single = sequence(
      sequence(
        sequence(oid("1.3.14.3.2.26"), none()),
        octets(sha1(this.#name)),
        octets(this.#keys.keyId),
        integer(serial),
      ),
      status === "good" ? implicit(0, Buffer.alloc(0)) : context(1, generalizedTime(now)),
      generalizedTime(now),
      context(0, generalizedTime(new Date(now.getTime() + DAY_MS))),
    );
    const body = sequence(context(2, octets(this.#keys.keyId)), generalizedTime(now), sequence(single));
    const basic = sequence(oid("1.3.6.1.5.5.7.48.1.1"), octets(signed(body, this.#keys)));
    return sequence(enumerated(0), context(0, basic));
  }
}

interface CertificateFields {
  readonly serial: bigint;
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly keys: KeyPair;
  readonly signer: KeyPair;
  readonly extensions: readonly Buffer[];
}

/** `TBSCertificate`, version 3. */
function certificateBody(fields: CertificateFields): Buffer {
  return sequence(
    context(0, integer(2)),
    integer(fields.serial),
    signatureAlgorithm(fields.signer.kind),
    fields.issuer,
    sequence(time(fields.notBefore), time(fields.notAfter)),
    fields.subject,
    fields.keys.spki,
    context(
      3,
      sequence(
        ...fields.extensions,
        extension("2.5.29.14", octets(fields.keys.keyId)),
        keyIdentifierOf(fields.signer),
      ),
    ),
  );
}

/** Certificates, revocation lists and OCSP responses are signed in the same way. */
function signed(body: Buffer, keys: KeyPair): Buffer {
  return sequence(body, signatureAlgorithm(keys.kind), bits(sign("sha256", body, keys.privateKey)));
}

function signatureAlgorithm(kind: LeafKeyKind): Buffer {
  return kind === "ec"
    ? sequence(oid("1.2.840.10045.4.3.2"))
    : sequence(oid("1.2.840.113549.1.1.11"), none());
}

function makeKeys(kind: LeafKeyKind): KeyPair {
  const { publicKey, privateKey } = generateKeys(kind);
  const spki = publicKey.export({ type: "spki", format: "der" });
  return { kind, privateKey, spki, keyId: sha1(keyBits(publicKey, spki, kind)) };
}

function generateKeys(kind: LeafKeyKind): { publicKey: KeyObject; privateKey: KeyObject } {
  switch (kind) {
    case "ec":
      return generateKeyPairSync("ec", { namedCurve: "P-256" });
    case "rsa":
      return generateKeyPairSync("rsa", { modulusLength: 2048 });
    case "ed448":
      return generateKeyPairSync("ed448");
  }
}

/** The content of the SubjectPublicKeyInfo's bit string, which RFC 5280 section 4.2.1.2 hashes. */
function keyBits(publicKey: KeyObject, spki: Buffer, kind: LeafKeyKind): Buffer {
  if (kind === "rsa") return publicKey.export({ type: "pkcs1", format: "der" });
  // At the end: an uncompressed point of P-256, 1 + 32 + 32 octets, or the 57 of Ed448.
  return spki.subarray(kind === "ec" ? -65 : -57);
}

function sha1(content: Uint8Array): Buffer {
  return createHash("sha1").update(content).digest();
}

/** 16 octets, positive, as RFC 5280 section 4.1.2.2 asks for. */
function makeSerial(): bigint {
  return BigInt(`0x40${randomBytes(15).toString("hex")}`);
}

function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(oid("2.5.4.3"), text(commonName))));
}

function validity({ notBefore, notAfter }: IssueOptions): { notBefore: Date; notAfter: Date } {
  return {
    notBefore: notBefore ?? new Date(Date.now() - DAY_MS),
    notAfter: notAfter ?? new Date(Date.now() + 30 * DAY_MS),
  };
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
}

function keyIdentifierOf(signer: KeyPair): Buffer {
  return extension("2.5.29.35", sequence(implicit(0, signer.keyId)));
}

function authorityExtensions(): Buffer[] {
  return [
    extension("2.5.29.19", sequence(boolean(true)), true),
    // digitalSignature, keyCertSign, cRLSign
    extension("2.5.29.15", bits(Buffer.of(0x86), 1), true),
  ];
}

function leafExtensions({ names = [], purpose = "server" }: IssueOptions): Buffer[] {
  const usage = purpose === "server" ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2";
  return [
    // digitalSignature
    extension("2.5.29.15", bits(Buffer.of(0x80), 7), true),
    extension("2.5.29.37", sequence(oid(usage))),
    ...(names.length === 0 ? [] : [extension("2.5.29.17", sequence(...names.map(alternativeName)))]),
  ];
}

function alternativeName(name: string): Buffer {
  return isIP(name) === 0 ? implicit(2, Buffer.from(name, "latin1")) : implicit(7, addressOctets(name));
}

function addressOctets(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail = ""] = new SocketAddress({ address, family: "ipv6" }).address.split("::");
  const words = (half: string): string[] => (half === "" ? [] : half.split(":"));
  const after = words(tail);
  const before = words(head);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return Buffer.from([...before, ...zeros, ...after].map((word) => word.padStart(4, "0")).join(""), "hex");
}
