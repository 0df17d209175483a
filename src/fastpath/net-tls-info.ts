/** What a finished handshake of node:tls agreed on, and whether the peer's certificate was found good. */
import type { TLSSocket } from "node:tls";
import type { TlsInfo } from "./tls.ts";

/** `serverName`: what the client asked for; `peerCertificate`: DER, if somebody has checked it. */
export function tlsInfo(socket: TLSSocket, serverName: string, peerCertificate: Buffer | null): TlsInfo {
  return {
    version: socket.getProtocol() ?? "",
    cipher: socket.getCipher().standardName,
    alpn: typeof socket.alpnProtocol === "string" ? socket.alpnProtocol : "",
    serverName,
    resumed: socket.isSessionReused(),
    peerCertificate,
  };
}

/**
 * What OpenSSL found wrong with the peer's certificate; empty: nothing. node:tls publishes it only for
 * sockets that its own server has accepted.
 */
export function verifyReason(socket: TLSSocket): string {
  const { ssl } = socket as unknown as { ssl: { verifyError(): Error | null } };
  return ssl.verifyError()?.message ?? "";
}
