/**
 * A server context on node:tls: the certificates by name, tickets, and who may connect. What differs
 * from the native transport:
 * - Tickets: node:tls knows one key. The newest encrypts and decrypts; a session of an older one begins
 *   with a full handshake. Who resumes with TLS 1.3 is given no other ticket.
 * - A client certificate that is not believed is refused after the handshake, without an alert.
 * - Without ticket keys, clients of TLS 1.3 are given tickets nevertheless, which nobody accepts.
 */
import { constants, createHash, hkdfSync } from "node:crypto";
import {
  createServer,
  type SecureContext,
  type SecureContextOptions,
  type Server,
  TLSSocket,
} from "node:tls";
import { assert } from "../base/assert.ts";
import type { TlsCarrier } from "./net-tls-carrier.ts";
import {
  authorities,
  checkKeyLog,
  identityOptions,
  logKeys,
  secureContext,
  secureOptions,
} from "./net-tls-settings.ts";
import { verifyReason } from "./net-tls-info.ts";
import {
  TICKET_KEY_BYTES,
  type TlsCertificate,
  type TlsClientCertificateSettings,
  type TlsServerContext,
  type TlsServerSettings,
} from "./tls.ts";

/** What node:tls wants of a ticket key: name, AES-128 key, HMAC key. */
const NODE_TICKET_KEY_BYTES = 48;

/** How long a session may be resumed; as the native transport has it. */
const SESSION_SECONDS = 2 * 60 * 60;

type OcspAnswer = (error: Error | null, response?: Buffer) => void;

export class NetTlsServerContext implements TlsServerContext {
  readonly role = "server";
  readonly #settings: TlsServerSettings;
  readonly #exact = new Map<string, SecureContext>();
  /** By what follows the `*`, the dot included. */
  readonly #wildcard = new Map<string, SecureContext>();
  readonly #default: SecureContext;
  /** By the certificate in DER, as hexadecimal digits. */
  readonly #staples = new Map<string, Buffer>();
  /** Never listens: node:tls asks it for staples. `null`: there are none. */
  readonly #stapler: Server | null;

  /** Throws an `Error` that says what is wrong. */
  constructor(settings: TlsServerSettings) {
    const { certificates, clientCertificate, ticketKeys } = settings;
    if (certificates.length === 0) throw new Error("no certificate");
    this.#settings = settings;
    checkKeyLog(settings.keyLogPath);
    const options = {
      ...secureOptions(settings.minVersion),
      ...clientOptions(clientCertificate),
      sessionIdContext: sessionIdContext(clientCertificate),
      sessionTimeout: SESSION_SECONDS,
    };
    if (ticketKeys.length === 0)
      options.secureOptions = (options.secureOptions ?? 0) | constants.SSL_OP_NO_TICKET;
    const contexts = certificates.map((certificate) => this.#add(certificate, options));
    this.#default = contexts[0] as SecureContext;
    this.#stapler = this.#staples.size === 0 ? null : this.#makeStapler(options);
    this.setTicketKeys(ticketKeys);
  }

  #add(certificate: TlsCertificate, options: SecureContextOptions): SecureContext {
    const what = `the certificate for ${certificate.names.join(", ") || "any name"}`;
    const context = secureContext(what, { ...options, ...identityOptions(what, certificate) });
    for (const name of certificate.names) {
      const [names, key] = name.startsWith("*.") ? [this.#wildcard, name.slice(1)] : [this.#exact, name];
      if (!names.has(key)) names.set(key, context);
    }
    if (certificate.ocsp !== null) this.#staples.set(derOf(context), Buffer.from(certificate.ocsp));
    return context;
  }

  #makeStapler(options: SecureContextOptions): Server {
    const identity = this.#settings.certificates[0] as TlsCertificate;
    const server = createServer({ ...options, ...identityOptions("", identity) });
    server.on("OCSPRequest", (certificate: Buffer, _issuer: Buffer | null, answer: OcspAnswer) =>
      answer(null, this.#staples.get(certificate.toString("hex"))),
    );
    return server;
  }

  /** A context that was made without keys stays without; one that has them keeps at least one. */
  setTicketKeys(keys: readonly Uint8Array[]): void {
    assert(keys.length > 0 === this.#settings.ticketKeys.length > 0, "tickets are on or off for good");
    for (const { length } of keys) assert(length === TICKET_KEY_BYTES, "a ticket key of another length");
    const [newest] = keys;
    if (newest === undefined) return;
    const derived = hkdfSync("sha256", newest, "", "node:tls ticket key", NODE_TICKET_KEY_BYTES);
    // All connections begin with the default context, and it is its keys that tickets are made with.
    (this.#default.context as { setTicketKeys(keys: Buffer): void }).setTicketKeys(Buffer.from(derived));
  }

  /** The `TLSSocket` of a connection; it emits `secure` when the handshake is done. */
  open(carrier: TlsCarrier): TLSSocket {
    const { alpn, clientCertificate, keyLogPath } = this.#settings;
    const socket = new TLSSocket(carrier, {
      isServer: true,
      secureContext: this.#default,
      requestCert: clientCertificate.mode !== "off",
      rejectUnauthorized: clientCertificate.mode === "require",
      SNICallback: (name, choose) => choose(null, this.#choose(name)),
      ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
      ...(this.#stapler === null ? {} : { server: this.#stapler }),
    });
    logKeys(socket, keyLogPath);
    return socket;
  }

  /** Whose certificate is shown to a client that asked for this name, in whatever spelling. */
  #choose(asked: string): SecureContext {
    const name = plainName(asked);
    const dot = name.indexOf(".");
    const wildcard = dot > 0 ? this.#wildcard.get(name.slice(dot)) : undefined;
    return this.#exact.get(name) ?? wildcard ?? this.#default;
  }

  /** Why a client whose handshake is done is refused nevertheless; empty: it is not. */
  refusal(socket: TLSSocket): string {
    const { mode } = this.#settings.clientCertificate;
    if (mode === "off") return "";
    if (socket.getPeerX509Certificate() === undefined)
      return mode === "require" ? "peer did not return a certificate" : "";
    return verifyReason(socket);
  }
}

/** Lower-case, without a trailing dot. */
export function plainName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith(".") ? lower.slice(0, -1) : lower;
}

function clientOptions({ mode, caPem, crlPem }: TlsClientCertificateSettings): SecureContextOptions {
  if (mode === "off") return {};
  return {
    ca: authorities("the authorities of client certificates", caPem),
    ...(crlPem === "" ? {} : { crl: crlBlocks(crlPem) }),
  };
}

/** Node.js reads one list per value. */
function crlBlocks(crlPem: string): string[] {
  const blocks = crlPem.match(/-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g) ?? [];
  if (blocks.length === 0) throw new Error("the revocation list of client certificates: none in it");
  return blocks;
}

/**
 * A session resumes only where it could have begun: all workers have the same, and whoever asks for
 * other certificates has another (RFC 8446 section 4.6.1 binds a ticket to what was authenticated).
 */
function sessionIdContext(settings: TlsClientCertificateSettings): string {
  return createHash("sha256")
    .update(JSON.stringify([settings.mode, settings.caPem, settings.crlPem]))
    .digest("hex")
    .slice(0, 32);
}

function derOf(context: SecureContext): string {
  return (context.context as { getCertificate(): Buffer }).getCertificate().toString("hex");
}
