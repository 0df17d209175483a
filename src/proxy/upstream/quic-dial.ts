/**
 * Opens one QUIC connection to a backend: of a pool that speaks HTTP/3 on it, or of a relay. How long its
 * handshake may take is the owner's affair.
 */
import { Fault } from "../../base/fault.ts";
import { IpFamily, parseIp } from "../../base/ip.ts";
import { assert } from "../../base/assert.ts";
import type { QuicConnection } from "../quic/quic-connection.ts";
import type { QuicOwner } from "../quic/quic-owner.ts";
import type { Backend } from "./backend.ts";

/**
 * Dials the next address of a backend of protocol `h3` or `quic`, offering these ALPN protocols. The owner
 * hears `onEstablished` or `onClosed`, not within the call; a fault: there is no connection, and it hears nothing.
 */
export function quicDial(
  backend: Backend,
  alpn: readonly string[],
  owner: QuicOwner,
): QuicConnection | Fault {
  const { tls, quic: transport, host, port } = backend.plan;
  assert(tls !== null && transport !== null, "a backend over QUIC has settings of TLS and of QUIC");
  const address = backend.nextAddress();
  if (address === null) return new Fault("name_unresolved", host);
  const words = new Uint32Array(4);
  if (parseIp(address, words) === IpFamily.none) return new Fault("connect_failed", `no address: ${address}`);
  const context = backend.quicContexts.of(alpn);
  if (context instanceof Fault) return context;
  const dial = { context, transport, remote: { words, port }, serverName: tls.serverName };
  const link = backend.context.quic.connect(dial, owner);
  return link ?? new Fault("connect_failed", "no QUIC socket for this address");
}
