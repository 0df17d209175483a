/**
 * How many connections one backend has, is opening, and may have. Every way to grow is bounded: open
 * connections, dials at once, and how soon after a failure one more is tried.
 */
import type { BackendPlan, PoolPlan } from "../plan.ts";
import { STREAM_SHARE } from "./session-set.ts";
import type { PlaceWanted, QuicTotal } from "./quic-total.ts";
import type { UpstreamSession } from "./upstream-session.ts";

/** Dials in progress to one backend; the rest of a burst is served as these connect. */
const MAX_DIALS = 64;

/** After a dial that failed while there are sessions, which serve meanwhile: a backend that takes no more of them is not asked all the time. */
const GROWTH_PAUSE_MS = 1000;

export class BackendGrowth {
  /** Connections, those that are being dialled included. */
  open = 0;
  dialing = 0;
  /** Exchanges that one more connection would serve at the same time, as far as is known. */
  perConnection: number;
  /** For connections over QUIC; else `null`. */
  readonly #total: QuicTotal | null;
  #growAfterMs = 0;

  constructor(plan: BackendPlan, total: QuicTotal) {
    this.perConnection = hasSessions(plan) ? STREAM_SHARE : 1;
    this.#total = plan.protocol === "h3" ? total : null;
  }

  /** One more is being opened. */
  opening(pool: PoolPlan): void {
    this.open += 1;
    this.#total?.take(pool.quicMaxTotal);
  }

  /** One is gone. */
  closed(pool: PoolPlan): void {
    this.open -= 1;
    this.#total?.free(pool.quicMaxTotal);
  }

  /** A session has begun to rest (1), or has ceased to (-1). */
  rests(pool: PoolPlan, session: UpstreamSession, by: 1 | -1): void {
    if (by === 1) this.#total?.rested(session, pool.quicMaxTotal);
    else this.#total?.woken(session);
  }

  /** A dial failed while there are sessions. */
  pause(nowMs: number): void {
    this.#growAfterMs = nowMs + GROWTH_PAUSE_MS;
  }

  atLimit(pool: PoolPlan): boolean {
    return this.open >= this.#limit(pool) || this.#total?.hasRoom(pool.quicMaxTotal) === false;
  }

  mayDial(pool: PoolPlan, sessions: number, nowMs: number): boolean {
    if (this.atLimit(pool)) return false;
    return sessions === 0 || nowMs >= this.#growAfterMs;
  }

  /** One more is wanted than `mayDial` allows: `placeFree` is called when it is the worker's limit that changes. */
  wantPlace(pool: PoolPlan, backend: PlaceWanted): void {
    if (this.#total?.hasRoom(pool.quicMaxTotal) === false) this.#total.want(backend);
  }

  /** Connections for so many who wait are not being dialled yet. */
  isShort(waiting: number): boolean {
    return this.dialing * this.perConnection < waiting && this.dialing < MAX_DIALS;
  }

  /** Those whose connection is being opened or may still be, and those who may wait for one that is busy. */
  pendingRoom(pool: PoolPlan): number {
    const connections = this.dialing + Math.max(0, this.#limit(pool) - this.open);
    return connections * this.perConnection + pool.maxPendingPerBackend;
  }

  #limit(pool: PoolPlan): number {
    return this.#total === null ? pool.maxPerBackend : pool.quicMaxPerBackend;
  }
}

/** The first connection tells what an unknown server speaks. */
function hasSessions({ protocol, tls }: BackendPlan): boolean {
  return protocol === "h2" || protocol === "h3" || (protocol === "auto" && tls !== null);
}
