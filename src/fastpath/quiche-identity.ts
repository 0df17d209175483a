/**
 * A certificate chain and its key, checked before quiche gets them: it takes a key that belongs to another
 * certificate without a word, and what it says of a bad one is a line of its own error queue.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { reasonOf } from "./net-tls-settings.ts";
import type { TlsIdentity } from "./tls.ts";

/** Keys that BoringSSL signs with in TLS 1.3. */
const KEY_TYPES: ReadonlySet<string> = new Set(["ec", "rsa", "ed25519"]);

/** PEM; the key as PKCS#8. */
export interface QuicheIdentity {
  readonly chain: Buffer;
  readonly key: Buffer;
}

/** Throws an `Error` that says in words what is wrong. */
export function checkIdentity(identity: TlsIdentity): QuicheIdentity {
  const key = readKey(identity.keyPem);
  const type = key.asymmetricKeyType ?? "unknown";
  if (!KEY_TYPES.has(type)) throw new Error(`the QUIC engine cannot sign with a key of type ${type}`);
  const certificate = readCertificate(identity.certPem);
  if (!certificate.checkPrivateKey(key))
    throw new Error("the private key does not belong to the certificate");
  const pkcs8 = key.export({ type: "pkcs8", format: "pem" });
  return { chain: Buffer.from(identity.certPem), key: Buffer.from(pkcs8) };
}

/** The first certificate of a PEM text. */
function readCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new Error(`this is no certificate in PEM: ${reasonOf(error)}`, { cause: error });
  }
}

function readKey(pem: string): KeyObject {
  if (pem.includes("ENCRYPTED"))
    throw new Error("the private key is encrypted: it must be stored without passphrase");
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new Error(`this is no private key in PEM: ${reasonOf(error)}`, { cause: error });
  }
}
