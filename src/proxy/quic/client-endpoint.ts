/**
 * The QUIC connections of one worker to backends: one socket for each address family. The upstream adapters
 * ask it to connect; datagrams are routed by our connection ID. How long a handshake may take is the caller's affair.
 */
import { isMapped } from "../../base/ip.ts";
import { UDP_BUFFER_BYTES } from "../../base/limits.ts";
import type { QuicClientContext, QuicTransportSettings } from "../../fastpath/quic-engine.ts";
import type { UdpAddress, UdpSockets } from "../../fastpath/udp.ts";
import { ClientSocket } from "./client-socket.ts";
import type { QuicConnection } from "./quic-connection.ts";
import type { QuicEnvironment } from "./quic-environment.ts";
import type { QuicOwner } from "./quic-owner.ts";

export interface QuicClientOptions {
  readonly environment: QuicEnvironment;
  readonly sockets: UdpSockets;
  /** Largest packet of any context that connections will be made with. */
  readonly maxSendPayloadBytes: number;
}

/** What a connection to a backend begins with. */
export interface QuicDial {
  readonly context: QuicClientContext;
  /** As the context has it. */
  readonly transport: QuicTransportSettings;
  readonly remote: UdpAddress;
  /** What the context verifies; for `QuicLink.serverName`. */
  readonly serverName: string;
}

export class QuicClientEndpoint {
  readonly #v4: ClientSocket;
  readonly #v6: ClientSocket | null;

  private constructor(v4: ClientSocket, v6: ClientSocket | null) {
    this.#v4 = v4;
    this.#v6 = v6;
  }

  /** Rejects as `UdpSockets.bind` does; a machine without IPv6 has one socket. */
  static async open(options: QuicClientOptions): Promise<QuicClientEndpoint> {
    const v4 = await bind(options, "0.0.0.0");
    try {
      return new QuicClientEndpoint(v4, await bind(options, "::"));
    } catch {
      return new QuicClientEndpoint(v4, null);
    }
  }

  /** Connections, those included that are ending. */
  get openConnections(): number {
    return this.#v4.openConnections + (this.#v6?.openConnections ?? 0);
  }

  /**
   * Starts a handshake; the owner hears `onEstablished` or `onClosed`, not within the call. `null`: there
   * is no socket of this family, or none any more, or the engine refuses.
   */
  connect(dial: QuicDial, owner: QuicOwner): QuicConnection | null {
    const socket = isMapped(dial.remote.words) ? this.#v4 : this.#v6;
    return socket === null ? null : socket.connect(dial, owner);
  }

  /** Ends every connection without waiting for the peers. */
  close(): void {
    this.#v4.close();
    this.#v6?.close();
  }
}

async function bind(options: QuicClientOptions, host: string): Promise<ClientSocket> {
  const { environment, sockets, maxSendPayloadBytes } = options;
  const socket = await sockets.bind({ host, port: 0, reusePort: false, bufferBytes: UDP_BUFFER_BYTES });
  return new ClientSocket(environment, socket, maxSendPayloadBytes);
}
