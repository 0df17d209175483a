/**
 * Which adapter serves a connection, once it is known what the client speaks on it: told by ALPN, by the
 * first bytes, or by the listener's protocol alone.
 */
import type { Connection } from "../../fastpath/transport.ts";
import { DownstreamH1 } from "../downstream/downstream-h1.ts";
import { DownstreamH2 } from "../downstream/downstream-h2.ts";
import { Relay } from "../relay/relay.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { ClientConnection } from "./client-connection.ts";
import type { ListenerSocket } from "./listener-socket.ts";

export type Spoken = "h1" | "h2" | "bytes";

/** A connection that serves nothing yet. */
export interface Opening extends ClientConnection {
  readonly context: WorkerContext;
  readonly connection: Connection;
  readonly listener: ListenerSocket;
}

/** The protocol ids of ALPN (RFC 9113 section 3.1). */
const ALPN_H2 = "h2";

/** What a client speaks that has finished its TLS handshake. */
export function spokenOver({ connection, listener }: Opening): Spoken {
  if (listener.current.runtime.plan.protocol === "tls") return "bytes";
  return connection.tls?.alpn === ALPN_H2 ? "h2" : "h1";
}

/** The adapter takes the connection over from whoever has found out what is spoken on it, and begins. */
export function serveConnection(before: Opening, spoken: Spoken): ClientConnection {
  const { context, connection, listener } = before;
  switch (spoken) {
    case "h1":
      return take(before, new DownstreamH1(context, connection, listener));
    case "h2":
      return take(before, new DownstreamH2(context, connection, listener));
    case "bytes": {
      const relay = new Relay(context, connection, listener);
      take(before, relay);
      relay.dial();
      return relay;
    }
  }
}

function take(before: Opening, adapter: ClientConnection): ClientConnection {
  before.listener.succeed(before, adapter);
  before.context.transport.handOver(before.connection, adapter);
  return adapter;
}
