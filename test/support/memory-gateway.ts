/**
 * The whole data plane of one worker but for its sockets and its clock: a real listener, real
 * adapters, pools and counters over the memory transport. Time stands still until `advance`.
 */
import { Clock } from "../../src/base/clock.ts";
import { FAULT_CODES, faultIndex, type FaultCode } from "../../src/base/fault.ts";
import { type Log, silentLog } from "../../src/base/log.ts";
import { RandomHex } from "../../src/base/random-hex.ts";
import { TICK_MS, TimerWheel } from "../../src/base/timer-wheel.ts";
import { AccessLog, openAccessLog } from "../../src/proxy/finish/access-log.ts";
import { compileGeneration } from "../../src/proxy/generation.ts";
import { ListenerSocket } from "../../src/proxy/listener/listener-socket.ts";
import { GLOBAL_SLOTS } from "../../src/proxy/global-slots.ts";
import { STATUS_CLASSES, type Plan } from "../../src/proxy/plan.ts";
import { initRegion, regionBytes } from "../../src/proxy/state/layout.ts";
import { Stripe } from "../../src/proxy/state/stripe.ts";
import type { QuicClients } from "../../src/proxy/quic/quic-clients.ts";
import { UpstreamPools } from "../../src/proxy/upstream/upstream-pools.ts";
import type { WorkerContext } from "../../src/proxy/worker-context.ts";
import type { MemoryPeer } from "./memory-peer.ts";
import { memoryPlan, type PlanSpec } from "./memory-plan.ts";
import { type Dial, MemoryListener, MemoryTransport } from "./memory-transport.ts";

/** 2026-01-02T03:04:05.000Z at the moment that the monotonic clock reads 0. */
export const EPOCH_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

/** Only the test moves it. */
export class TestClock extends Clock {
  override nowMs = 0;

  override refresh(): void {}

  override synchronise(): void {}

  override get wallMs(): number {
    return Math.floor(EPOCH_MS + this.nowMs);
  }
}

/** For plans without backends over QUIC. */
export const NO_QUIC: QuicClients = {
  context: () => {
    throw new Error("there is no QUIC engine");
  },
  connect: () => null,
  askRefused: () => {},
};

export class MemoryGateway {
  readonly transport = new MemoryTransport();
  readonly clock = new TestClock();
  readonly context: WorkerContext;
  readonly pools: UpstreamPools;
  plan: Plan;
  readonly socket: ListenerSocket;
  readonly #listener: MemoryListener;

