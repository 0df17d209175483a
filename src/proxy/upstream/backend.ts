/**
 * One backend of one service in this worker: its connections, busy and idle, and who waits for one.
 * It outlives reloads under its key. Feature rows A5.17 and A6.1.
 *
 * Idle connections are a stack: the warmest is used first and the rest age out. Every way to grow is
 * bounded: connections, idle ones, dials at once (a backend that comes back is not stormed), waiters.
 */
import { BufferViews } from "../../base/buffer-views.ts";
import { Fault } from "../../base/fault.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { type BackendLogParts, backendLogParts } from "../finish/access-log-format.ts";
import { GLOBAL_SLOTS, type BackendPlan, type BackendSlots, type PoolPlan } from "../plan.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { AddressBook } from "./address-book.ts";
import { PendingQueue } from "./pending-queue.ts";
import { PendingRequest } from "./pending-request.ts";
import { upstreamFailed } from "./upstream-failed.ts";
import { UpstreamH1 } from "./upstream-h1.ts";

/** Dials in progress to one backend; the rest of a burst is served as these connect. */
const MAX_DIALS = 64;

/** What a generation sets for a backend; a reload replaces it whole. */
export interface BackendSettings {
  readonly plan: BackendPlan;
  readonly pool: PoolPlan;
  readonly connectTimeoutMs: number;
}

export class Backend {
  readonly context: WorkerContext;
  /** For the decoders of all its connections. */
  readonly views = new BufferViews();
  readonly logParts: BackendLogParts;
  readonly #addresses: AddressBook;
  /** Idle connections in all pools of this worker; shared so that the total is bounded. */
  readonly #idleTotal: { count: number };
  #settings: BackendSettings;
  readonly #idle: UpstreamH1[] = [];
  #dialing = 0;
  #open = 0;
  readonly #pending = new PendingQueue();
  #nextAddress = 0;

  constructor(
    context: WorkerContext,
    settings: BackendSettings,
    addresses: AddressBook,
    idleTotal: { count: number },
  ) {
    this.context = context;
    this.logParts = backendLogParts(settings.plan.address);
    this.#settings = settings;
    this.#addresses = addresses;
    this.#idleTotal = idleTotal;
  }

  get plan(): BackendPlan {
    return this.#settings.plan;
  }

  get slots(): BackendSlots {
    return this.#settings.plan.metrics;
  }

  get settings(): BackendSettings {
    return this.#settings;
  }

  /** Open connections, for tests and health. */
  get openConnections(): number {
    return this.#open;
  }

  update(settings: BackendSettings): void {
    this.#settings = settings;
  }

  /** Sends the exchange on a connection: now on an idle one, else as soon as there is one. */
  acquire(exchange: Exchange, fresh = false): void {
    const counters = this.context.counters;
    (counters[GLOBAL_SLOTS.pool_acquires_total] as number) += 1;
    const idle = fresh ? null : this.#takeIdle();
    if (idle !== null) {
      (counters[GLOBAL_SLOTS.pool_reuses_total] as number) += 1;
      idle.begin(exchange);
      return;
    }
    if (this.#pending.length >= this.#pendingRoom()) {
      upstreamFailed(this.context, exchange, new Fault("pool_exhausted", "too many requests wait"));
      return;
    }
    this.#pending.push(new PendingRequest(exchange, this));
    this.#dialMore();
  }

  /** The connection has served its exchange and can serve another. */
  release(connection: UpstreamH1): void {
    const waiting = this.#shiftPending();
    if (waiting !== null) {
      connection.begin(waiting);
      return;
    }
    const { pool } = this.#settings;
    if (this.#idle.length >= pool.maxIdlePerBackend || this.#idleTotal.count >= pool.maxIdleTotal) {
      connection.destroy();
      return;
    }
    this.#idle.push(connection);
    this.#changeIdle(1);
    connection.rest(
      Math.min(this.context.clock.nowMs + pool.idleTimeoutMs, connection.openedMs + pool.maxAgeMs),
    );
  }

  /** A dial succeeded: the connection is for the first who waits. */
  connected(connection: UpstreamH1): void {
    this.#dialing -= 1;
    this.release(connection);
    this.#dialMore();
  }

  /**
   * A dial failed: it fails one of those who wait, unless each of them has a dial under way still (the
   * one that it was for has left). They may go to another backend.
   */
  dialFailed(fault: Fault): void {
    this.#dialing -= 1;
    const waiting = this.#pending.length > this.#dialing ? this.#shiftPending() : null;
    if (waiting !== null) upstreamFailed(this.context, waiting, fault);
    this.#dialMore();
  }

  /** An open connection is gone, whatever the reason. */
  closed(connection: UpstreamH1): void {
    this.#open -= 1;
    (this.context.counters[connection.slots.connections] as number) -= 1;
    this.forgetIdle(connection);
    if (this.#pending.length > 0) this.#dialMore();
  }

  forgetIdle(connection: UpstreamH1): void {
    const index = this.#idle.lastIndexOf(connection);
    if (index === -1) return;
    this.#idle.splice(index, 1);
    this.#changeIdle(-1);
  }

  /** The waiter is gone: its client left, or its time is up. */
  forgetPending(pending: PendingRequest): void {
    this.#pending.remove(pending);
  }

  /** Waiters find the backend at its limit, rather than slow to connect. */
  get atLimit(): boolean {
    return this.#dialing === 0 && this.#open >= this.#settings.pool.maxPerBackend;
  }

  /** No longer in any plan: idle connections close now, busy ones after their exchange. */
  retire(): void {
    while (this.#idle.length > 0) this.#idle.at(-1)?.destroy();
    this.#settings = { ...this.#settings, pool: { ...this.#settings.pool, maxIdlePerBackend: 0 } };
  }

  #takeIdle(): UpstreamH1 | null {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return null;
      this.#changeIdle(-1);
      if (connection.usable()) return connection;
      (this.context.counters[GLOBAL_SLOTS.pool_probe_failures_total] as number) += 1;
      connection.destroy();
    }
  }

  /** Those whose connection is being opened or may still be, and those who may wait for one that is busy. */
  #pendingRoom(): number {
    const { maxPerBackend, maxPendingPerBackend } = this.#settings.pool;
    return this.#dialing + Math.max(0, maxPerBackend - this.#open) + maxPendingPerBackend;
  }

  #changeIdle(by: number): void {
    this.#idleTotal.count += by;
    (this.context.counters[GLOBAL_SLOTS.pool_idle_gauge] as number) += by;
  }

  #shiftPending(): Exchange | null {
    const pending = this.#pending.shift();
    if (pending === null) return null;
    pending.settle();
    return pending.exchange;
  }

  #dialMore(): void {
    const { maxPerBackend } = this.#settings.pool;
    const pending = this.#pending;
    // Their number may change with each dial.
    while (this.#dialing < pending.length && this.#dialing < MAX_DIALS && this.#open < maxPerBackend) {
      if (!this.#dial()) return;
    }
  }

  #dial(): boolean {
    const host = this.#addresses.next(this.plan.host, this.#nextAddress++);
    if (host === null) {
      const waiting = this.#shiftPending();
      if (waiting === null) return false;
      upstreamFailed(this.context, waiting, new Fault("name_unresolved", this.plan.host));
      return true;
    }
    this.#dialing += 1;
    this.#open += 1;
    (this.context.counters[this.slots.connections] as number) += 1;
    new UpstreamH1(this).dial({ host, port: this.plan.port }, this.#settings.connectTimeoutMs);
    return true;
  }
}
