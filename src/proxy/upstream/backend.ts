/**
 * One backend of one service in this worker: its connections, busy and idle, and who waits for one.
 * It outlives reloads under its key. Feature rows A5.17, A6.1 and A6.2.
 *
 * An exchange goes to an idle HTTP/1 connection, or to a session of HTTP/2 or HTTP/3 with room; else it waits
 * for one that is dialled, or comes free. Every way to grow is bounded: connections, idle ones, dials at
 * once (a backend that comes back is not stormed), waiters.
 */
import { Fault } from "../../base/fault.ts";
import type { TlsClientContext } from "../../fastpath/tls.ts";
import { ReaderMemory } from "../../wire/h1/reader-memory.ts";
import { H2Scratch } from "../../wire/h2/h2-scratch.ts";
import { H3Scratch } from "../../wire/h3/h3-scratch.ts";
import type { Exchange, RequestSink } from "../exchange/exchange.ts";
import { type BackendLogParts, backendLogParts } from "../finish/access-log-format.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { BackendPlan, BackendSlots, PoolPlan } from "../plan.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { AddressBook } from "./address-book.ts";
import { BackendConnection } from "./backend-connection.ts";
import { H3_ALPN, QuicContexts, tlsContext } from "./backend-contexts.ts";
import { BackendGrowth } from "./backend-growth.ts";
import { dial, type DialOwner } from "./dial.ts";
import { IdleStack } from "./idle-stack.ts";
import type { KeptBody } from "./kept-body.ts";
import { PendingQueue } from "./pending-queue.ts";
import { PendingRequest } from "./pending-request.ts";
import { quicDial } from "./quic-dial.ts";
import type { PlaceWanted } from "./quic-total.ts";
import { SessionSet, STREAM_SHARE } from "./session-set.ts";
import { spokenOn } from "./spoken-protocol.ts";
import { UpstreamH1 } from "./upstream-h1.ts";
import { UpstreamH2 } from "./upstream-h2.ts";
import { UpstreamH3 } from "./upstream-h3.ts";
import { upstreamFailed } from "./upstream-failed.ts";
import type { UpstreamSession } from "./upstream-session.ts";
import type { WorkerTotals } from "./worker-totals.ts";

/** What a generation sets for a backend; a reload replaces it whole. */
export interface BackendSettings {
  readonly plan: BackendPlan;
  readonly pool: PoolPlan;
  readonly connectTimeoutMs: number;
}

/** What is special about a request that is sent again. */
export interface AcquireOptions {
  /** On a new connection, if there may be one more. */
  readonly fresh?: boolean;
  /** What has been taken of its body. */
  readonly body?: KeptBody | null;
}

const FIRST_TRY: AcquireOptions = {};

/** A connection that can take an exchange. */
interface Ready {
  /** Sends the head; `null`: the exchange has ended instead, or has gone elsewhere with what was taken of its body. */
  begin(exchange: Exchange, body: KeptBody | null): RequestSink | null;
}

export class Backend implements DialOwner, PlaceWanted {
  readonly context: WorkerContext;
  /** For the decoders of all its connections. */
  readonly readerMemory = new ReaderMemory();
  /** For the codecs of its HTTP/2 sessions. */
  readonly scratch = new H2Scratch();
  /** For those of its HTTP/3 sessions. */
  readonly h3Scratch = new H3Scratch();
  readonly logParts: BackendLogParts;
  /** What its connections are secured with; `null`: no TLS. Its key tells the settings apart, so they never change. */
  readonly tls: TlsClientContext | null;
  readonly quicContexts: QuicContexts;
  readonly #addresses: AddressBook;
  readonly #totals: WorkerTotals;
  #settings: BackendSettings;
  readonly #idle: IdleStack;
  readonly #sessions = new SessionSet();
  readonly #pending = new PendingQueue();
  readonly #growth: BackendGrowth;
  #nextAddress = 0;

  /** Throws `BackendTlsError`. */
  constructor(
    context: WorkerContext,
    settings: BackendSettings,
    addresses: AddressBook,
    totals: WorkerTotals,
  ) {
    this.context = context;
    this.logParts = backendLogParts(settings.plan.address);
    this.tls = tlsContext(context, settings.plan);
    this.quicContexts = new QuicContexts(context, settings.plan);
    this.#settings = settings;
    this.#addresses = addresses;
    this.#totals = totals;
    this.#idle = new IdleStack(context.counters, totals.idle);
    this.#growth = new BackendGrowth(settings.plan, totals.quic);
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
    return this.#growth.open;
  }

