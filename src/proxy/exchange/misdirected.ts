/**
 * Whether a request names another host than its client did in the TLS handshake (SNI). Then the
 * certificate, and whoever was authenticated by it, were chosen for another site: 421, after which a
 * client that shares one connection among hosts asks again on another (RFC 9110 section 15.5.20, RFC 9113
 * section 9.1.1). Letter case, port and a trailing dot do not matter; a client that sent no SNI, or that is
 * on loopback, is not asked. Feature row A3.10.
 */
import type { Exchange } from "./exchange.ts";

/** Once the exchange knows its host. A request that names no host (HTTP/1.0) cannot name another one. */
export function isMisdirected({ peer, host }: Exchange): boolean {
  if (peer.serverName === "" || host === null || host.host === "") return false;
  return host.host !== peer.serverName;
}
