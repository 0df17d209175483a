/**
 * Which streams nothing more is delivered of, though quiche says otherwise: those that we have stopped, and
 * those whose reset was read, which quiche calls readable for as long as it knows them. `quiche-streams.ts`
 * reports what happens; what is remembered is bounded by the streams that quiche has.
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
  readonly #over = new Set<number>();
  #sweepAt = SWEEP_OVER;

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

  /** Nothing more is delivered, whatever quiche says. */
  receiveOver(id: number): void {
    this.#over.add(id);
    if (this.#over.size > this.#sweepAt) this.#sweep();
  }

  isOver(id: number): boolean {
    return this.#over.size > 0 && this.#over.has(id);
  }

  /** quiche knows no such stream: it never was, or has ended in both directions. */
  forget(id: number): void {
    this.#over.delete(id);
  }

  receiveIsOver(id: number): boolean {
    return this.isOver(id) || this.#received(id);
  }

  #sweep(): void {
    for (const id of this.#over) if (this.#received(id)) this.#over.delete(id);
    this.#sweepAt = Math.max(SWEEP_OVER, 2 * this.#over.size);
  }
}

/** Native code would take anything else for another stream: NaN is stream 0 to it. */
function isStreamId(id: number): boolean {
  return Number.isSafeInteger(id) && id >= 0;
}
