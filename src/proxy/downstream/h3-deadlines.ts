/**
 * What may take how long on an HTTP/3 connection of a client, apart from its streams. Asked by the connection's
 * timer; knows nothing of sending. Whether the client is still there is for QUIC to find out, by its own idle
 * timeout. Feature rows A8.1, A20.9, A20.12.
 */
import type { ListenerCurrent } from "../listener/listener-current.ts";

/** What is looked at of the codec's connection. */
export interface H3Progress {
  /** When the oldest stream was opened whose head is not complete; `Infinity`: there is none. */
  readonly partialSinceMs: number;
}

export class H3Deadlines {
  /** When the last stream ended; or the connection was opened. */
  idleSinceMs: number;
  /** A request has come. */
  used = false;

  constructor(nowMs: number) {
    this.idleSinceMs = nowMs;
  }

  /**
   * Streams without a whole head that were opened before this are late. Before its first request a connection
   * has no longer for all that than it has for the request.
   */
  lateBeforeMs(nowMs: number, current: ListenerCurrent): number {
    const first = !this.used && nowMs >= this.#idleMs(0, current);
    // One millisecond, as what is due now is late.
    return first ? Infinity : nowMs - current.headDeadlineMs + 1;
  }

  /** Nothing has been asked for, for too long. */
  idle(nowMs: number, requests: number, current: ListenerCurrent): boolean {
    return nowMs >= this.#idleMs(requests, current);
  }

  /** When to ask again. */
  next(progress: H3Progress, requests: number, current: ListenerCurrent): number {
    return Math.min(progress.partialSinceMs + current.headDeadlineMs, this.#idleMs(requests, current));
  }

  #idleMs(requests: number, { runtime }: ListenerCurrent): number {
    if (requests > 0) return Infinity;
    const { headerTimeoutMs, keepaliveTimeoutMs } = runtime.plan.http;
    return this.idleSinceMs + (this.used ? keepaliveTimeoutMs : headerTimeoutMs);
  }
}
