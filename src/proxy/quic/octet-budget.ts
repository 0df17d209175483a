/**
 * What a peer may send on one connection that leads to nothing. Every octet received is a debt; it is paid
 * by stream data and datagrams that were handed to the owner, and by what the owner has written, as the
 * peer has to acknowledge that. Endless PING, PATH_CHALLENGE, CRYPTO, NEW_CONNECTION_ID and the like pay
 * nothing, so whatever an engine keeps for them is bounded by what they may cost: CVE-2023-6193,
 * CVE-2024-1410, CVE-2024-1765 and their kin. `QuicConnection` asks after each datagram. What somebody else
 * has sent in the peer's name, who knows the address and a connection ID, is no debt: it is found out only when it
 * would be held against the peer.
 */

/** Before the handshake is complete: a ClientHello of 16 KiB, or a chain of certificates, several times over. */
export const HANDSHAKE_OCTETS = 128 * 1024;

/** After it: acknowledgements, window updates, connection IDs and probes of a few round trips. */
export const STANDING_OCTETS = 256 * 1024;

/**
 * After it, while streams are read: data that wait for an octet that was lost, for a round trip or two.
 * At 160 Mbit/s over 100 ms.
 */
export const IN_FLIGHT_OCTETS = 2 * 1024 * 1024;

/**
 * After our close: its share may have been under way. An engine that has sent its last words takes note of
 * nothing; one that a peer keeps from sending them, by what has to be answered before, still does.
 */
export const LATE_OCTETS = 64 * 1024;

/** What an idle peer may send for ever: a PING every 20 ms. */
const OCTETS_PER_SECOND = 2048;

/** Headers of packets and frames around a piece of data that was handed on, and their acknowledgements. */
const OCTETS_PER_EVENT = 64;

/** Data that were lost and came again, and the headers of large pieces: a quarter more than the data. */
const RECEIVED_SHARE = 1.25;

/** Acknowledgements of what we send: about 50 octets for 1350; a quarter leaves room for loss. */
const WRITTEN_SHARE = 0.25;

/** How many streams there are whose data may be under way, and how many of them are paused; `StreamTable` is one. */
export interface ReceivingStreams {
  readonly receiving: number;
  readonly paused: number;
  /** Nobody reads any of them for now, those that have been opened meanwhile neither. */
  readonly allPaused: boolean;
}

/** What knows which octets were the peer's; `QuicConnectionEngine` is one. */
export interface AuthenticEngine {
  readonly established: boolean;
  authenticOctets(): number;
}

export class OctetBudget {
  readonly #connectionWindowBytes: number;
  readonly #streamWindowBytes: number;
  #debt = 0;
  /** All that has come, and of that what was not the peer's. */
  #received = 0;
  #forged = 0;
  #late = 0;
  /** What may still be written off for streams that ended before their time. */
  #forgivable: number;
  #paidMs: number;

  constructor(connectionWindowBytes: number, streamWindowBytes: number, nowMs: number) {
    this.#connectionWindowBytes = connectionWindowBytes;
    this.#streamWindowBytes = streamWindowBytes;
    this.#forgivable = connectionWindowBytes;
    this.#paidMs = nowMs;
  }

  /** A datagram has come after our close; true: too many have, and the connection is to be forgotten. */
  late(octets: number): boolean {
    this.#late += octets;
    return this.#late > LATE_OCTETS;
  }

  /** A datagram has come. */
  received(octets: number): void {
    this.#debt += octets;
    this.#received += octets;
  }

  /**
   * As `exceeded`, without what did not come from the peer: the engine is asked for that only when it makes the
   * difference.
   */
  overdrawn(engine: AuthenticEngine, streams: ReceivingStreams, nowMs: number): boolean {
    if (!this.exceeded(engine.established, streams, nowMs)) return false;
    this.forgive(engine.authenticOctets());
    return this.exceeded(engine.established, streams, nowMs);
  }

  /** Of all octets that have come, `authentic` were the peer's own and came for the first time. */
  forgive(authentic: number): void {
    const forged = Math.max(this.#forged, this.#received - authentic);
    this.#debt = Math.max(0, this.#debt - (forged - this.#forged));
    this.#forged = forged;
  }

  /** Data of a stream, or a datagram, went to the owner. */
  delivered(octets: number): void {
    this.#pay(octets * RECEIVED_SHARE + OCTETS_PER_EVENT, octets);
  }

  /** The engine has taken octets of the owner's. */
  written(octets: number): void {
    this.#pay(octets * WRITTEN_SHARE + OCTETS_PER_EVENT, octets);
  }

  /**
   * A stream ended before all of it was read: what was on its way, one window at most, will never be
   * handed on. It is written off as far as the connection has been of use before.
   */
  cutShort(): void {
    const octets = Math.min(this.#forgivable, this.#streamWindowBytes);
    this.#forgivable -= octets;
    this.#debt -= octets;
  }

  /**
   * Whether the peer has sent too much. For streams that nobody reads for now, as their receivers are
   * full, a window of each may have come.
   */
  exceeded(established: boolean, streams: ReceivingStreams, nowMs: number): boolean {
    if (!established) return this.#debt > HANDSHAKE_OCTETS;
    if (this.#debt <= STANDING_OCTETS) return false;
    this.#debt = Math.max(0, this.#debt - this.#earned(nowMs));
    const inFlight = Math.min(IN_FLIGHT_OCTETS, streams.receiving * this.#streamWindowBytes);
    const held = streams.allPaused ? Infinity : streams.paused * this.#streamWindowBytes;
    return this.#debt > STANDING_OCTETS + Math.min(this.#connectionWindowBytes, inFlight + held);
  }

  /** What time has paid since it was asked last; no more than the standing allowance. */
  #earned(nowMs: number): number {
    const octets = ((nowMs - this.#paidMs) * OCTETS_PER_SECOND) / 1000;
    this.#paidMs = nowMs;
    return octets;
  }

  #pay(credit: number, octets: number): void {
    if (this.#debt > 0) this.#debt = Math.max(0, this.#debt - credit);
    this.#forgivable = Math.min(this.#connectionWindowBytes, this.#forgivable + octets);
  }
}
