/**
 * What TLS on node:tls has in common for servers and clients: the parameters that are not settings, and
 * the reading of those that are. `net-tls-server.ts` and `net-tls-client.ts` make contexts of it.
 */
import { constants, X509Certificate } from "node:crypto";
import { appendFile, appendFileSync } from "node:fs";
import { createSecureContext, type SecureContext, type SecureContextOptions, type TLSSocket } from "node:tls";
import type { TlsIdentity, TlsVersion } from "./tls.ts";

/**
 * Forward secrecy and authenticated encryption, nothing else (RFC 9325 section 4.2). AES comes first, as
 * it is the fastest wherever the processor helps. The native transport has the same lists.
 */
const CIPHERS = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/**
 * The hybrid with ML-KEM first: what is recorded today stays unread by the quantum computers of tomorrow. An
 * asterisk: a client sends a share of it at once, so that old servers cost no round trip.
 */
const GROUPS = "*X25519MLKEM768:*X25519:P-256:P-384";

export function secureOptions(minVersion: TlsVersion): SecureContextOptions {
  return {
    minVersion,
    maxVersion: "TLSv1.3",
    ciphers: CIPHERS,
    ecdhCurve: GROUPS,
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_PRIORITIZE_CHACHA,
  };
}

/** Throws an `Error` that begins with `what` and tells OpenSSL's reason. */
export function secureContext(what: string, options: SecureContextOptions): SecureContext {
  try {
    return createSecureContext(options);
  } catch (error) {
    throw new Error(`${what}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Node.js accepts a certificate without its key, and the other way round. */
export function identityOptions(what: string, { certPem, keyPem }: TlsIdentity): SecureContextOptions {
  if (certPem === "" || keyPem === "") throw new Error(`${what}: a certificate and its key are needed`);
  return { cert: certPem, key: keyPem };
}

/** Node.js ignores what it cannot read among authorities; a typing error would mean that nobody is trusted. */
export function authorities(what: string, caPem: string): string[] {
  const blocks = caPem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Error(`${what}: no certificate in it`);
  try {
    return blocks.map((block) => new X509Certificate(block).toString());
  } catch (error) {
    throw new Error(`${what}: ${reasonOf(error)}`, { cause: error });
  }
}

/** OpenSSL's reason where it gave one: `no shared cipher`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { reason } = error as Error & { reason?: string };
  return reason ?? error.message;
}

/** Throws when the file cannot be written; empty: there is none. */
export function checkKeyLog(path: string): void {
  if (path === "") return;
  try {
    appendFileSync(path, "", { mode: 0o600 });
  } catch (error) {
    throw new Error(`the key log: ${reasonOf(error)}`, { cause: error });
  }
}

/** What cannot be written any more is not: a full disk ends no connection. */
export function logKeys(socket: TLSSocket, path: string): void {
  if (path === "") return;
  socket.on("keylog", (line: Buffer) => appendFile(path, line, { mode: 0o600 }, () => {}));
}
