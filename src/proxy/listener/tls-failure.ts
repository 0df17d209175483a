/**
 * The end of a client's TLS connection behind its handshake, out of order: a record that is none, a second
 * handshake, KeyUpdates without end, no close_notify. Called by whoever serves the connection when it is
 * gone; a handshake that fails is told by `TlsHandshake`. Feature row A18.8.
 */
import { TLS_ERROR_PREFIX } from "../../fastpath/tls.ts";
import type { Connection } from "../../fastpath/transport.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { ListenerSocket } from "./listener-socket.ts";

/** Counts and tells the error of `onClose`, if it is one of TLS. Quietly: some clients never end in order. */
export function tellTlsFailure(
  context: WorkerContext,
  connection: Connection,
  listener: ListenerSocket,
  error: string,
): void {
  if (!error.startsWith(TLS_ERROR_PREFIX)) return;
  (context.counters[GLOBAL_SLOTS.tls_connection_failures_total] as number) += 1;
  context.log.debug(
    {
      listener: listener.current.runtime.plan.name,
      client_ip: connection.remoteAddress,
      reason: error.slice(TLS_ERROR_PREFIX.length),
    },
    "a TLS connection with a client failed",
  );
}
