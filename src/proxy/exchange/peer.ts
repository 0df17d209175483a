/** The far end of a client's connection: its name, what its TLS handshake told, and what backends learn of both. */
import { assert } from "../../base/assert.ts";
import { isLoopback } from "../../base/ip.ts";
import { type WordText, wordText } from "../../base/word-text.ts";
import type { TlsInfo } from "../../fastpath/tls.ts";
import type { FieldTemplate } from "../../wire/http/field-template.ts";
import { isFieldValue } from "../../wire/http/text.ts";
import type { ListenerTlsPlan } from "../plan.ts";
import { certificateFields } from "./client-certificate.ts";

export interface Peer {
  /** Numeric address; empty for Unix sockets. */
  readonly ip: string;
  /** The same, to be copied into every message. */
  readonly text: WordText;
  /** It spoke TLS to us. */
  readonly secure: boolean;
  /** The host that its requests have to name, as that is what it asked for in its handshake; empty: any. Feature row A3.10. */
  readonly serverName: string;
  /** What tells backends of its certificate; `null`: nothing does. */
  readonly certificate: FieldTemplate | null;
}

/** Of a client over QUIC, whose packets are encrypted with TLS, and which is not asked for a certificate. */
export function peerOverQuic(ip: string, serverName: string): Peer {
  return { ...peerOf(ip), secure: true, serverName: isLoopback(ip) ? "" : serverName };
}

export function peerOf(ip: string, tls: TlsInfo | null = null, plan: ListenerTlsPlan | null = null): Peer {
  assert(isFieldValue(ip), "an address can be a field value");
  const certificate = tls?.peerCertificate ?? null;
  return {
    ip,
    text: wordText(ip),
    secure: tls !== null,
    serverName: tls === null || isLoopback(ip) ? "" : tls.serverName,
    certificate:
      certificate === null || plan === null ? null : certificateFields(certificate, plan.forwardCertificate),
  };
}
