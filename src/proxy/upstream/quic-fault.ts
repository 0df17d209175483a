/** What a QUIC connection that has ended means for the requests that it was for, or that were on it. */
import { Fault, type FaultCode } from "../../base/fault.ts";
import type { QuicClose } from "../../fastpath/quic-engine.ts";
import { H3Code, h3CodeName } from "../../wire/h3/error-code.ts";
import { TransportError } from "../quic/transport-error.ts";

/** TLS alerts as errors of the transport: this, and the alert (RFC 9001 section 4.8). */
const CRYPTO_ERRORS = 0x100;

/** What the network says of a port that nobody listens on. */
const REFUSED = "ECONNREFUSED";

/** For a connection whose handshake was never complete. */
export function dialFault(close: QuicClose): Fault {
  const detail = detailOf(close);
  switch (close.by) {
    case "timeout":
      return new Fault("connect_timeout", detail);
    case "reset":
      return new Fault("connect_failed", detail);
    case "local":
      if (close.reason === REFUSED) return new Fault("connect_refused", REFUSED);
      return new Fault(isTls(close) ? "upstream_tls_failed" : "connect_failed", detail);
    case "peer":
      if (isTls(close)) return new Fault("upstream_tls_failed", detail);
      if (!close.application && close.code === TransportError.connectionRefused)
        return new Fault("connect_refused", detail);
      return new Fault("connect_failed", detail);
  }
}

/** For streams of a connection that was in use. */
export function closeCode(close: QuicClose): FaultCode {
  switch (close.by) {
    case "timeout":
    case "reset":
      return "upstream_closed";
    case "local":
      // Our own ends without an error; the engine's is about what the peer did.
      return close.code === 0 ? "upstream_closed" : "upstream_malformed";
    case "peer": {
      const inOrder = close.application ? H3Code.noError : TransportError.none;
      return close.code === inOrder ? "upstream_closed" : "upstream_reset";
    }
  }
}

/** In words, for the log. */
export function detailOf(close: QuicClose): string {
  switch (close.by) {
    case "timeout":
      return "nothing was heard of the backend";
    case "reset":
      return "stateless reset";
    case "local":
    case "peer": {
      const who = close.by === "peer" ? "closed by the backend" : "closed";
      // Without a code the words are the network's.
      if (close.by === "local" && !close.application && close.code === 0) return `${who}: ${close.reason}`;
      const code = close.application ? h3CodeName(close.code) : `QUIC 0x${close.code.toString(16)}`;
      return `${who}: ${code} ${close.reason}`.trimEnd();
    }
  }
}

export function isTls({ application, code }: QuicClose): boolean {
  return !application && code >= CRYPTO_ERRORS && code < 2 * CRYPTO_ERRORS;
}
