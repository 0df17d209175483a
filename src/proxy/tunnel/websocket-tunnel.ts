/**
 * The tunnel of a WebSocket connection (RFC 6455): frames pass as they come, extensions and contents
 * untouched, within the limits of feature row A12.4. Whoever goes beyond one is told by a Close frame, as
 * is the other side; so is everybody when the gateway drains. A closing handshake is bounded in time,
 * whoever begins it.
 *
 *   open --(Close both ways, or an end)--> ending --(both ends)--> over
 *     \--(a limit, the drain: Close to both)--> closing --(both answered)--> ending
 *   ending, closing --(time is up)--> cut
 */
import { assert } from "../../base/assert.ts";
import { Fault } from "../../base/fault.ts";
import { Timer } from "../../base/timer-wheel.ts";
import { closeFrame } from "../../wire/ws/close-frame.ts";
import { FrameObserver } from "../../wire/ws/frame-observer.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { WebSocketPlan } from "../plan.ts";
import type { WorkerContext } from "../worker-context.ts";
import { BROKEN_BY, DRAINED, FRAME_TIMEOUT, type Goodbye, IDLE } from "./goodbye.ts";
import { FrameRelay } from "./frame-relay.ts";
import { TunnelEnds } from "./tunnel-ends.ts";
import type { Tunnel } from "./tunnel.ts";

/** From our Close frame, or from the ones of both sides, to the end: a few round trips to anywhere. */
const CLOSING_MS = 5000;

/** From the first Close frame of a side to that of the other, which may have a long message to finish first. */
const HANDSHAKE_MS = 30_000;

const MASK_VALUES = 0x1_0000_0000;

export class WebSocketTunnel implements Tunnel {
  readonly #context: WorkerContext;
  readonly #plan: WebSocketPlan;
  readonly #ends: TunnelEnds;
  readonly #toBackend: FrameRelay;
  readonly #toClient: FrameRelay;
  readonly #timer: Timer;
  #activeMs: number;
  #pingWindowMs: number;
  /** When a drain says goodbye. */
  #leaveMs = Infinity;
  /** When what has begun to end is cut. */
  #cutMs = Infinity;
  /** Why the gateway ends the tunnel; `null`: it does not. */
  #fault: Fault | null = null;

