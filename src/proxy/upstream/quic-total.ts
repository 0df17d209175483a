/**
 * The QUIC connections of HTTP/3 in all pools of a worker, of which there is a limit (feature row A6.3).
 * At the limit a connection without streams makes way for one that is wanted, and backends that wait for a
 * place are told of the next one.
 */
import type { UpstreamSession } from "./upstream-session.ts";

/** A connection without streams, as far as it matters here. */
type Resting = Pick<UpstreamSession, "leave">;

/** A backend that waits for a place. */
export interface PlaceWanted {
  /** There may be one now. */
  placeFree(): void;
}

export class QuicTotal {
  #count = 0;
  /** Those that have rested longest come first. */
  readonly #resting = new Set<Resting>();
  readonly #wanting = new Set<PlaceWanted>();

  /** Whether `take` would find a place. */
  hasRoom(limit: number): boolean {
    return this.#count < limit || this.#resting.size > 0;
  }

  /** A connection is opened; one that rests makes way if need be. */
  take(limit: number): void {
    this.#count += 1;
    if (this.#count <= limit) return;
    for (const session of this.#resting) {
      // It makes way once: whoever asks while it leaves finds no place of its.
      this.#resting.delete(session);
      session.leave();
      return;
    }
  }

  /** A connection is closed. */
  free(limit: number): void {
    this.#count -= 1;
    this.#tell(limit);
  }

  /** `placeFree` will be called, once. */
  want(waiting: PlaceWanted): void {
    this.#wanting.add(waiting);
  }

  /** A session has no streams; it may be the one that makes way. */
  rested(session: Resting, limit: number): void {
    this.#resting.add(session);
    this.#tell(limit);
  }

  /** It has some again, or is gone. */
  woken(session: Resting): void {
    this.#resting.delete(session);
  }

  #tell(limit: number): void {
    for (const waiting of this.#wanting) {
      if (!this.hasRoom(limit)) return;
      this.#wanting.delete(waiting);
      waiting.placeFree();
    }
  }
}
