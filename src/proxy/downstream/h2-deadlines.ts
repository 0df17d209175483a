/**
 * What may take how long on an HTTP/2 connection of a client, apart from its streams. Asked by the
 * connection's timer; knows nothing of sending. Feature rows A8.1, A20.9, A20.10, A20.12.
 */
import type { ListenerCurrent } from "../listener/listener-current.ts";

/** What is looked at of the codec's connection, in the clock's milliseconds; `Infinity`: it is not so. */
export interface H2Progress {
  readonly partialSinceMs: number;
  readonly pingSentMs: number;
  readonly settingsSentMs: number;
  readonly streamCount: number;
}

/** `late_frame`: one that has begun does not end; `late_settings`: ours are not acknowledged; `ping`: it is time to send one. */
export type H2Due = "nothing" | "late_frame" | "late_settings" | "dead" | "idle" | "ping";

export class H2Deadlines {
  /** When something last came from the client. */
  heardMs: number;
  /** When the last stream ended; or the connection was opened. */
  idleSinceMs: number;
  /** A request has come. */
  used = false;

  constructor(nowMs: number) {
    this.heardMs = nowMs;
    this.idleSinceMs = nowMs;
  }

  due(nowMs: number, progress: H2Progress, current: ListenerCurrent): H2Due {
    const { keepAliveTimeoutMs } = current.runtime.plan.h2;
    if (nowMs >= progress.partialSinceMs + current.headDeadlineMs) return "late_frame";
    if (nowMs >= progress.settingsSentMs + keepAliveTimeoutMs) return "late_settings";
    if (nowMs >= this.#deadMs(progress, keepAliveTimeoutMs)) return "dead";
    // A first request that has begun, and is not complete by the time it has, is late and not idle.
    if (nowMs >= this.#idleMs(progress, current))
      return this.used || progress.partialSinceMs === Infinity ? "idle" : "late_frame";
    return nowMs >= this.#pingMs(progress, current) ? "ping" : "nothing";
  }

  /** When to ask again. */
  next(progress: H2Progress, current: ListenerCurrent): number {
    const { keepAliveTimeoutMs } = current.runtime.plan.h2;
    return Math.min(
      progress.partialSinceMs + current.headDeadlineMs,
      progress.settingsSentMs + keepAliveTimeoutMs,
      this.#deadMs(progress, keepAliveTimeoutMs),
      this.#idleMs(progress, current),
      this.#pingMs(progress, current),
    );
  }

  /** Whatever a client sends shows that it is there; but a PING that stays unanswered has to be judged some time. */
  #deadMs({ pingSentMs }: H2Progress, timeoutMs: number): number {
    return pingSentMs === Infinity ? Infinity : Math.max(pingSentMs, this.heardMs) + timeoutMs;
  }

  #idleMs({ streamCount }: H2Progress, { runtime }: ListenerCurrent): number {
    if (streamCount > 0) return Infinity;
    const { headerTimeoutMs, keepaliveTimeoutMs } = runtime.plan.http;
    return this.idleSinceMs + (this.used ? keepaliveTimeoutMs : headerTimeoutMs);
  }

  /** Only while streams wait for each other: a connection without any ends when it has been idle for long enough. */
  #pingMs({ streamCount, pingSentMs }: H2Progress, { runtime }: ListenerCurrent): number {
    if (streamCount === 0 || pingSentMs !== Infinity) return Infinity;
    return this.heardMs + runtime.plan.h2.keepAliveIntervalMs;
  }
}
