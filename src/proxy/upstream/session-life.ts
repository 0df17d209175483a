/**
 * The life of a session to a backend, whatever version of HTTP is spoken on it: how it opens, rests
 * without streams, grows old, leaves and closes, and what its backend hears of it.
 *
 *   opening --opened--> open --(GOAWAY, too old, not wanted)--> leaving --(last stream over)--> closed
 *   any --(connection gone, protocol error, no sign of life)--> closed
 */
import { Fault, type FaultCode } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { UpstreamSession } from "./upstream-session.ts";

/** What the session itself does in its life. */
export interface LivingSession extends UpstreamSession {
  /** For a session that is not open in time: what was waited for in vain. */
  readonly awaited: string;
  /** When to look again whether the peer is alive, in monotonic milliseconds. */
  nextCheckMs(nowMs: number): number;
  /** Looks whether the peer is alive, and calls `lost` or `watch`. */
  checkAlive(nowMs: number): void;
  /** Tells the peer that the session ends in order. */
  sayGoodbye(): void;
  /** Gives the connection up. */
  destroy(): void;
  /** Every stream ends with this text. */
  endStreams(detail: string): void;
}

export class SessionLife {
  state: "opening" | "open" | "leaving" | "closed" = "opening";
  readonly #session: LivingSession;
  readonly #counters: Float64Array;
  readonly #timer: Timer;
  /** Open, and without streams since. `Infinity`: it has streams. */
  #restedMs = Infinity;

  constructor(session: LivingSession) {
    this.#session = session;
    this.#counters = session.backend.context.counters;
    this.#timer = new Timer((nowMs) => this.#onDeadline(nowMs));
  }

  /** How long it has had no streams. */
  get restMs(): number {
    return this.#session.backend.context.clock.nowMs - this.#restedMs;
  }

  /** It begins no stream any more for its age. */
  get tooOld(): boolean {
    const { backend, connection } = this.#session;
    return backend.context.clock.nowMs >= connection.retiresMs;
  }

  /** The backend hears `sessionOpened` or `dialFailed` by the deadline. */
  begin(deadlineMs: number): void {
    this.#session.backend.context.wheel.arm(this.#timer, deadlineMs);
  }

  /** The session takes streams. */
  opened(): void {
    const { backend, kind } = this.#session;
    this.state = "open";
    (this.#counters[kind.slots.connections] as number) += 1;
    (this.#counters[kind.slots.connectionsTotal] as number) += 1;
    this.watch();
    backend.sessionOpened(this.#session);
    if (this.#session.streams === 0) this.streamOver();
  }

  /** No request has been sent: those who wait may go elsewhere. */
  openingFailed(fault: Fault): void {
    this.#close();
    this.#session.destroy();
    this.#session.backend.dialFailed(fault);
  }

  /** A stream has ended, in whatever way. */
  streamOver(): void {
    const session = this.#session;
    if (this.state === "open") session.backend.sessionHasRoom(session);
    if (session.streams > 0 || this.#restedMs !== Infinity) return;
    if (this.state === "open") this.#rest();
    else if (this.state === "leaving") this.#farewell();
  }

  /** A stream begins. */
  wake(): void {
    if (this.#restedMs === Infinity) return;
    this.#restedMs = Infinity;
    this.#session.backend.countIdleSession(this.#session, -1);
    this.watch();
  }

  /** Opens no stream from now on, and closes after those that there are. */
  leave(): void {
    if (this.state !== "open") return;
    this.state = "leaving";
    this.#session.backend.sessionLeft(this.#session);
    if (this.#session.streams === 0) this.#farewell();
  }

  /** The session is gone, and with it every stream on it. */
  lost(code: FaultCode, detail: string): void {
    const session = this.#session;
    switch (this.state) {
      case "closed":
        return;
      case "opening":
        this.openingFailed(new Fault("connect_failed", `no ${session.kind.name}: ${detail}`));
        return;
      case "open":
      case "leaving":
        session.closeCode = code;
        this.#close();
        session.destroy();
        session.endStreams(detail);
        return;
    }
  }

  /** Of a session with streams: the peer is looked after again. */
  watch(): void {
    const { wheel, clock } = this.#session.backend.context;
    wheel.arm(this.#timer, this.#session.nextCheckMs(clock.nowMs));
  }

  tell(detail: string): void {
    const { backend, kind, streams } = this.#session;
    backend.context.log.warn({ backend: backend.plan.address, detail, streams }, `${kind.name} session ends`);
  }

  /** Without streams and not wanted any more: ends in order. */
  #farewell(): void {
    if (this.state === "closed") return;
    this.#session.sayGoodbye();
    this.#close();
    this.#session.destroy();
  }

  /** From now on the backend knows nothing of it. */
  #close(): void {
    const { backend, connection, kind } = this.#session;
    const wasOpen = this.state === "open";
    if (wasOpen || this.state === "leaving") (this.#counters[kind.slots.connections] as number) -= 1;
    this.state = "closed";
    backend.context.wheel.remove(this.#timer);
    if (this.#restedMs !== Infinity) backend.countIdleSession(this.#session, -1);
    this.#restedMs = Infinity;
    if (wasOpen) backend.sessionLeft(this.#session);
    connection.closed();
  }

  #rest(): void {
    const { backend, connection } = this.#session;
    const { nowMs } = backend.context.clock;
    if (nowMs >= connection.retiresMs || !backend.mayRest) {
      this.leave();
      return;
    }
    this.#restedMs = nowMs;
    const idleMs = nowMs + backend.settings.pool.idleTimeoutMs;
    backend.context.wheel.arm(this.#timer, Math.min(idleMs, connection.retiresMs));
    // Comes last: it may have to make way for another at once.
    backend.countIdleSession(this.#session, 1);
  }

  #onDeadline(nowMs: number): void {
    if (this.state === "opening") {
      (this.#counters[GLOBAL_SLOTS.backend_connect_timeout_total] as number) += 1;
      this.openingFailed(new Fault("connect_timeout", this.#session.awaited));
    } else if (this.#restedMs !== Infinity) {
      this.leave();
    } else {
      this.#session.checkAlive(nowMs);
    }
    this.#session.backend.context.transport.flush();
  }
}
