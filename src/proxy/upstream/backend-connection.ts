/**
 * A connection of the transport to a backend: over TCP or a Unix socket, perhaps with TLS. Made by the
 * backend for `Dial`; the adapter that the connection is handed to keeps it.
 */
import type { Connection } from "../../fastpath/transport.ts";
import { ConnectionAccount } from "./connection-account.ts";

export class BackendConnection extends ConnectionAccount {
  /** Set by the dial. */
  socket!: Connection;
}
