/**
 * The data plane of one worker: listeners, pools and the current generation. The worker process
 * drives it by messages of the control plane; with `workers = 0` the gateway calls it directly.
 */
import { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { RandomHex } from "../base/random-hex.ts";
import { TICK_MS, TimerWheel } from "../base/timer-wheel.ts";
import type { TransportKind } from "../fastpath/choose-transport.ts";
import { openTransport } from "../fastpath/open-transport.ts";
import { AccessLog, discardAccessLog, openAccessLog, type OpenedAccessLog } from "./finish/access-log.ts";
import { FLUSH_INTERVAL_MS } from "./finish/log-writer.ts";
import { compileGeneration, type Generation, listenerKey, type ListenerRuntime } from "./generation.ts";
import { GLOBAL_SLOTS } from "./global-slots.ts";
import { ListenerSocket } from "./listener/listener-socket.ts";
import { QuicListener } from "./listener/quic-listener.ts";
import type { WorkerListener } from "./listener/worker-listener.ts";
import type { ListenerPlan, Plan } from "./plan.ts";
import { type QuicPeers, QuicPlane } from "./quic-plane.ts";
import type { Stripe } from "./state/stripe.ts";
import { UpstreamPools } from "./upstream/upstream-pools.ts";
import type { WorkerContext } from "./worker-context.ts";

/** How often a drain looks whether the last connection has ended. */
const DRAIN_POLL_MS = 20;

/** Ticks of the wheel between two flushes of the access log. */
const TICKS_PER_FLUSH = Math.ceil(FLUSH_INTERVAL_MS / TICK_MS);

export interface DataPlaneOptions {
  /** One that can run here: `chooseTransport` says which. */
  readonly transport: TransportKind;
  readonly stripe: Stripe;
  readonly log: Log;
}

/** An address of a plan could not be bound. */
export class BindError extends Error {
  override readonly name = "BindError";
  readonly listener: string;
  readonly code: string;

  constructor(plan: ListenerPlan, code: string) {
    super(`listener "${plan.name}": cannot bind ${plan.address}: ${code}`);
    this.listener = plan.name;
    this.code = code;
  }
}

interface Prepared {
  readonly generation: Generation;
  /** Only the addresses that the current plan has not. */
  readonly bound: ReadonlyMap<string, WorkerListener>;
  readonly accessLog: OpenedAccessLog;
}

/** One removal of a listener, which may come back and be removed again. */
interface Departure {
  readonly key: string;
}

export class DataPlane {
  readonly #context: WorkerContext;
  readonly #quic: QuicPlane;
  readonly #pools: UpstreamPools;
  readonly #clock: NodeJS.Timeout;
  /** By `listenerKey`. */
  #listeners = new Map<string, WorkerListener>();
  /** Listeners that a reload removed, while their last connections end. */
  readonly #leaving = new Map<WorkerListener, Departure>();
  #prepared: Prepared | null = null;
  /** The plan that is live. */
  #plan: Plan | null = null;
  #ticks = 0;

  constructor(options: DataPlaneOptions) {
    const clock = new Clock();
    const { stripe, log } = options;
    const { counters } = stripe;
    const transport = openTransport(options.transport, clock);
    const wheel = new TimerWheel(clock.nowMs);
    this.#quic = new QuicPlane({ transport, clock, wheel, counters, worker: stripe.index });
    this.#context = {
      transport,
      wheel,
      stripe,
      counters,
      accessLog: new AccessLog(counters, log),
      log,
      random: new RandomHex(),
      clock,
      quic: this.#quic,
      chance: () => Math.random(),
    };
    this.#pools = new UpstreamPools(this.#context);
    this.#clock = setInterval(() => this.#tick(), TICK_MS);
  }

  get transportKind(): TransportKind {
    return this.#context.transport.kind;
  }

  get openConnections(): number {
    let open = 0;
    for (const listener of this.#listeners.values()) open += listener.openConnections;
    for (const listener of this.#leaving.keys()) open += listener.openConnections;
    return open;
  }

  /** Where other workers hand packets over to this one; 0: nowhere. Known once a plan with QUIC is prepared. */
  get handOverPort(): number {
    return this.#quic.handOverPort;
  }

  /** The other workers, if there can be any. To be called before the first plan, and whenever one comes or goes. */
  setPeers(peers: QuicPeers): void {
    this.#quic.setPeers(peers);
  }

  /**
   * Compiles the plan and binds what is new in it; nothing changes for traffic yet. Rejects with
   * `BindError`, `ListenerTlsError`, `BackendTlsError` or `QuicUnavailableError`, or an errno of the access
   * log, and leaves nothing bound or open. Returns the real port of each listener by name.
   */
  async prepare(plan: Plan): Promise<Record<string, number>> {
    if (this.#prepared !== null) await this.abort(this.#prepared.generation.plan.generation);
    await this.#quic.open(plan);
    const generation = this.#compile(plan);
    const accessLog = openAccessLog(plan.accessLog);
    const bound = new Map<string, WorkerListener>();
    this.#prepared = { generation, bound, accessLog };
    try {
      return await this.#bindAll(generation, bound);
    } catch (error) {
      await this.abort(plan.generation);
      throw error;
    }
  }

  /** What a plan that cannot be compiled has brought into the pools leaves them again. */
  #compile(plan: Plan): Generation {
    try {
      return compileGeneration(plan, this.#pools, this.#context.transport, this.#quic);
    } catch (error) {
      if (this.#plan !== null) this.#pools.adopt(this.#plan);
      throw error;
    }
  }

  /** Fills `bound` with what is new, and tells the ports of all. */
  async #bindAll(
    generation: Generation,
    bound: Map<string, WorkerListener>,
  ): Promise<Record<string, number>> {
    const ports: Record<string, number> = Object.create(null) as Record<string, number>;
    for (const listener of generation.plan.listeners) {
      const key = listenerKey(listener);
      const known = this.#listeners.get(key);
      const socket = known ?? (await this.#bind(listener, generation));
      if (known === undefined) bound.set(key, socket);
      ports[listener.name] = socket.port;
    }
    return ports;
  }

  /** Makes the prepared plan live and closes the listeners that it does not have, without losing a connection. */
  commit(generation: number): void {
    const prepared = this.#prepared;
    if (prepared === null || prepared.generation.plan.generation !== generation) return;
    this.#prepared = null;
    const { plan } = prepared.generation;
    this.#context.accessLog.use(prepared.accessLog);
    this.#pools.adopt(plan);
    this.#plan = plan;
    const kept = new Map<string, WorkerListener>();
    for (const [key, runtime] of prepared.generation.listeners) {
      const known = this.#listeners.get(key) ?? this.#comeBack(key, prepared.bound);
      known?.adopt(prepared.generation, runtime);
      const socket = known ?? prepared.bound.get(key);
      if (socket !== undefined) kept.set(key, socket);
    }
    for (const [key, socket] of this.#listeners) if (!kept.has(key)) void this.#leave(key, socket);
    this.#listeners = kept;
    for (const [key, socket] of prepared.bound) {
      if (kept.get(key) === socket) socket.accept();
      else void socket.close();
    }
  }

  /** Forgets the prepared plan. */
  async abort(generation: number): Promise<void> {
    const prepared = this.#prepared;
    if (prepared === null || prepared.generation.plan.generation !== generation) return;
    this.#prepared = null;
    discardAccessLog(prepared.accessLog);
    if (this.#plan !== null) this.#pools.adopt(this.#plan);
    await closeAll(prepared.bound.values());
  }

  setAddresses(host: string, addresses: readonly string[]): void {
    this.#pools.addresses.set(host, addresses);
  }

  /** The session tickets of a TLS listener are made with the first of these keys from now on, and opened with any. */
  setTicketKeys(listenerAddress: string, keys: readonly Uint8Array[]): void {
    const { transport } = this.#context;
    const live = this.#listeners.get(listenerAddress)?.current.runtime.tls ?? null;
    const next = this.#prepared?.generation.listeners.get(listenerAddress)?.tls ?? null;
    if (live !== null) transport.setTicketKeys(live, keys);
    if (next !== null) transport.setTicketKeys(next, keys);
  }

  reopenLogs(): void {
    this.#context.accessLog.reopen();
  }

  /** Takes no more connections, ends the others after their request; resolves when none is left. */
  async drain(): Promise<void> {
    await Promise.all(Array.from(this.#listeners.values(), (listener) => this.#finish(listener)));
    while (this.openConnections > 0) await pollPause();
    await this.#context.accessLog.flush();
  }

  /** Cuts what is left, and lets go of everything. Returns how many exchanges were cut. */
  async stop(): Promise<number> {
    if (this.#prepared !== null) await this.abort(this.#prepared.generation.plan.generation);
    let cut = 0;
    const listeners = [...this.#listeners.values(), ...this.#leaving.keys()];
    for (const listener of listeners) cut += listener.abort();
    (this.#context.counters[GLOBAL_SLOTS.shutdown_aborted_connections_total] as number) += cut;
    this.#pools.retireAll();
    const closed = closeAll(listeners);
    this.#quic.close();
    this.#context.transport.close();
    await closed;
    clearInterval(this.#clock);
    await this.#context.accessLog.close();
    return cut;
  }

  async #bind(plan: ListenerPlan, generation: Generation): Promise<WorkerListener> {
    const runtime = generation.listeners.get(listenerKey(plan));
    if (runtime === undefined) throw new BindError(plan, "EINVAL");
    try {
      return await this.#open(generation, runtime);
    } catch (error) {
      throw new BindError(plan, (error as NodeJS.ErrnoException).code ?? String(error));
    }
  }

  async #open(generation: Generation, runtime: ListenerRuntime): Promise<WorkerListener> {
    const context = this.#context;
    if (runtime.quic !== null)
      return await QuicListener.bind({ context, plane: this.#quic, generation, runtime });
    const { host, port } = runtime.plan;
    const { tcpBufferBytes: bufferBytes } = generation.plan.runtime;
    const listener = await context.transport.bind({ host, port, reusePort: true, bufferBytes });
    return new ListenerSocket(context, listener, generation, runtime);
  }

  /** A listener that a reload removed: its connections have its drain budget to end by themselves. */
  async #leave(key: string, socket: WorkerListener): Promise<void> {
    const departure: Departure = { key };
    this.#leaving.set(socket, departure);
    await this.#empty(socket, performance.now() + socket.current.runtime.plan.drainTimeoutMs);
    if (this.#leaving.get(socket) !== departure) return;
    const cut = socket.abort();
    (this.#context.counters[GLOBAL_SLOTS.shutdown_aborted_connections_total] as number) += cut;
    await socket.close();
    this.#leaving.delete(socket);
  }

  /**
   * A listener whose address was removed, and is there again before its connections have ended: two sockets
   * of one worker on one UDP port would each get packets of the other's.
   */
  #comeBack(key: string, bound: ReadonlyMap<string, WorkerListener>): WorkerListener | undefined {
    const port = bound.get(key)?.port;
    for (const [socket, departure] of this.#leaving) {
      if (departure.key !== key || socket.port !== port || !socket.resume()) continue;
      this.#leaving.delete(socket);
      return socket;
    }
    return undefined;
  }

  /** The socket goes with the last connection, so that whoever has bound the address too gets everything from then on. */
  async #finish(listener: WorkerListener): Promise<void> {
    await this.#empty(listener, Infinity);
    await listener.close();
  }

  /**
   * Drains a listener until its last connection has ended, or its time is over. A process that was held up until
   * then has not looked at what came meanwhile: answers that are there already still go to their clients.
   */
  async #empty(socket: WorkerListener, deadlineMs: number): Promise<void> {
    await socket.drain();
    for (let inTime = true; inTime && socket.openConnections > 0;) {
      inTime = performance.now() < deadlineMs;
      await pollPause();
    }
  }

  #tick(): void {
    this.#context.clock.synchronise();
    this.#context.wheel.advance(this.#context.clock.nowMs);
    // What a deadline made somebody send (a timeout's answer) has no event that would take it along.
    this.#context.transport.flush();
    this.#ticks += 1;
    if (this.#ticks % TICKS_PER_FLUSH === 0) this.#context.accessLog.tick();
  }
}

function pollPause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
}

/** Whatever a close can do at once is done within the call. */
async function closeAll(listeners: Iterable<WorkerListener>): Promise<void> {
  await Promise.all(Array.from(listeners, (listener) => listener.close()));
}
