/**
 * Whether an HTTP/2 session with streams is alive (feature row A6.2). A peer that is gone without a word
 * shows by a PING that nobody answers; one that speaks is not asked.
 */
import type { H2Connection } from "../../wire/h2/h2-connection.ts";

/** Silence after which a PING is sent. */
const PING_MS = 30_000;

/**
 * The same, as long as streams stay silent after a PING was answered: servers of gRPC take PINGs that
 * come more often than this, with nothing else in between, for abuse.
 */
const QUIET_PING_MS = 300_000;

/** Silence, from the PING or our SETTINGS on, after which the session is dead. */
const ACK_MS = 10_000;

/** A frame that has begun is complete within this: not even the largest one takes longer on any line worth using. */
const FRAME_MS = 30_000;

export class SessionWatch {
  #heardMs: number;
  #pingedMs: number;
  /** Nothing has happened on a stream since the last PING. */
  #quiet = false;

  constructor(nowMs: number) {
    this.#heardMs = nowMs;
    this.#pingedMs = nowMs;
  }

  /** Bytes have come. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** A stream has begun, or has got something. */
  active(): void {
    this.#quiet = false;
  }

  /** Sends a PING when it is time to; returns what is wrong, empty when nothing is. */
  check(h2: H2Connection, nowMs: number): string {
    if (nowMs - h2.settingsSentMs >= ACK_MS) return "SETTINGS were not acknowledged";
    if (nowMs - h2.partialSinceMs >= FRAME_MS) return "a frame stayed incomplete";
    if (h2.pingSentMs !== Infinity) {
      return nowMs - Math.max(this.#heardMs, h2.pingSentMs) >= ACK_MS ? "PING was not answered" : "";
    }
    if (nowMs - Math.max(this.#heardMs, this.#pingedMs) < this.#pingMs()) return "";
    h2.ping();
    this.#pingedMs = nowMs;
    this.#quiet = true;
    return "";
  }

  /** When to check again, in monotonic milliseconds. */
  next(h2: H2Connection, nowMs: number): number {
    if (h2.pingSentMs !== Infinity) return Math.max(this.#heardMs, h2.pingSentMs) + ACK_MS;
    const ping = Math.max(this.#heardMs, this.#pingedMs) + this.#pingMs();
    // Silence may end meanwhile: the longer pause is not waited for in one go.
    return Math.min(ping, nowMs + PING_MS, h2.settingsSentMs + ACK_MS, h2.partialSinceMs + FRAME_MS);
  }

  #pingMs(): number {
    return this.#quiet ? QUIET_PING_MS : PING_MS;
  }
}
