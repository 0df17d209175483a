/** What a QUIC listener is told: by its plan, and by whoever serves its connections. */
import type { QuicClose, QuicServerContext, QuicTransportSettings } from "../../fastpath/quic-engine.ts";
import type { RetryTokens } from "../../wire/quic/retry-token.ts";
import type { QuicConnection } from "./quic-connection.ts";
import type { QuicOwner } from "./quic-owner.ts";

/** When clients have to prove their address before anything is remembered of them. Feature rows A10.3 and A20.14. */
export type RetryPolicy =
  | { readonly kind: "always" }
  /** While so many handshakes or more are under way in this worker. */
  | { readonly kind: "under-load"; readonly halfOpenThreshold: number };

/** Handshakes under way at which `under-load` begins, unless configured otherwise: ATTACKS row qc-01. */
export const DEFAULT_HALF_OPEN_THRESHOLD = 100;

/** The count of connections for each client address; `PerIpTable` is one. */
export interface ConnectionTickets {
  /** A ticket for `release`, or 0 when the address has `cap` connections. */
  acquire(ip: string, cap: number): number;
  release(ticket: number): void;
}

export interface QuicListenerSettings {
  /** As its contexts have it. Migration is on unless `disableActiveMigration` is set. */
  readonly transport: QuicTransportSettings;
  /** Contexts take early data: first flights that come again are dropped. Feature row A10.8. */
  readonly earlyData: boolean;
  readonly retry: RetryPolicy;
  readonly retryTokens: RetryTokens;
  /** In this worker. */
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Handshakes under way in this worker; above, clients are left without an answer. */
  readonly maxHalfOpen: number;
  /** From a client's first packet to the end of its handshake. */
  readonly handshakeTimeoutMs: number;
}

/** A connection's owner as its listener sees it: what a drain and a stop ask for. */
export interface QuicServed extends QuicOwner {
  /**
   * The listener drains: nothing new after what is under way; without that, the connection closes after
   * `graceMs` of rest.
   */
  announceClose(graceMs: number): void;
  /** Ends the connection now, with `QuicLink.close`; returns whether something was under way. */
  abort(): boolean;
}

/** Who serves a listener's connections. */
export interface QuicListenerOwner {
  /**
   * The certificate for a client: by the name that it asks for, lower-case, empty when it names none, and the
   * application protocols that it offers. `null`: there is none, the client gets no answer.
   */
  contextFor(serverName: string, applicationProtocols: readonly string[]): QuicServerContext | null;
  /** A client's streams can be read from now on. `null`: it is refused. */
  onConnection(link: QuicConnection): QuicServed | null;
  /** A handshake that was begun has failed, or took too long: for the log. Nobody has heard of the connection before. */
  onHandshakeFailed(link: QuicConnection, reason: QuicClose): void;
  /** The socket is of no use any more (errno name); every connection has ended. Last call. */
  onFailed(code: string): void;
}
