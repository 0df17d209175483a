/**
 * An address that a client has gone on from and that is not proven yet (RFC 9000 sections 8.2 and 9.3):
 * how much may be sent there, and whether it has been heard at. `peer-paths.ts` says which one it is.
 *
 * The engine owns all frames, so the proof is no PATH_CHALLENGE but an acknowledgement: a packet from the address
 * that acknowledges something new, when everything has gone there for longer than a round trip takes.
 */
import type { QuicStats } from "../../fastpath/quic-engine.ts";
import type { UdpPath } from "../../fastpath/udp.ts";
import { MAX_AMPLIFICATION } from "./address-proof.ts";

/** Beyond a round trip: how long the peer may hold an acknowledgement back (RFC 9000 section 18.2), twice. */
const ACK_DELAY_MS = 50;

/** Round trips that are longer are not waited for. */
const MAX_ROUND_TRIP_MS = 1000;

/** What knows whether a packet was the peer's own, and what it has acknowledged; `QuicConnectionEngine` is one. */
export interface WitnessEngine {
  authenticOctets(): number;
  stats(): QuicStats;
}

export class PathTrial {
  readonly path: UdpPath;
  readonly #waitMs: number;
  #received = 0;
  #sent = 0;
  /** Since when everything goes there; `Infinity`: it does not, or nothing has. */
  #sinceMs = Infinity;

  constructor(path: UdpPath, roundTripMs: number) {
    this.path = path;
    this.#waitMs = Math.min(roundTripMs, MAX_ROUND_TRIP_MS) + ACK_DELAY_MS;
  }

  /** Octets that may be sent there now. */
  get allowance(): number {
    return MAX_AMPLIFICATION * this.#received - this.#sent;
  }

  received(octets: number): void {
    this.#received += octets;
  }

  sent(octets: number, nowMs: number): void {
    if (octets === 0) return;
    this.#sent += octets;
    if (this.#sinceMs === Infinity) this.#sinceMs = nowMs;
  }

  /** Packets go elsewhere: what is acknowledged from now on may have been received there. */
  interrupted(): void {
    this.#sinceMs = Infinity;
  }

  /** Whether an acknowledgement would be a proof now. */
  isRipe(nowMs: number): boolean {
    return nowMs - this.#sinceMs >= this.#waitMs;
  }
}

/** Whether something was acknowledged between the two. */
export function hasAcknowledged(before: QuicStats, after: QuicStats): boolean {
  return (
    before.roundTripMs !== after.roundTripMs ||
    before.congestionWindowBytes !== after.congestionWindowBytes ||
    before.deliveryBytesPerSecond !== after.deliveryBytesPerSecond ||
    before.packetsLost !== after.packetsLost
  );
}
