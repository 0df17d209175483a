/**
 * Whether a client that has flow control takes a response at a bearable pace. It can open its window by an
 * octet now and then: that is progress, and holds a stream, its backend and what is queued for as long as it
 * likes. So while something waits for it, its average pace has to reach the minimum that bodies of requests
 * have too. Feature rows A20.9 and A20.13.
 */

/** What is looked at of a stream. */
export interface PacedStream {
  readonly sentBytes: number;
  readonly queuedBytes: number;
}

export class ReadingPace {
  #sinceMs = 0;
  #sentBytes = 0;

  /** The response begins. */
  begin(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#sentBytes = 0;
  }

  /** Judges once in `windowMs`, and only while something waits for the client. */
  tooSlow(stream: PacedStream, nowMs: number, windowMs: number, minBps: number): boolean {
    const elapsedMs = nowMs - this.#sinceMs;
    if (stream.queuedBytes > 0 && elapsedMs < windowMs) return false;
    const sent = stream.sentBytes - this.#sentBytes;
    this.#sinceMs = nowMs;
    this.#sentBytes = stream.sentBytes;
    return stream.queuedBytes > 0 && sent * 1000 < minBps * elapsedMs;
  }
}