  update(settings: BackendSettings): void {
    this.#settings = settings;
  }

  /** No longer in any plan: idle connections close now, busy ones after their exchanges. */
  retire(): void {
    this.#settings = { ...this.#settings, pool: { ...this.#settings.pool, maxIdlePerBackend: 0 } };
    this.#idle.clear();
    this.#sessions.leave();
  }

  /** Sends the exchange on a connection: now on one that is there, else as soon as there is one. */
  acquire(exchange: Exchange, { fresh = false, body = null }: AcquireOptions = FIRST_TRY): void {
    const { counters } = this.context;
    (counters[GLOBAL_SLOTS.pool_acquires_total] as number) += 1;
    const ready = fresh && this.#mayDial() ? null : this.#takeReady();
    if (ready !== null) {
      (counters[GLOBAL_SLOTS.pool_reuses_total] as number) += 1;
      begin(ready, exchange, body);
      return;
    }
    if (this.#pending.length >= this.#growth.pendingRoom(this.#settings.pool)) {
      upstreamFailed(this.context, exchange, new Fault("pool_exhausted", "too many requests wait"));
      return;
    }
    this.#pending.push(new PendingRequest(exchange, this, body));
    this.#dialMore();
  }

  /**
   * Opens a connection for whoever speaks on it by himself: a relay. It counts against the limit, and is never
   * one that others use. A fault: it cannot be dialled; `dialFailed` is not called then.
   */
  connect(owner: DialOwner): Fault | null {
    if (this.#growth.atLimit(this.#settings.pool))
      return new Fault("pool_exhausted", "all connections are in use");
    return this.#open(owner);
  }

  /** The numeric address for the next connection; `null`: none is known. */
  nextAddress(): string | null {
    return this.#addresses.next(this.plan.host, this.#nextAddress++);
  }

  // HTTP/1 connections.

  /** The connection has served its exchange and can serve another. */
  release(connection: UpstreamH1): void {
    const waiting = this.#pending.shift();
    if (waiting !== null) {
      serve(connection, waiting);
    } else if (this.mayRest) {
      this.#idle.push(connection);
      connection.rest();
    } else {
      connection.destroy();
    }
  }

  forgetIdle(connection: UpstreamH1): void {
    this.#idle.forget(connection);
  }

  // Sessions of HTTP/2 and HTTP/3.

  /** The session can take streams. */
  sessionOpened(session: UpstreamSession): void {
    this.#growth.dialing -= 1;
    this.#growth.perConnection = Math.min(STREAM_SHARE, session.maxStreams);
    this.#sessions.add(session);
    this.sessionHasRoom(session);
    this.#dialMore();
  }

  /** A stream has ended, or the peer allows more of them. */
  sessionHasRoom(session: UpstreamSession): void {
    // While more sessions are on their way, each gets its share of those who wait.
    while (this.#pending.length > 0 && session.hasRoom) {
      if (this.#growth.dialing > 0 && session.streams >= STREAM_SHARE) return;
      serve(session, this.#pending.shift() as PendingRequest);
    }
  }

  /** The session takes no further streams. */
  sessionLeft(session: UpstreamSession): void {
    this.#sessions.remove(session);
    if (this.#pending.length > 0) this.#dialMore();
  }

  /** There is room for one more idle connection. */
  get mayRest(): boolean {
    const { maxIdlePerBackend, maxIdleTotal } = this.#settings.pool;
    const idle = this.#idle.length + this.#sessions.idle;
    return idle < maxIdlePerBackend && this.#totals.idle.count < maxIdleTotal;
  }

  /** A session has begun to rest (1), or has ceased to (-1). */
  countIdleSession(session: UpstreamSession, by: 1 | -1): void {
    this.#sessions.idle += by;
    this.#totals.idle.change(by);
    this.#growth.rests(this.#settings.pool, session, by);
  }

  // Dials.

  dialled(connection: BackendConnection, deadlineMs: number): void {
    const { transport } = this.context;
    const spoken = spokenOn(this.plan, connection.socket.tls);
    switch (spoken) {
      case "h1": {
        const opened = new UpstreamH1(connection);
        transport.handOver(connection.socket, opened);
        this.#growth.dialing -= 1;
        this.#growth.perConnection = 1;
        this.release(opened);
        this.#dialMore();
        return;
      }
      case "h2":
        new UpstreamH2(connection).open(deadlineMs);
        return;
    }
    transport.destroy(connection.socket);
    connection.closed();
    this.dialFailed(spoken);
  }

  /**
   * A dial failed: it fails those of the waiters that it was for, but not those whom another dial, which is
   * under way still, will serve (the ones that it was for have left). They may go to another backend.
   */
  dialFailed(fault: Fault): void {
    const growth = this.#growth;
    growth.dialing -= 1;
    if (this.#sessions.length > 0) {
      growth.pause(this.context.clock.nowMs);
      return;
    }
    const unserved = this.#pending.length - growth.dialing * growth.perConnection;
    for (let left = Math.min(unserved, growth.perConnection); left > 0; left--)
      this.#pending.shift()?.fail(fault);
    this.#dialMore();
  }

  /** An open connection is gone, whatever the reason. */
  closed(): void {
    this.#growth.closed(this.#settings.pool);
    if (this.#pending.length > 0) this.#dialMore();
  }

  placeFree(): void {
    if (this.#pending.length > 0) this.#dialMore();
  }

  // Waiters.

  /** The waiter is gone: its client left, or its time is up. */
  forgetPending(pending: PendingRequest): void {
    this.#pending.remove(pending);
  }

  /** Waiters find the backend at its limit, rather than slow to connect. */
  get atLimit(): boolean {
    return this.#growth.dialing === 0 && this.#growth.atLimit(this.#settings.pool);
  }

  #takeReady(): Ready | null {
    const idle = this.#idle.take();
    if (idle !== null) return idle;
    if (this.#sessions.length === 0) return null;
    const addresses = this.#addresses.count(this.plan.host);
    const session = this.#sessions.pick(addresses > 1);
    const enough = this.#sessions.length < addresses ? 1 : STREAM_SHARE;
    if (session !== null && session.streams >= enough) this.#grow();
    return session;
  }

  /** The sessions have enough to do: one more is opened, while these go on taking what comes. */
  #grow(): void {
    if (this.#growth.dialing === 0 && this.#mayDial()) this.#dial();
  }

  #mayDial(): boolean {
    return this.#growth.mayDial(this.#settings.pool, this.#sessions.length, this.context.clock.nowMs);
  }

  #dialMore(): void {
    // What is short may change with each dial.
    while (this.#growth.isShort(this.#pending.length)) {
      if (!this.#mayDial()) {
        this.#growth.wantPlace(this.#settings.pool, this);
        return;
      }
      if (!this.#dial()) return;
    }
  }

  #dial(): boolean {
    const fault = this.plan.protocol === "h3" ? this.#openH3() : this.#open(this);
    if (fault === null) {
      this.#growth.dialing += 1;
      return true;
    }
    const waiting = this.#pending.shift();
    waiting?.fail(fault);
    return waiting !== null;
  }

  #open(owner: DialOwner): Fault | null {
    const { host: name, port } = this.plan;
    const host = this.nextAddress();
    if (host === null) return new Fault("name_unresolved", name);
    this.#growth.opening(this.#settings.pool);
    dial(new BackendConnection(this), { host, port }, owner);
    return null;
  }

  #openH3(): Fault | null {
    const session = new UpstreamH3(this);
    const link = quicDial(this, H3_ALPN, session);
    if (link instanceof Fault) return link;
    this.#growth.opening(this.#settings.pool);
    session.open(link);
    return null;
  }
}

function serve(ready: Ready, waiting: PendingRequest): void {
  waiting.settle();
  begin(ready, waiting.exchange, waiting.body);
}

function begin(ready: Ready, exchange: Exchange, body: KeptBody | null): void {
  const sink = ready.begin(exchange, body);
  if (sink === null || exchange.request.bodyLength === 0) return;
  if (body !== null && !body.replay(exchange, sink)) return;
  if (exchange.upstream === sink) exchange.downstream.resumeRequest();
}
