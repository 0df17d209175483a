/**
 * Connections of clients that were let in: the cap of their address, the certificate, the engine, the connection IDs.
 * The gate calls it once the ClientHello is known.
 */
import { formatIp } from "../../base/ip.ts";
import type { QuicConnectionEngine, QuicServerContext } from "../../fastpath/quic-engine.ts";
import type { UdpPath } from "../../fastpath/udp.ts";
import { CONNECTION_ID_BYTES } from "../../wire/quic/connection-id.ts";
import type { ConnectionTickets, QuicListenerOwner, QuicListenerSettings } from "./listener-settings.ts";
import type { ConnectionHost } from "./connection-host.ts";
import { QuicConnection } from "./quic-connection.ts";
import { TransportError } from "./transport-error.ts";

/** Codes that name a TLS alert (RFC 9001 section 4.8) begin here, and there are 256. */
const FIRST_ALERT = 0x100;
const LAST_ALERT = 0x1ff;

/** A client that may have a connection. */
export interface Admission {
  /** The Destination Connection ID of its packets. */
  readonly dcid: Buffer;
  /** After a Retry, the one that it chose first. */
  readonly originalDcid: Buffer | null;
  readonly path: UdpPath;
  /** What has come so far, in order; may be decrypted in place. */
  readonly datagrams: readonly Buffer[];
}

export interface ConnectionMakerOptions {
  readonly host: ConnectionHost;
  readonly owner: QuicListenerOwner;
  readonly tickets: ConnectionTickets;
}

export class ConnectionMaker {
  settings: QuicListenerSettings;
  readonly #host: ConnectionHost;
  readonly #owner: QuicListenerOwner;
  readonly #tickets: ConnectionTickets;
  readonly #connections = new Map<QuicConnection, number>();
  readonly #halfOpen = new Set<QuicConnection>();

  constructor(settings: QuicListenerSettings, { host, owner, tickets }: ConnectionMakerOptions) {
    this.settings = settings;
    this.#host = host;
    this.#owner = owner;
    this.#tickets = tickets;
  }

  /** Connections, those included that are ending. */
  get open(): number {
    return this.#connections.size;
  }

  /** Handshakes under way. */
  get halfOpen(): number {
    return this.#halfOpen.size;
  }

  get connections(): IterableIterator<QuicConnection> {
    return this.#connections.keys();
  }

  /** Returns the code of the transport with which the client is to be turned away; `TransportError.none`: it is not. */
  make(admission: Admission, serverName: string, applicationProtocols: readonly string[]): number {
    const ip = formatIp(admission.path.remote.words);
    const ticket = this.#tickets.acquire(ip, this.settings.maxConnectionsPerAddress);
    if (ticket === 0) return TransportError.connectionRefused;
    const context = this.#owner.contextFor(serverName, applicationProtocols);
    const connection = context === null ? null : this.#connect(admission, context, serverName);
    if (connection === null) {
      this.#tickets.release(ticket);
      return TransportError.connectionRefused;
    }
    this.#connections.set(connection, ticket);
    this.#halfOpen.add(connection);
    this.#host.environment.counters.add("quic_handshakes_started_total", 1);
    for (const datagram of admission.datagrams) connection.receive(datagram, 0, datagram.length);
    // Its first flight leaves ahead of what else has come of the client: without, the client could not
    // read what the engine may have to say about that.
    connection.turn();
    return untold(connection);
  }

  /** The handshake is over, one way or the other; returns whether it was under way. */
  settled(connection: QuicConnection): boolean {
    return this.#halfOpen.delete(connection);
  }

  forget(connection: QuicConnection): void {
    const ticket = this.#connections.get(connection);
    if (ticket === undefined) return;
    this.#connections.delete(connection);
    this.#halfOpen.delete(connection);
    this.#tickets.release(ticket);
  }

  #connect(admission: Admission, context: QuicServerContext, serverName: string): QuicConnection | null {
    const { dcid, originalDcid, path } = admission;
    const scid = this.#scid(admission);
    const engine = this.#accept(admission, context, scid);
    if (engine === null) return null;
    const { connectionWindowBytes, streamWindowBytes } = this.settings.transport;
    const connection = new QuicConnection(this.#host, {
      engine,
      server: true,
      path,
      unprovenDcid: originalDcid === null ? dcid : null,
      owner: null,
      serverName,
      connectionWindowBytes,
      streamWindowBytes,
      handshakeTimeoutMs: this.settings.handshakeTimeoutMs,
    });
    const held = connection.ids.hold(scid) && (originalDcid !== null || connection.ids.hold(dcid));
    if (held) return connection;
    connection.ids.releaseAll();
    return null;
  }

  #accept(
    { originalDcid, path }: Admission,
    context: QuicServerContext,
    scid: Buffer,
  ): QuicConnectionEngine | null {
    const { environment, ids } = this.#host;
    return environment.engine.accept(
      context,
      { scid, originalDcid, resetToken: ids.resets.token(scid) },
      path,
    );
  }

  /** A Retry has given the client our connection ID already. */
  #scid({ dcid, originalDcid }: Admission): Buffer {
    if (originalDcid !== null) return dcid;
    const scid = Buffer.allocUnsafe(CONNECTION_ID_BYTES);
    this.#host.ids.issuer.issue(scid, 0);
    return scid;
  }
}

/**
 * The code with which an engine has failed on a client's first flight, if it cannot say so itself: it has
 * nothing but keys that the client has not (RFC 9000 section 10.2.3). Alerts of TLS it tells.
 */
function untold({ engine }: QuicConnection): number {
  const failure = engine.closeReason;
  if (failure === null || failure.by !== "local" || failure.application) return TransportError.none;
  const { code } = failure;
  return code >= FIRST_ALERT && code <= LAST_ALERT ? TransportError.none : code;
}
