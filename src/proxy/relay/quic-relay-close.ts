/**
 * How the end of one connection of a relay is told on the other, and what the log calls it.
 *
 *   what ended it                                  what the other peer gets
 *   the peer, with a code of its application       the same code and reason (type 0x1d)
 *   the peer, with the transport's NO_ERROR        NO_ERROR
 *   the peer, with another code of the transport   INTERNAL_ERROR: its own packets were not at fault
 *   we, as the peer broke the rules                INTERNAL_ERROR
 *   idle timeout, stateless reset, a port of the
 *   backend's that is closed, without an answer    INTERNAL_ERROR: nobody must take that for an orderly end
 *   no backend could be had                        CONNECTION_REFUSED
 *   a drain that took too long                     NO_ERROR, to both
 *
 * A reason is passed up to 256 octets, and a code as far as a number is exact (2^53); larger ones are none that
 * anybody uses. Codes of the application are never made up, as what they mean is between the peers (RFC 9000 section 11.1).
 */
import { Fault } from "../../base/fault.ts";
import type { QuicClose } from "../../fastpath/quic-engine.ts";
import { TransportError } from "../quic/transport-error.ts";
import type { QuicRelayLink } from "./quic-relay-link.ts";

/** TLS alerts, as errors of the transport (RFC 9001 section 4.8). */
const CRYPTO_ERROR = 0x100;
const LAST_CRYPTO_ERROR = 0x1ff;

/** The other connection of the relay is over: this one ends too. */
export function passClose(reason: QuicClose, link: QuicRelayLink): void {
  if (reason.by === "peer" && reason.application) link.close(reason.code, reason.reason);
  else if (isOrderly(reason)) link.closeTransport(TransportError.none, reason.reason);
  else failOther(link);
}

/** The other connection of the relay is dead. */
export function failOther(link: QuicRelayLink): void {
  link.closeTransport(TransportError.internal, "the other connection of the relay failed");
}

/** What the log says of a relay that ended so; `null`: nothing, it was a peer's wish. */
export function closeFault(reason: QuicClose, side: "client" | "backend"): Fault | null {
  if (isOrderly(reason)) return null;
  if (reason.by === "timeout") return new Fault("tunnel_idle", `the ${side} was not heard`);
  return new Fault(side === "client" ? "client_closed" : "upstream_reset", describe(reason));
}

/** Why a connection to a backend was not established. */
export function dialFault(reason: QuicClose): Fault {
  const detail = describe(reason);
  if (reason.by === "timeout") return new Fault("connect_timeout", "no answer");
  if (reason.application) return new Fault("connect_failed", detail);
  if (reason.code >= CRYPTO_ERROR && reason.code <= LAST_CRYPTO_ERROR)
    return new Fault("upstream_tls_failed", detail);
  const refused = reason.code === TransportError.connectionRefused || reason.reason === "ECONNREFUSED";
  return new Fault(refused ? "connect_refused" : "connect_failed", detail);
}

function isOrderly({ by, application, code }: QuicClose): boolean {
  return by === "peer" && (application || code === TransportError.none);
}

function describe({ by, application, code, reason }: QuicClose): string {
  if (by === "reset") return "stateless reset";
  const what = `${application ? "application" : "transport"} error 0x${code.toString(16)}`;
  return reason === "" ? `${what} of ${by}` : `${what} of ${by}: ${reason}`;
}