  constructor(spec: PlanSpec = {}, log: Log = silentLog, quic: QuicClients = NO_QUIC) {
    const region = new ArrayBuffer(regionBytes(1));
    initRegion(region, { workers: 1, seed: Int32Array.of(1, 2) });
    const stripe = new Stripe(region, 0);
    this.context = {
      transport: this.transport,
      wheel: new TimerWheel(this.clock.nowMs),
      stripe,
      counters: stripe.counters,
      accessLog: new AccessLog(stripe.counters, log),
      log,
      random: new RandomHex(),
      clock: this.clock,
      quic,
      chance: () => 0.5,
    };
    this.pools = new UpstreamPools(this.context);
    this.plan = memoryPlan(spec);
    if (this.plan.accessLog.enabled) this.context.accessLog.use(openAccessLog(this.plan.accessLog));
    const generation = compileGeneration(this.plan, this.pools, this.transport);
    this.pools.adopt(this.plan);
    this.#listener = new MemoryListener(this.transport, this.plan.listeners[0]?.port ?? 0);
    const runtime = generation.listeners.get(this.plan.listeners[0]?.address ?? "");
    if (runtime === undefined) throw new Error("the plan has no listener");
    this.socket = new ListenerSocket(this.context, this.#listener, generation, runtime);
    this.socket.accept();
    this.transport.onDial = (dial) => dial.peer.accept();
  }

  /** Makes another plan live on the same listener, as a reload does. */
  reload(spec: PlanSpec): void {
    this.plan = memoryPlan({ generation: this.plan.generation + 1, ...spec });
    const generation = compileGeneration(this.plan, this.pools, this.transport);
    this.pools.adopt(this.plan);
    const runtime = generation.listeners.get(this.plan.listeners[0]?.address ?? "");
    if (runtime === undefined) throw new Error("the plan has no listener");
    this.socket.adopt(generation, runtime);
  }

  /** A client that the listener admits. */
  client(address = "192.0.2.1"): MemoryPeer {
    const peer = this.#listener.connect(address);
    if (peer === null) throw new Error("the connection was refused");
    return peer;
  }

  /** A client that may be refused. */
  tryClient(address = "192.0.2.1"): MemoryPeer | null {
    return this.#listener.connect(address);
  }

  /** Dials stay open until the test accepts or fails them. */
  holdDials(): void {
    this.transport.onDial = () => {};
  }

  /** The connection to a backend that was opened as number `index`. */
  dial(index: number): Dial {
    const dial = this.transport.dials[index];
    if (dial === undefined) throw new Error(`${this.transport.dials.length} connections were dialled`);
    return dial;
  }

  backend(index = 0): MemoryPeer {
    return this.dial(index).peer;
  }

  /** Lets time pass, tick by tick, as the worker's clock does. */
  advance(byMs: number): void {
    const end = this.clock.nowMs + byMs;
    while (this.clock.nowMs < end) {
      this.clock.nowMs = Math.min(end, this.clock.nowMs + TICK_MS);
      this.context.wheel.advance(this.clock.nowMs);
      this.transport.pump();
    }
  }

  global(slot: keyof typeof GLOBAL_SLOTS): number {
    return this.context.counters[GLOBAL_SLOTS[slot]] ?? NaN;
  }

  /** Requests that this fault ended. */
  faults(code: FaultCode): number {
    const base = this.plan.listeners[0]?.metrics.faults ?? NaN;
    return this.context.counters[base + faultIndex(code)] ?? NaN;
  }

  /** Every fault that ended a request, with its count. */
  get allFaults(): Record<string, number> {
    return Object.fromEntries(
      FAULT_CODES.filter((code) => this.faults(code) > 0).map((code) => [code, this.faults(code)]),
    );
  }

  /** Finished exchanges by status class, over all routes and versions. */
  get finished(): Record<string, number> {
    const found: Record<string, number> = {};
    const slots = [
      this.plan.listeners[0]?.metrics.noRoute,
      ...this.plan.routes.map((route) => route.metrics[0]),
    ];
    for (const slot of slots) {
      for (let i = 0; i < 4 * STATUS_CLASSES.length; i++) {
        const count = this.context.counters[(slot?.requests ?? NaN) + i] ?? 0;
        const name = STATUS_CLASSES[i % STATUS_CLASSES.length] ?? "";
        if (count > 0) found[name] = (found[name] ?? 0) + count;
      }
    }
    return found;
  }

  /** Gauges that are not zero: what a test must have left behind none of, once everybody is gone. */
  get gauges(): Record<string, number> {
    const { counters } = this.context;
    const found: Record<string, number> = {};
    const note = (name: string, slot: number): void => {
      if (counters[slot] !== 0) found[name] = counters[slot] ?? NaN;
    };
    for (const { metrics } of this.plan.listeners) {
      note("accept_inflight", metrics.acceptInflight);
      note("connections_inflight", metrics.connectionsInflight);
    }
    for (const service of this.plan.services) {
      for (const { address, metrics } of service.backends) {
        note(`${address} inflight`, metrics.inflight);
        note(`${address} connections`, metrics.connections);
      }
    }
    note("pool_idle_gauge", GLOBAL_SLOTS.pool_idle_gauge);
    if (this.socket.openConnections > 0) found["open connections"] = this.socket.openConnections;
    if (this.transport.openConnections > 0) found["connections"] = this.transport.openConnections;
    return found;
  }

  /** The worker stops: everything is cut. */
  stop(): void {
    this.socket.abort();
    this.pools.retireAll();
    this.transport.pump();
  }
}
