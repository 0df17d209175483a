/** What a QUIC connection is given: by its endpoint, which made it and routes to it, and of itself. */
import type { QuicClose, QuicConnectionEngine } from "../../fastpath/quic-engine.ts";
import type { UdpPath } from "../../fastpath/udp.ts";
import type { IdSource } from "./held-ids.ts";
import type { PacketSender } from "./packet-sender.ts";
import type { QuicConnection } from "./quic-connection.ts";
import type { QuicEnvironment } from "./quic-environment.ts";
import type { QuicOwner } from "./quic-owner.ts";

/** The endpoint, as its connections see it. */
export interface ConnectionHost {
  readonly environment: QuicEnvironment;
  readonly sender: PacketSender;
  readonly ids: IdSource;
  /** The peer may go on from another address (RFC 9000 section 9). */
  readonly migration: boolean;
  /** The peer's streams can be read: who is to hear of them? `null`: nobody, it is refused. */
  opened(connection: QuicConnection): QuicOwner | null;
  /** It has ended; the owner has heard of it. */
  ended(connection: QuicConnection, reason: QuicClose): void;
  /** Nothing of it is left: last call. */
  gone(connection: QuicConnection): void;
}

export interface ConnectionOptions {
  readonly engine: QuicConnectionEngine;
  readonly server: boolean;
  readonly path: UdpPath;
  /** The connection ID that an unproven client chose: it uses another once it has heard from us. `null`: it is proven. */
  readonly unprovenDcid: Buffer | null;
  /** A client's is there from the beginning; a server's is asked for with `ConnectionHost.opened`. */
  readonly owner: QuicOwner | null;
  readonly serverName: string;
  /** As the engine was told. */
  readonly connectionWindowBytes: number;
  readonly streamWindowBytes: number;
  /** From now; `Infinity`: the owner sees to it. */
  readonly handshakeTimeoutMs: number;
}
