/**
 * Which streams have ended in one direction and not in the other. quiche tells the end of receiving only,
 * and forgets a stream when the peer has acknowledged its end, which is later than its owner can forget
 * it. `quiche-streams.ts` reports what happens; what is remembered is bounded by the streams that are open.
 */

/** The two lowest bits of a stream ID (RFC 9000 section 2.1). */
const SERVER_BIT = 1;
const UNIDIRECTIONAL_BIT = 2;

/** Beyond as many streams that are over early, those that quiche is through with too are forgotten. */
const SWEEP_OVER = 256;

/** Whether quiche has nothing more to deliver on a stream. */
type Received = (id: number) => boolean;

export class QuicheStreamEnds {
  readonly #ownBit: number;
  readonly #received: Received;
  readonly #sendEnded = new Set<number>();
  readonly #receiveEnded = new Set<number>();
  /**
   * Streams that nothing more is delivered of, though quiche says otherwise: those that we have stopped, and
   * those whose reset was read, which quiche calls readable for as long as it knows them.
   */
  readonly #over = new Set<number>();
  #sweepAt = SWEEP_OVER;
  /** Our unidirectional streams that were begun and have not ended. */
  readonly #sending = new Set<number>();

  constructor(role: "server" | "client", received: Received) {
    this.#ownBit = role === "server" ? SERVER_BIT : 0;
    this.#received = received;
  }

  /** Whether the ID is of a stream that can be received on; anything but an ID is not. */
  canReceive(id: number): boolean {
    return isStreamId(id) && ((id & UNIDIRECTIONAL_BIT) === 0 || (id & SERVER_BIT) !== this.#ownBit);
  }

  canSend(id: number): boolean {
    return isStreamId(id) && ((id & UNIDIRECTIONAL_BIT) === 0 || (id & SERVER_BIT) === this.#ownBit);
  }

  sendBegun(id: number): void {
    if (isUnidirectional(id)) this.#sending.add(id);
  }

  sendEnd(id: number): void {
    if (isUnidirectional(id)) this.#sending.delete(id);
    else if (!this.#receiveEnded.delete(id) && !this.receiveIsOver(id)) this.#sendEnded.add(id);
  }

  receiveEnd(id: number): void {
    if (!isUnidirectional(id) && !this.#sendEnded.delete(id)) this.#receiveEnded.add(id);
  }

  /** Nothing more is delivered, whatever quiche says. */
  receiveOver(id: number): void {
    this.receiveEnd(id);
    this.#over.add(id);
    if (this.#over.size > this.#sweepAt) this.#sweep();
  }

  isOver(id: number): boolean {
    return this.#over.size > 0 && this.#over.has(id);
  }

  /** quiche knows no such stream: it never was, or has ended in both directions. */
  forget(id: number): void {
    this.#sending.delete(id);
    this.#sendEnded.delete(id);
    this.#receiveEnded.delete(id);
    this.#over.delete(id);
  }

  receiveIsOver(id: number): boolean {
    return this.isOver(id) || this.#received(id);
  }

  finished(id: number): boolean {
    if (!this.canReceive(id)) return !this.#sending.has(id);
    return !this.#sendEnded.has(id) && !this.#receiveEnded.has(id) && this.receiveIsOver(id);
  }

  #sweep(): void {
    for (const id of this.#over) if (this.#received(id)) this.#over.delete(id);
    this.#sweepAt = Math.max(SWEEP_OVER, 2 * this.#over.size);
  }
}

function isUnidirectional(id: number): boolean {
  return (id & UNIDIRECTIONAL_BIT) !== 0;
}

/** Native code would take anything else for another stream: NaN is stream 0 to it. */
function isStreamId(id: number): boolean {
  return Number.isSafeInteger(id) && id >= 0;
}
