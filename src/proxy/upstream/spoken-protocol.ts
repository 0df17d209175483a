/** Which version of HTTP is spoken on a connection to a backend that has just been opened. */
import { assert } from "../../base/assert.ts";
import { Fault } from "../../base/fault.ts";
import type { TlsInfo } from "../../fastpath/tls.ts";
import type { BackendPlan } from "../plan.ts";

const H2 = "h2";

/** Over TLS, what ALPN agreed on; a server that picks nothing speaks HTTP/1.1 (RFC 7301). A fault: not what is wanted. */
export function spokenOn({ protocol }: BackendPlan, tls: TlsInfo | null): "h1" | "h2" | Fault {
  switch (protocol) {
    case "h1":
      return "h1";
    case "h2":
      if (tls === null || tls.alpn === H2) return "h2";
      return new Fault("upstream_tls_failed", "the server did not agree to HTTP/2 (ALPN)");
    case "auto":
      return tls?.alpn === H2 ? "h2" : "h1";
    case "h3":
      assert(false, "HTTP/3 has connections of its own");
    case "tcp":
    case "quic":
      assert(false, "a backend of a relay has no requests");
  }
}
