/**
 * Whom a client believes. quiche checks the chain, and the name if it is sent as SNI; an address, and a
 * name that is not sent, are checked here on the peer's certificate when the handshake is complete, before
 * anything of the connection is delivered (RFC 9525 section 6).
 */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { QuicClientSettings } from "./quic-engine.ts";

export interface QuicheTrust {
  /** Sent as SNI; `null`: none. */
  readonly serverName: string | null;
  /** What the certificate must be for, to be checked by `isFor`; empty: nothing more than quiche does. */
  readonly checkedName: string;
}

/** Throws an `Error` in words when quiche cannot do what the settings ask for. */
export function trustOf(settings: QuicClientSettings): QuicheTrust {
  const serverName = sentName(settings.serverName);
  const { verifyName } = settings;
  if (!settings.verifyPeer) return { serverName, checkedName: "" };
  if (serverName === null) return { serverName, checkedName: verifyName };
  if (serverName.toLowerCase() !== verifyName.toLowerCase())
    throw new Error(
      `the QUIC engine verifies the name that it sends as SNI ("${serverName}"): it cannot verify "${verifyName}" instead`,
    );
  return { serverName, checkedName: "" };
}

/** SNI holds names only, without a trailing dot (RFC 6066 section 3). */
function sentName(name: string): string | null {
  if (name === "" || isIP(name) !== 0) return null;
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

/** Whether a certificate in DER is for a name or an address. */
export function isFor(der: Uint8Array | undefined, name: string): boolean {
  if (der === undefined) return false;
  try {
    const certificate = new X509Certificate(der);
    if (isIP(name) !== 0) return certificate.checkIP(withoutZone(name)) !== undefined;
    return certificate.checkHost(name, { subject: "never", partialWildcards: false }) !== undefined;
  } catch {
    return false;
  }
}

/** A zone says where an address is, not whose (RFC 6874 section 1). */
function withoutZone(address: string): string {
  const percent = address.indexOf("%");
  return percent < 0 ? address : address.slice(0, percent);
}
