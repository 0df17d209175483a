/** What a relay of raw QUIC needs beside `QuicLink`, and what it asks of whoever chooses its backends. */
import type { Fault } from "../../base/fault.ts";
import type { QuicConnectionEngine } from "../../fastpath/quic-engine.ts";
import type { UdpPath } from "../../fastpath/udp.ts";
import type { QuicLink, QuicOwner } from "../quic/quic-owner.ts";
import type { Backend } from "../upstream/backend.ts";

/** A connection whose application is not ours; `QuicConnection` is one. */
export interface QuicRelayLink extends QuicLink {
  /** The peer's present one. */
  readonly path: UdpPath;
  /** For who wants to know whether the peer is there; a PING leaves after `wake`. */
  readonly engine: Pick<QuicConnectionEngine, "ping" | "stats">;
  /** Nothing of any stream is read until `resumeAll`, of those that the peer opens meanwhile neither. Datagrams come. */
  pauseAll(): void;
  resumeAll(): void;
  /** CONNECTION_CLOSE with a code of the transport (RFC 9000 section 20.1). */
  closeTransport(code: number, reason: string): void;
}

/** What is told of a backend in logs and counters. */
export type QuicRelayBackend = Pick<Backend, "plan" | "slots" | "logParts">;

/** A connection to a backend that has been begun, or the reason that it was not. */
export interface QuicRelayDialled {
  /** The one that was chosen; `null`: there was none to choose. */
  readonly backend: QuicRelayBackend | null;
  readonly link: QuicRelayLink | Fault;
}

/** Chooses backends and opens connections to them, for one listener. */
export interface QuicRelayDialler {
  /**
   * Opens a connection that offers this application protocol and no other; it must use `relayTransport`, and
   * resume nothing. `owner` hears of it, not within the call. Called again, up to `MAX_RELAY_ATTEMPTS`
   * times, when a connection was not established.
   */
  dial(applicationProtocol: string, owner: QuicOwner): QuicRelayDialled;
  /** A relay no longer uses the backend that one call of `dial` gave. */
  released(backend: QuicRelayBackend): void;
}
