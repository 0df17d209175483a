/**
 * Ends without octets that are said again. When the packet with such an end is lost, and all octets before it are
 * acknowledged before that is noticed, quiche takes the stream for done and never sends the end again. So it is
 * repeated for as long as the engine knows the stream, which it does until those octets are
 * acknowledged: about a round trip. Called by `StreamOutbound`.
 */
import type { QuicConnectionEngine } from "../../fastpath/quic-engine.ts";

/** When an end is said again, after it was said first: what makes one packet drop makes its neighbours drop. */
const REPEATS_MS = [1, 8, 40] as const;

/** Ends that are remembered at one time; beyond, they are said once. */
const MAX_ENDS = 256;

const NOTHING = Buffer.alloc(0);

class SaidEnd {
  readonly id: number;
  readonly firstMs: number;
  repeats = 0;

  constructor(id: number, firstMs: number) {
    this.id = id;
    this.firstMs = firstMs;
  }

  get dueMs(): number {
    return this.firstMs + (REPEATS_MS[this.repeats] as number);
  }
}

export class EndEcho {
  readonly #ends: SaidEnd[] = [];
  /** When the next end is due; `Infinity`: there is none. */
  dueMs = Infinity;

  /** The engine has taken the end of a stream, and no octets with it. */
  said(id: number, nowMs: number): void {
    if (this.#ends.length === MAX_ENDS) return;
    const end = new SaidEnd(id, nowMs);
    this.#ends.push(end);
    this.dueMs = Math.min(this.dueMs, end.dueMs);
  }

  /** Says those again that are due, and forgets those of which the engine knows nothing any more. */
  repeat(engine: QuicConnectionEngine, nowMs: number): void {
    if (nowMs < this.dueMs) return;
    const ends = this.#ends;
    let kept = 0;
    this.dueMs = Infinity;
    for (let i = 0; i < ends.length; i++) {
      const end = ends[i] as SaidEnd;
      if (end.dueMs <= nowMs && !isRepeated(engine, end)) continue;
      this.dueMs = Math.min(this.dueMs, end.dueMs);
      ends[kept++] = end;
    }
    ends.length = kept;
  }
}

/** Returns whether it is to be said once more. */
function isRepeated(engine: QuicConnectionEngine, end: SaidEnd): boolean {
  end.repeats += 1;
  return engine.writeStream(end.id, NOTHING, 0, 0, true) >= 0 && end.repeats < REPEATS_MS.length;
}
