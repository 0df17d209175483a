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
import { compileGeneration, type Generation } from "./generation.ts";
import { ListenerSocket } from "./listener/listener-socket.ts";
import { GLOBAL_SLOTS, type ListenerPlan, type Plan } from "./plan.ts";
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
  readonly bound: ReadonlyMap<string, ListenerSocket>;
  readonly accessLog: OpenedAccessLog;
}

export class DataPlane {
  readonly #context: WorkerContext;
  readonly #pools: UpstreamPools;
  readonly #clock: NodeJS.Timeout;
  #listeners = new Map<string, ListenerSocket>();
  /** Listeners that a reload removed, while their last connections end. */
  readonly #leaving = new Set<ListenerSocket>();
  #prepared: Prepared | null = null;
  /** The plan that is live. */
  #plan: Plan | null = null;
  #ticks = 0;

  constructor(options: DataPlaneOptions) {
    const clock = new Clock();
    const { stripe, log } = options;
    const transport = openTransport(options.transport, clock);
    this.#context = {
      transport,
      wheel: new TimerWheel(clock.nowMs),
      stripe,
      counters: stripe.counters,
      accessLog: new AccessLog(stripe.counters, log),
      log,
      random: new RandomHex(),
      clock,
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
    for (const listener of this.#leaving) open += listener.openConnections;
    return open;
  }

  /**
   * Compiles the plan and binds what is new in it; nothing changes for traffic yet. Rejects with
   * `BindError` or `ListenerTlsError`, or an errno of the access log, and leaves nothing bound or open.
   * Returns the real port of each listener by name.
   */
  async prepare(plan: Plan): Promise<Record<string, number>> {
    if (this.#prepared !== null) await this.abort(this.#prepared.generation.plan.generation);
    const generation = this.#compile(plan);
    const accessLog = openAccessLog(plan.accessLog);
    const bound = new Map<string, ListenerSocket>();
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
      return compileGeneration(plan, this.#pools, this.#context.transport);
    } catch (error) {
      if (this.#plan !== null) this.#pools.adopt(this.#plan);
      throw error;
    }
  }

  /** Fills `bound` with what is new, and tells the ports of all. */
  async #bindAll(
    generation: Generation,
    bound: Map<string, ListenerSocket>,
  ): Promise<Record<string, number>> {
    const ports: Record<string, number> = Object.create(null) as Record<string, number>;
    for (const listener of generation.plan.listeners) {
      const known = this.#listeners.get(listener.address);
      const socket = known ?? (await this.#bind(listener, generation));
      if (known === undefined) bound.set(listener.address, socket);
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
    const kept = new Map<string, ListenerSocket>();
    for (const [address, runtime] of prepared.generation.listeners) {
      const known = this.#listeners.get(address);
      known?.adopt(prepared.generation, runtime);
      const socket = known ?? prepared.bound.get(address);
      if (socket !== undefined) kept.set(address, socket);
    }
    for (const [address, socket] of this.#listeners) if (!kept.has(address)) void this.#leave(socket);
    this.#listeners = kept;
    for (const socket of prepared.bound.values()) socket.accept();
  }

  /** Forgets the prepared plan. */
  async abort(generation: number): Promise<void> {
    const prepared = this.#prepared;
    if (prepared === null || prepared.generation.plan.generation !== generation) return;
    this.#prepared = null;
    discardAccessLog(prepared.accessLog);
    if (this.#plan !== null) this.#pools.adopt(this.#plan);
    await closeAll(prepared.bound);
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
    await Promise.all([...this.#listeners.values()].map((listener) => listener.drain()));
    while (this.openConnections > 0) await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    await this.#context.accessLog.flush();
  }

  /** Cuts what is left, and lets go of everything. Returns how many exchanges were cut. */
  async stop(): Promise<number> {
    if (this.#prepared !== null) await this.abort(this.#prepared.generation.plan.generation);
    let cut = 0;
    for (const listener of [...this.#listeners.values(), ...this.#leaving]) cut += listener.abort();
    (this.#context.counters[GLOBAL_SLOTS.shutdown_aborted_connections_total] as number) += cut;
    this.#pools.retireAll();
    this.#context.transport.close();
    clearInterval(this.#clock);
    await this.#context.accessLog.close();
    return cut;
  }

  async #bind(plan: ListenerPlan, generation: Generation): Promise<ListenerSocket> {
    const runtime = generation.listeners.get(plan.address);
    if (runtime === undefined) throw new BindError(plan, "EINVAL");
    try {
      const { host, port } = plan;
      const listener = await this.#context.transport.bind({ host, port, reusePort: true });
      return new ListenerSocket(this.#context, listener, generation, runtime);
    } catch (error) {
      throw new BindError(plan, (error as NodeJS.ErrnoException).code ?? String(error));
    }
  }

  /** A listener that a reload removed: its connections have its drain budget to end by themselves. */
  async #leave(socket: ListenerSocket): Promise<void> {
    this.#leaving.add(socket);
    const deadlineMs = performance.now() + socket.current.runtime.plan.drainTimeoutMs;
    await socket.drain();
    while (socket.openConnections > 0 && performance.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
    const cut = socket.abort();
    (this.#context.counters[GLOBAL_SLOTS.shutdown_aborted_connections_total] as number) += cut;
    this.#leaving.delete(socket);
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

async function closeAll(sockets: ReadonlyMap<string, ListenerSocket>): Promise<void> {
  for (const socket of sockets.values()) await socket.drain();
}
