/** A client context on node:tls: whom it believes, what it shows, and the sessions that it remembers. */
import { isIP } from "node:net";
import { connect, type PeerCertificate, type SecureContext, type TLSSocket } from "node:tls";
import { X509Certificate } from "node:crypto";
import type { TlsCarrier } from "./net-tls-carrier.ts";
import {
  authorities,
  checkKeyLog,
  identityOptions,
  logKeys,
  secureContext,
  secureOptions,
} from "./net-tls-settings.ts";
import type { TlsClientContext, TlsClientSettings } from "./tls.ts";

interface RememberedSession {
  readonly session: Buffer;
  /** Of the peer; node:tls has forgotten it when the session resumes. */
  readonly certificate: Buffer | null;
}

/** Places that sessions are remembered of: the addresses that one backend's name may have. */
const MAX_SESSIONS = 64;

export class NetTlsClientContext implements TlsClientContext {
  readonly role = "client";
  readonly settings: TlsClientSettings;
  /** Empty: none is sent. */
  readonly serverName: string;
  readonly #context: SecureContext;
  /** The newest of each place. */
  readonly #sessions = new Map<string, RememberedSession>();

  /** Throws an `Error` that says what is wrong. */
  constructor(settings: TlsClientSettings) {
    this.settings = settings;
    this.serverName = isIP(settings.serverName) === 0 ? settings.serverName : "";
    checkKeyLog(settings.keyLogPath);
    const { caPem, identity } = settings;
    const what = "the client certificate";
    this.#context = secureContext(what, {
      ...secureOptions(settings.minVersion),
      ...(caPem === "" ? {} : { ca: authorities("the authorities", caPem) }),
      ...(identity === null ? {} : identityOptions(what, identity)),
    });
  }

  /** The `TLSSocket` of a connection to `place`; it emits `secureConnect` when the peer is believed. */
  open(carrier: TlsCarrier, place: string): TLSSocket {
    const { alpn, verifyPeer, verifyName, keyLogPath } = this.settings;
    const remembered = this.#sessions.get(place);
    const socket = connect({
      socket: carrier,
      secureContext: this.#context,
      rejectUnauthorized: verifyPeer,
      checkServerIdentity: (_name, certificate) => checkName(verifyName, certificate),
      ...(this.serverName === "" ? {} : { servername: this.serverName }),
      ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
      ...(remembered === undefined ? {} : { session: remembered.session }),
    });
    socket.on("session", (session: Buffer) =>
      this.#remember(place, { session, certificate: this.peerCertificate(socket, place) }),
    );
    logKeys(socket, keyLogPath);
    return socket;
  }

  #remember(place: string, session: RememberedSession): void {
    if (!this.#sessions.has(place) && this.#sessions.size >= MAX_SESSIONS) {
      const [oldest] = this.#sessions.keys();
      this.#sessions.delete(oldest as string);
    }
    this.#sessions.set(place, session);
  }

  /** DER of the certificate that `place` has shown; `null` when nobody has checked it. */
  peerCertificate(socket: TLSSocket, place: string): Buffer | null {
    if (!this.settings.verifyPeer) return null;
    const shown = socket.getPeerX509Certificate()?.raw;
    return shown ?? this.#sessions.get(place)?.certificate ?? null;
  }
}

/** Only the alternative names count, never the common name (RFC 9525 section 1.2). Empty: any name will do. */
function checkName(name: string, { raw }: PeerCertificate): Error | undefined {
  if (name === "") return undefined;
  const certificate = new X509Certificate(raw);
  if (isIP(name) !== 0)
    return certificate.checkIP(name) === undefined ? new Error("IP address mismatch") : undefined;
  const found = certificate.checkHost(name, { subject: "never", partialWildcards: false });
  return found === undefined ? new Error("hostname mismatch") : undefined;
}