  constructor(context: WorkerContext, exchange: Exchange, upstream: RequestSink) {
    const plan = exchange.listener.plan.websocket;
    const { nowMs } = context.clock;
    this.#context = context;
    this.#plan = plan;
    this.#ends = new TunnelEnds(exchange, upstream, () => this.#over());
    const ends = this.#ends;
    this.#toBackend = new FrameRelay(new FrameObserver(true, plan.maxMessageBytes), {
      write: (bytes, start, end) => ends.upstream?.writeRequest(bytes, start, end) ?? true,
    });
    this.#toClient = new FrameRelay(new FrameObserver(false, plan.maxMessageBytes), {
      write: (bytes, start, end) => ends.downstream.writeResponse(bytes, start, end),
    });
    this.#toBackend.observer.pingBudget = plan.pingsPerWindow;
    this.#activeMs = nowMs;
    this.#pingWindowMs = nowMs;
    this.#timer = new Timer((firedMs) => this.#onDeadline(firedMs));
    this.#arm(nowMs);
    this.#count("websocket_tunnels", 1);
    this.#count("websocket_tunnels_total", 1);
  }

  announceClose(graceMs: number): void {
    this.#leaveMs = this.#context.clock.nowMs + graceMs;
    this.#arm(this.#context.clock.nowMs);
  }

  farewell(): void {
    this.#tell(DRAINED);
    this.#context.transport.flush();
  }

  // What the client sends.

  writeRequest(bytes: Buffer, start: number, end: number): boolean {
    const { nowMs } = this.#context.clock;
    const relay = this.#toBackend;
    this.#activeMs = nowMs;
    if (nowMs - this.#pingWindowMs >= this.#plan.pingWindowMs) {
      this.#pingWindowMs = nowMs;
      relay.observer.pingBudget = this.#plan.pingsPerWindow;
    }
    const room = relay.pass(bytes, start, end, nowMs);
    this.#settle(relay);
    return room;
  }

  endRequest(): void {
    const relay = this.#toBackend;
    relay.sourceEnded = true;
    relay.end();
    this.#ends.endToBackend();
    this.#ends.clientEnded(this.#fault ?? new Fault("client_closed"));
    this.#settle(relay);
  }

  abortRequest(fault: Fault): void {
    this.#ends.clientGone(fault);
  }

  resumeResponse(): void {
    this.#toClient.resumed();
    this.#ends.upstream?.resumeResponse();
  }

  // What the backend sends.

  writeResponse(bytes: Buffer, start: number, end: number): boolean {
    const { nowMs } = this.#context.clock;
    const relay = this.#toClient;
    this.#activeMs = nowMs;
    const room = relay.pass(bytes, start, end, nowMs);
    this.#settle(relay);
    return room;
  }

  endResponse(): void {
    const relay = this.#toClient;
    relay.sourceEnded = true;
    relay.end();
    this.#ends.backendEnded();
    // The server ends the connection (RFC 6455 section 7.1.1): the client has to follow.
    this.#cutWithin(CLOSING_MS);
    this.#ends.endToClient(this.#fault ?? new Fault("upstream_closed"));
  }

  failResponse(fault: Fault): void {
    this.#ends.backendGone(this.#fault ?? fault);
  }

  resumeRequest(): void {
    this.#toBackend.resumed();
    this.#ends.downstream.resumeRequest();
  }

  informational(): void {
    assert(false, "a tunnel is open: no response comes any more");
  }

  responseHead(): void {
    assert(false, "a tunnel is open: no response comes any more");
  }

  tunnelOpened(): void {
    assert(false, "a tunnel opens once");
  }

  // How it ends.

  /** Something has passed in this direction: was it the end, or more than may be? */
  #settle(relay: FrameRelay): void {
    const { observer } = relay;
    if (observer.refusal !== null) this.#sayGoodbye(BROKEN_BY[observer.refusal], observer.detail);
    else if (observer.closed) this.#cutWithin(this.#bothDone() ? CLOSING_MS : HANDSHAKE_MS);
    if (this.#fault !== null && this.#bothDone()) this.#endBoth(this.#fault);
  }

  #bothDone(): boolean {
    return this.#toBackend.sourceDone && this.#toClient.sourceDone;
  }

  /** Tells both sides, and gives them a while to answer. */
  #sayGoodbye(goodbye: Goodbye, detail: string): void {
    if (this.#fault !== null) return;
    const fault = new Fault(goodbye.fault, detail);
    this.#fault = fault;
    this.#ends.exchange.fault = fault;
    this.#count(goodbye.counter, 1);
    this.#tell(goodbye);
    this.#cutWithin(CLOSING_MS);
  }

  #tell({ code, reason }: Goodbye): void {
    this.#toClient.close(closeFrame(code, reason, null));
    this.#toBackend.close(closeFrame(code, reason, Math.floor(this.#context.chance() * MASK_VALUES)));
  }

  #endBoth(fault: Fault): void {
    this.#toBackend.end();
    this.#toClient.end();
    this.#ends.endToBackend();
    this.#ends.endToClient(fault);
  }

  /** Brings the cut closer, if it is farther away. */
  #cutWithin(ms: number): void {
    const { nowMs } = this.#context.clock;
    if (this.#cutMs <= nowMs + ms) return;
    this.#cutMs = nowMs + ms;
    this.#arm(nowMs);
  }

  #onDeadline(nowMs: number): void {
    if (nowMs >= this.#cutMs) {
      this.#ends.cut(this.#fault ?? new Fault("tunnel_idle", "the closing handshake did not end"));
      return;
    }
    if (this.#cutMs === Infinity) this.#checkLimits(nowMs);
    this.#arm(nowMs);
  }

  #checkLimits(nowMs: number): void {
    const stuckMs = Math.min(this.#toBackend.stuckMs, this.#toClient.stuckMs);
    if (nowMs >= this.#leaveMs) this.#sayGoodbye(DRAINED, "");
    else if (nowMs >= stuckMs + this.#plan.frameTimeoutMs)
      this.#sayGoodbye(FRAME_TIMEOUT, this.#stuckWhere());
    else if (nowMs >= this.#activeMs + this.#plan.idleTimeoutMs) this.#sayGoodbye(IDLE, "");
  }

  #stuckWhere(): string {
    return this.#toBackend.stuckMs <= this.#toClient.stuckMs ? "client to backend" : "backend to client";
  }

  /**
   * Looks again at the earliest deadline. A frame that begins later has its own no earlier than a frame
   * timeout from now, so that nothing has to be armed when one begins.
   */
  #arm(nowMs: number): void {
    const { idleTimeoutMs, frameTimeoutMs } = this.#plan;
    const stuckMs = Math.min(nowMs, this.#toBackend.stuckMs, this.#toClient.stuckMs);
    this.#context.wheel.arm(
      this.#timer,
      Math.min(this.#cutMs, this.#leaveMs, this.#activeMs + idleTimeoutMs, stuckMs + frameTimeoutMs),
    );
  }

  #over(): void {
    this.#context.wheel.remove(this.#timer);
    this.#count("websocket_tunnels", -1);
  }

  #count(counter: keyof typeof GLOBAL_SLOTS, by: number): void {
    (this.#context.counters[GLOBAL_SLOTS[counter]] as number) += by;
  }
}
