/**
 * TLS on a connection, as the proxy sees it: settings become a context once, a context makes any
 * number of connections secure, and what was agreed is read afterwards. Both twins implement it: the
 * native transport inside, on the OpenSSL of the runtime, and node:net by node:tls.
 *
 * A context is immutable. A rotation makes a new one; connections keep the one they began with, and
 * it is gone with the last of them.
 */

export const TLS_VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;
export type TlsVersion = (typeof TLS_VERSIONS)[number];

/** A certificate with its chain and its key. Both PEM; the control plane has checked that they belong together. */
export interface TlsIdentity {
  readonly certPem: string;
  readonly keyPem: string;
}

/** An identity of a server, and when it is shown. */
export interface TlsCertificate extends TlsIdentity {
  /**
   * Lower-case names without trailing dot: exact, or `*.` and the rest for one label more (RFC 9525
   * section 6.3). An exact name wins over a wildcard, the first certificate over a later one.
   */
  readonly names: readonly string[];
  /** The stapled OCSP response, DER; `null`: none. */
  readonly ocsp: Uint8Array | null;
}

/** Keys of session tickets: 80 octets, of which 16 name the key, 32 encrypt (AES-256) and 32 sign (SHA-256). */
export const TICKET_KEY_BYTES = 80;

export interface TlsServerSettings {
  /** At least one; the first is shown to clients that name no host, or one that no certificate is for. */
  readonly certificates: readonly TlsCertificate[];
  readonly minVersion: TlsVersion;
  /** In order of preference, such as `h2`, `http/1.1`; empty: ALPN is not answered. A client that offers none of them is refused. */
  readonly alpn: readonly string[];
  /** The first encrypts, all decrypt; empty: no tickets. */
  readonly ticketKeys: readonly Uint8Array[];
  readonly clientCertificate: TlsClientCertificateSettings;
  /** File that secrets are appended to (NSS key log format), for whoever analyses captures; empty: none. */
  readonly keyLogPath: string;
}

export interface TlsClientCertificateSettings {
  /** `request`: a client may have none; one that it shows must be good nevertheless. */
  readonly mode: "off" | "request" | "require";
  /** PEM: the authorities that may have signed it. */
  readonly caPem: string;
  /** PEM; empty: revocation is not checked. */
  readonly crlPem: string;
}

export interface TlsClientSettings {
  readonly minVersion: TlsVersion;
  readonly alpn: readonly string[];
  /** PEM; empty: the authorities that the runtime trusts. */
  readonly caPem: string;
  /** The chain and the name are checked; false: anybody is believed. */
  readonly verifyPeer: boolean;
  /** Sent as SNI unless it is an address; empty: none is sent. */
  readonly serverName: string;
  /** The name or address that the certificate must be for; empty: any. */
  readonly verifyName: string;
  /** Shown when the server asks for one. */
  readonly identity: TlsIdentity | null;
  readonly keyLogPath: string;
}

/** Opaque; made by `Transport.tlsServer`. */
export interface TlsServerContext {
  readonly role: "server";
}

/** Opaque; made by `Transport.tlsClient`. Remembers sessions, so that later connections resume. */
export interface TlsClientContext {
  readonly role: "client";
}

/** What a finished handshake agreed on. */
export interface TlsInfo {
  readonly version: string;
  /** IANA name, such as `TLS_AES_128_GCM_SHA256`. */
  readonly cipher: string;
  /** Empty when none was agreed. */
  readonly alpn: string;
  /** As the client sent it, lower-case, without trailing dot; empty when it sent none. */
  readonly serverName: string;
  readonly resumed: boolean;
  /** DER of the peer's certificate, verified; `null` when it showed none. */
  readonly peerCertificate: Buffer | null;
}

/**
 * What `onClose` gets when TLS ended the connection begins with this; the rest is OpenSSL's reason, such
 * as `tls: no shared cipher`. It always has one.
 */
export const TLS_ERROR_PREFIX = "tls: ";
