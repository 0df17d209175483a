/**
 * Where the peer of a connection is (RFC 9000 section 9). The engine sees one path for the whole life of a
 * connection, the one that it began with; this is the map from that path to addresses. `QuicConnection` asks it for
 * every datagram that comes and before it sends.
 *
 *   home ----> trial    an authentic packet, which has not come before, from anywhere else
 *   trial ---> home     any packet of the connection from home; or silence, after which both are tried in turn
 *   trial ===> home     the address is proven: `path-trial.ts`
 *
 * Replies go to the trial while it lasts, at most three times what came from there; there is one at a time.
 *
 * What holds: who is not on the way between client and gateway changes nothing, as it can neither make a packet of
 * the client nor copy one. Who copies packets and has the copies arrive first, from an address of its choice, gets three
 * times what it sent to there; the originals bring the replies back, and the longer each time before another copy is
 * followed. A copy from an address that forwards nothing never proves it. The way back after a move that was one needs
 * nothing but the next packet.
 *
 * What does not hold: acknowledgements can be guessed. A client that can send from an address that is not its own, and
 * acknowledges from there what it never gets, has its download sent to whoever is at that address, as fast as the
 * engine believes it (section 9.3.1 asks for PATH_CHALLENGE against that, which the engine has no safe way to
 * give). Who is on the way, and copies a client's old packets from its old address, can keep a client that has moved
 * from being served until it stops. Congestion window and round-trip time of the old path are carried to the new one
 * (section 9.4 would reset them), and so is the client's connection ID (section 9.5), unless the client retires
 * it: who sees both paths can tell that they belong together. Packet numbers are the engine's secret, so a packet
 * that was overtaken on the old path counts like one that was sent later: the next one from the new path mends it.
 */
import { formatIp } from "../../base/ip.ts";
import type { QuicStats } from "../../fastpath/quic-engine.ts";
import type { UdpPath } from "../../fastpath/udp.ts";
import { AddressProof } from "./address-proof.ts";
import { hasAcknowledged, PathTrial, type WitnessEngine } from "./path-trial.ts";
import { type Arrival, cameOver, pathOf } from "./udp-paths.ts";

/** After a return to home, before a trial begins or goes on; each return doubles it, until an address is proven. */
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 2000;

/** A trial of which nothing was heard for so long is over. */
const MAX_SILENCE_MS = 10_000;

export class PeerPaths {
  /** Of the address that the connection began at, until another is proven. */
  #proof: AddressProof;
  #home: UdpPath;
  #trial: PathTrial | null = null;
  /** Packets go to the trial. */
  #away = false;
  /** Something has come since the last timer. */
  #heard = false;
  #trialHeardMs = 0;
  /** Between `arriving` and `arrived`. */
  #elsewhere = false;
  #pauseMs = FIRST_PAUSE_MS;
  #pausedUntilMs = 0;
  #authenticBefore = 0;
  #statsBefore: QuicStats | null = null;
  #remoteAddress = "";

  /** `unprovenDcid`: as `ConnectionOptions` has it. */
  constructor(path: UdpPath, unprovenDcid: Buffer | null) {
    this.#home = path;
    this.#proof = new AddressProof(unprovenDcid);
  }

  /** Where packets go. */
  get current(): UdpPath {
    return this.#away && this.#trial !== null ? this.#trial.path : this.#home;
  }

  /** Numeric, of `current`. */
  get remoteAddress(): string {
    if (this.#remoteAddress === "") this.#remoteAddress = formatIp(this.current.remote.words);
    return this.#remoteAddress;
  }

  /** Octets that may be sent to `current` now. */
  get allowance(): number {
    return this.#away && this.#trial !== null ? this.#trial.allowance : this.#proof.allowance;
  }

  /** A datagram is given to the engine. From elsewhere, it shows nothing about home. */
  received(bytes: Buffer, start: number, end: number): void {
    if (!this.#elsewhere) this.#proof.received(bytes, start, end);
  }

  sent(octets: number, nowMs: number): void {
    if (this.#away) this.#trial?.sent(octets, nowMs);
    else this.#proof.sent(octets);
  }

  /** Whether a datagram comes from home; replies go there again then. */
  isHome(arrival: Arrival, nowMs: number): boolean {
    if (!cameOver(this.#home, arrival)) return false;
    this.#heard = true;
    if (this.#away) {
      this.#pausedUntilMs = nowMs + this.#pauseMs;
      this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS);
      this.#go(false);
    }
    return true;
  }

  /** A datagram from elsewhere is about to be given to the engine; `arrived` follows. */
  arriving(arrival: Arrival, engine: WitnessEngine, nowMs: number): void {
    const trial = this.#trial;
    this.#elsewhere = true;
    this.#authenticBefore = engine.authenticOctets();
    const ripe = this.#away && trial !== null && trial.isRipe(nowMs) && cameOver(trial.path, arrival);
    this.#statsBefore = ripe ? engine.stats() : null;
  }

  /** Returns whether the peer has moved to an address where it has not been. */
  arrived(arrival: Arrival, octets: number, engine: WitnessEngine, nowMs: number): boolean {
    this.#elsewhere = false;
    if (engine.authenticOctets() === this.#authenticBefore) return false;
    this.#heard = true;
    const known = this.#trial;
    const isKnown = known !== null && cameOver(known.path, arrival);
    if (isKnown && this.#isProof(engine)) {
      this.#prove(known);
      return false;
    }
    if (!isKnown && nowMs < this.#pausedUntilMs) return false;
    const trial = isKnown ? known : new PathTrial(pathOf(arrival), engine.stats().roundTripMs);
    this.#trial = trial;
    this.#trialHeardMs = nowMs;
    trial.received(octets);
    if (!isKnown || (!this.#away && nowMs >= this.#pausedUntilMs)) this.#go(true);
    return !isKnown;
  }

  /**
   * A timer of the engine's is due. When nobody has been heard since the last one, the other address is tried:
   * a packet that was late may have brought the replies to where the peer is no more.
   */
  onTimeout(nowMs: number): void {
    const silent = !this.#heard;
    this.#heard = false;
    if (this.#trial === null || !silent) return;
    if (nowMs - this.#trialHeardMs < MAX_SILENCE_MS) {
      this.#go(!this.#away);
      return;
    }
    this.#go(false);
    this.#trial = null;
  }

  #isProof(engine: WitnessEngine): boolean {
    return this.#statsBefore !== null && hasAcknowledged(this.#statsBefore, engine.stats());
  }

  #prove({ path }: PathTrial): void {
    this.#go(false);
    this.#home = path;
    this.#proof = new AddressProof(null);
    this.#trial = null;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#pausedUntilMs = 0;
    this.#remoteAddress = "";
  }

  #go(away: boolean): void {
    this.#away = away;
    this.#remoteAddress = "";
    if (!away) this.#trial?.interrupted();
  }
}
