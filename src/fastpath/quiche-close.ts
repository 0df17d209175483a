/** Why a connection on quiche is over, as a `QuicClose`; and what is said to the peer. */
import type { Connection, ConnectionError } from "@matrixai/quic/native/types.js";
import type { QuicClose } from "./quic-engine.ts";
import { clampCode } from "./quiche-errors.ts";

/** Octets of a reason that are sent: it must fit into one packet with everything else, or nothing is. */
const MAX_REASON_BYTES = 256;

/** What is kept of a peer's, which may be as long as a datagram. */
const MAX_PEER_REASON_BYTES = 1024;

/** Transport errors (RFC 9000 section 20.1). */
export const QUIC_INTERNAL_ERROR = 0x1;

/** The TLS alert `bad_certificate` as a transport error (RFC 9001 section 4.8). */
export const QUIC_BAD_CERTIFICATE = 0x100 + 42;

/** `null`: it is not over. Our own error is told before the peer's, which can only be later or an answer. */
export function closeOf(native: Connection): QuicClose | null {
  const own = native.localError();
  if (own !== null) return closeBy("local", own);
  const peers = native.peerError();
  if (peers !== null) return closeBy("peer", peers);
  if (native.isTimedOut()) return { by: "timeout", application: false, code: 0, reason: "" };
  // quiche tells nothing of a stateless reset but that the connection is closed.
  if (native.isClosed()) return { by: "reset", application: false, code: 0, reason: "" };
  return null;
}

function closeBy(by: "local" | "peer", { isApp, errorCode, reason }: ConnectionError): QuicClose {
  const text = Buffer.from(reason.subarray(0, MAX_PEER_REASON_BYTES)).toString();
  return { by, application: isApp, code: clampCode(errorCode), reason: text };
}

/** UTF-8, cut between characters (RFC 9000 section 19.19). */
export function encodeReason(reason: string): Buffer {
  const bytes = Buffer.from(reason);
  let end = Math.min(bytes.length, MAX_REASON_BYTES);
  while (end < bytes.length && end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
