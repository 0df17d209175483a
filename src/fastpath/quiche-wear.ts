/**
 * What quiche 0.18 loses for good on one connection, so that the connection can be given up before it is
 * missed. `quiche-streams.ts` reports; nothing here mends anything.
 *
 * - A stream that we have stopped is never done with when its peer had ended it by FIN beyond what had come;
 *   nor when its RESET_STREAM comes after our own side was acknowledged; nor when it is unidirectional. The
 *   peer may open one stream fewer from then on, and a client that has lost all of them waits for ever.
 * - The ID of every stream that ever was is kept, to know those that come late.
 */

/** Lost streams of ours take about half a kilobyte each, and nobody's credit. */
const MAX_OWN_LOST = 1024;

/** Streams of one kind that a connection is good for: their IDs take about 5 MiB. */
const MAX_STREAMS = 262_144;

const SERVER_BIT = 1;
const UNIDIRECTIONAL_BIT = 2;
const WORN_ID: number = 4 * MAX_STREAMS;

/** Whether quiche still has the stream. */
type Known = (id: number) => boolean;

/** How many streams of each kind the peer may have open. */
export interface PeerStreams {
  readonly maxBidirectionalStreams: number;
  readonly maxUnidirectionalStreams: number;
}

export class QuicheWear {
  readonly #known: Known;
  readonly #own: StoppedStreams;
  readonly #bidirectional: StoppedStreams;
  readonly #unidirectional: StoppedStreams;
  readonly #ownBit: number;
  #worn = false;

  constructor(role: "server" | "client", peer: PeerStreams, known: Known) {
    this.#known = known;
    this.#ownBit = role === "server" ? SERVER_BIT : 0;
    this.#own = new StoppedStreams(MAX_OWN_LOST);
    this.#bidirectional = new StoppedStreams(half(peer.maxBidirectionalStreams));
    this.#unidirectional = new StoppedStreams(half(peer.maxUnidirectionalStreams));
  }

  /** Once a turn: streams that were stopped in one turn have had time to end in the next. */
  get worn(): boolean {
    this.#worn ||=
      this.#own.isLost(this.#known) ||
      this.#bidirectional.isLost(this.#known) ||
      this.#unidirectional.isLost(this.#known);
    return this.#worn;
  }

  used(id: number): void {
    if (id >= WORN_ID) this.#worn = true;
  }

  stopped(id: number): void {
    if ((id & SERVER_BIT) === this.#ownBit) this.#own.add(id);
    else if ((id & UNIDIRECTIONAL_BIT) === 0) this.#bidirectional.add(id);
    else this.#unidirectional.add(id);
  }
}

/** Stopped streams of one kind. Those that quiche is through with are taken out when they are many. */
class StoppedStreams {
  readonly #limit: number;
  #ids = new Set<number>();
  /** Those that were there when they were looked through last. */
  #old = new Set<number>();
  #lookAt: number;

  constructor(limit: number) {
    this.#limit = limit;
    this.#lookAt = limit;
  }

  add(id: number): void {
    this.#ids.add(id);
  }

  /**
   * Whether as many as the limit are lost. One that was stopped may wait for its peer, so a stream counts when it
   * is found twice, with an eighth of the limit stopped in between.
   */
  isLost(known: Known): boolean {
    if (this.#ids.size < this.#lookAt) return false;
    const still = new Set<number>();
    let lost = 0;
    for (const id of this.#ids) {
      if (!known(id)) continue;
      still.add(id);
      if (this.#old.has(id)) lost += 1;
    }
    this.#ids = still;
    this.#old = new Set(still);
    this.#lookAt = Math.max(this.#limit, still.size + Math.ceil(this.#limit / 8));
    return lost >= this.#limit;
  }
}

/** Half of what the peer may have open, so that the other half is there for as long as the connection is. */
function half(streams: number): number {
  return Math.max(1, Math.floor(streams / 2));
}
