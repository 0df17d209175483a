/**
 * What a client on quiche sends before it knows that the server has all of the handshake.
 *
 * A server may change its keys as soon as the handshake is complete on its side (RFC 9001 section 6.1), and quic-go,
 * as in Caddy, does so when a hundred packets have come. If those are there before it has said anything
 * else, HANDSHAKE_DONE comes with the new keys, and quiche, which looks for new keys only when it has
 * HANDSHAKE_DONE, never reads another packet. So there are fewer than a hundred, until the server's ticket is there,
 * which is sent together with HANDSHAKE_DONE; or, as not all servers send tickets, for a while.
 * Used by `quiche-connection.ts`.
 */

/** Those of the handshake, and probes, come on top of them. */
const MAX_PACKETS = 64;

/** The threads of a server that is busy wait for each other for tenths of a second. */
const MAX_WAIT_MS = 1000;

export class QuicheFirstFlight {
  readonly #endMs: number;
  #packets = 0;

  /** The handshake is complete on our side. */
  constructor() {
    this.#endMs = performance.now() + MAX_WAIT_MS;
  }

  sent(): void {
    this.#packets += 1;
  }

  /** No more packets may go for now. */
  get full(): boolean {
    return this.#packets >= MAX_PACKETS;
  }

  /** Milliseconds until it is over without the server's ticket; 0: it is. */
  leftMs(): number {
    return Math.max(0, this.#endMs - performance.now());
  }
}
