/**
 * Handshakes of QUIC that came to nothing, for the log and the counters, as `tls-handshake.ts` tells those over
 * TCP. Anybody can make handshakes fail: nothing that the client wrote is in the line, and it is no louder
 * than `info`.
 */
import type { QuicClose } from "../../fastpath/quic-engine.ts";
import type { QuicConnection } from "../quic/quic-connection.ts";
import { HANDSHAKE_TIMEOUT, TransportError } from "../quic/transport-error.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { WorkerContext } from "../worker-context.ts";

/** CRYPTO_ERROR: an alert of TLS is in the lower octet (RFC 9001 section 4.8). */
const FIRST_CRYPTO_ERROR = 0x100;
const LAST_CRYPTO_ERROR = 0x1ff;

/** Counts and tells the end of a handshake. */
export function tellHandshakeFailure(
  { counters, log }: WorkerContext,
  listener: string,
  { remoteAddress }: Pick<QuicConnection, "remoteAddress">,
  close: QuicClose,
): void {
  if (isOurEnd(close)) return;
  const slot = isTimeout(close) ? "tls_handshake_timeouts_total" : "tls_handshake_failures_total";
  (counters[GLOBAL_SLOTS[slot]] as number) += 1;
  log[isAlert(close) || isTimeout(close) ? "info" : "debug"](
    { listener, client_ip: remoteAddress, reason: reasonOf(close) },
    "a QUIC handshake with a client failed",
  );
}

/** The listener ends everything, or its socket has failed, which it tells itself. */
function isOurEnd(close: QuicClose): boolean {
  return close.by === "local" && close.code === TransportError.none && !isTimeout(close);
}

/** The connection itself says so after the time for a handshake, the engine when the client has been silent before. */
function isTimeout({ by, code, reason }: QuicClose): boolean {
  if (by === "timeout") return true;
  return by === "local" && code === TransportError.none && reason === HANDSHAKE_TIMEOUT;
}

function isAlert({ application, code }: QuicClose): boolean {
  return !application && code >= FIRST_CRYPTO_ERROR && code <= LAST_CRYPTO_ERROR;
}

function reasonOf(close: QuicClose): string {
  if (isTimeout(close)) return "it took too long";
  if (close.by === "reset") return "stateless reset";
  const who = close.by === "local" ? "we sent" : "the client sent";
  if (isAlert(close)) return `${who} TLS alert ${close.code - FIRST_CRYPTO_ERROR}`;
  return `${who} error 0x${close.code.toString(16)}`;
}
