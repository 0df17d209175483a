/**
 * The QUIC of one worker: the engine, the datagram sockets, the pump that all its connections share, the
 * endpoint of those to backends, and the hand-over of packets to other workers. The data plane makes one; it
 * comes to life with the first plan that needs QUIC.
 *
 *   UDP event -> endpoint -> pump.run -> owners' calls -> packets sent -> transport.flush
 *   TCP event -> owners' calls -> pump.mark -> (the loop's events are handled) -> pump.run -> packets sent
 *
 * The second way ends in the same turn of the event loop: `setImmediate` follows its events at once.
 */
import { randomBytes } from "node:crypto";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { UDP_BUFFER_BYTES } from "../base/limits.ts";
import type { TimerWheel } from "../base/timer-wheel.ts";
import { openUdp } from "../fastpath/open-udp.ts";
import type {
  QuicClientContext,
  QuicClientSettings,
  QuicEngine,
  QuicServerContext,
  QuicServerSettings,
} from "../fastpath/quic-engine.ts";
import { loadQuicEngine, type QuicEngineLoad } from "../fastpath/quiche-engine.ts";
import type { Transport } from "../fastpath/transport.ts";
import type { UdpAddress, UdpSockets } from "../fastpath/udp.ts";
import { UdpRefusals } from "../fastpath/udp-refusals.ts";
import type { QuicServers } from "./listener/quic-contexts.ts";
import type { BackendPlan, ListenerPlan, Plan } from "./plan.ts";
import { type QuicDial, QuicClientEndpoint } from "./quic/client-endpoint.ts";
import { HandOver, type HandOverPeers } from "./quic/hand-over.ts";
import { QuicListenerEndpoint, type QuicListenerOptions } from "./quic/listener-endpoint.ts";
import type { QuicClients } from "./quic/quic-clients.ts";
import type { QuicConnection } from "./quic/quic-connection.ts";
import { type QuicEnvironment, READ_ARENA_BYTES } from "./quic/quic-environment.ts";
import type { QuicOwner } from "./quic/quic-owner.ts";
import { QuicPump } from "./quic/quic-pump.ts";
import { SlotCounters } from "./slot-counters.ts";

/** Of the keys that stateless reset tokens are made with. */
const RESET_KEY_BYTES = 32;

export interface QuicPlaneOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  /** Of the worker's stripe. */
  readonly counters: Float64Array;
  /** The worker's place among the workers. */
  readonly worker: number;
  /** Default: those that go with the transport. */
  readonly sockets?: UdpSockets;
  /** Default: `loadQuicEngine`. */
  readonly load?: () => Promise<QuicEngineLoad>;
}

/** What a worker needs to know of the others, to hand packets over. */
export interface QuicPeers {
  /** `HAND_OVER_SECRET_BYTES`, the same in all workers for as long as the gateway runs. */
  readonly secret: Uint8Array;
  /** By the worker's place: where it takes packets over; 0: it does not, or is not there. */
  readonly ports: readonly number[];
  /** Places of the workers that take new clients. */
  readonly takers: readonly number[];
}

/** A plan needs QUIC, and it cannot be had. */
export class QuicUnavailableError extends Error {
  override readonly name = "QuicUnavailableError";
}

/** What a listener's endpoint is opened with. */
export interface QuicListenOptions extends Pick<QuicListenerOptions, "owner" | "tickets" | "settings"> {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly resetKey: Uint8Array;
}

export class QuicPlane implements QuicClients, QuicServers {
  readonly counters: SlotCounters;
  readonly #options: QuicPlaneOptions;
  readonly #sockets: UdpSockets;
  readonly #refusals = new UdpRefusals();
  #environment: QuicEnvironment | null = null;
  #clients: QuicClientEndpoint | null = null;
  #handOver: HandOver | null = null;
  #peers: QuicPeers | null = null;

  constructor(options: QuicPlaneOptions) {
    this.#options = options;
    this.counters = new SlotCounters(options.counters);
    this.#sockets = options.sockets ?? openUdp(options.transport.kind, options.clock);
  }

  /** Where other workers hand packets over to this one; 0: nowhere. */
  get handOverPort(): number {
    return this.#handOver?.port ?? 0;
  }

  /** From now on. Without a call before the first plan with a QUIC listener there is no hand-over. */
  setPeers(peers: QuicPeers): void {
    this.#peers = peers;
  }

  /** Makes ready what the plan needs of QUIC. Rejects with `QuicUnavailableError`. */
  async open(plan: Plan): Promise<void> {
    const listener = plan.listeners.find(({ quic }) => quic !== null);
    const backends = plan.services.flatMap((service) => service.backends);
    const overQuic = backends.filter(({ quic }) => quic !== null);
    const needs = whoNeeds(listener, overQuic[0]);
    if (needs === "") return;
    this.#environment ??= this.#makeEnvironment(await this.#load(needs));
    if (listener !== undefined) await this.#openHandOver(this.#environment, needs);
    if (overQuic.length > 0) await this.#openClients(this.#environment, overQuic);
  }

  serverContext(settings: QuicServerSettings): QuicServerContext {
    return this.#opened.engine.server(settings);
  }

  context(settings: QuicClientSettings): QuicClientContext {
    return this.#opened.engine.client(settings);
  }

  connect(dial: QuicDial, owner: QuicOwner): QuicConnection | null {
    return this.#clients?.connect(dial, owner) ?? null;
  }

  askRefused(remote: UdpAddress, refused: () => void): void {
    this.#refusals.ask(remote, refused);
  }

  /** Binds a listener's socket, which does not receive yet. Rejects as `UdpSockets.bind` does. */
  async listen({ host, port, resetKey, ...options }: QuicListenOptions): Promise<QuicListenerEndpoint> {
    assert(resetKey.length === RESET_KEY_BYTES, "the key of stateless resets has 32 octets");
    const environment = { ...this.#opened, resetKey };
    const bufferBytes = UDP_BUFFER_BYTES;
    const socket = await this.#sockets.bind({ host, port, reusePort: true, bufferBytes });
    return new QuicListenerEndpoint({ environment, socket, handOver: this.#handOver, ...options });
  }

  /** Ends the connections to backends, and lets the sockets go. Listeners have been closed before. */
  close(): void {
    this.#refusals.close();
    this.#clients?.close();
    this.#handOver?.close();
    this.#clients = null;
    this.#handOver = null;
  }

  get #opened(): QuicEnvironment {
    if (this.#environment === null) throw new Error("there is no QUIC engine");
    return this.#environment;
  }

  async #load(needs: string): Promise<QuicEngine> {
    const load = await (this.#options.load ?? loadQuicEngine)();
    if (load.kind === "loaded") return load.engine;
    throw new QuicUnavailableError(`${needs}: ${load.reason}`);
  }

  #makeEnvironment(engine: QuicEngine): QuicEnvironment {
    const { transport, clock, wheel, worker } = this.#options;
    return {
      engine,
      clock,
      wheel,
      counters: this.counters,
      pump: new QuicPump({ defer: setImmediate, afterRun: () => transport.flush() }),
      arena: Buffer.allocUnsafeSlow(READ_ARENA_BYTES),
      worker,
      // Listeners bring their own. Of connections to backends nobody needs to know a token after us.
      resetKey: randomBytes(RESET_KEY_BYTES),
    };
  }

  async #openHandOver(environment: QuicEnvironment, needs: string): Promise<void> {
    if (this.#peers === null || this.#handOver !== null) return;
    const { secret } = this.#peers;
    const peers = peersOf(() => this.#peers);
    this.#handOver = await sockets(needs, HandOver.open(this.#sockets, { environment, peers, secret }));
  }

  async #openClients(environment: QuicEnvironment, backends: readonly BackendPlan[]): Promise<void> {
    if (this.#clients !== null) return;
    const payloads = backends.map(({ quic }) => quic?.maxSendPayloadBytes ?? 0);
    const maxSendPayloadBytes = Math.max(...payloads);
    const opening = QuicClientEndpoint.open({ environment, sockets: this.#sockets, maxSendPayloadBytes });
    this.#clients = await sockets(whoNeeds(undefined, backends[0]), opening);
  }
}

/** As they are whenever they are asked for. */
function peersOf(current: () => QuicPeers | null): HandOverPeers {
  return {
    portOf: (worker) => current()?.ports[worker] ?? 0,
    get takers() {
      return current()?.takers ?? [];
    },
  };
}

/** For messages; empty: nobody. */
function whoNeeds(listener: ListenerPlan | undefined, backend: BackendPlan | undefined): string {
  if (listener !== undefined) return `listener "${listener.name}"`;
  return backend === undefined ? "" : `backend "${backend.address}"`;
}

async function sockets<T>(needs: string, opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new QuicUnavailableError(`${needs}: QUIC: cannot open its sockets: ${code}`, { cause: error });
  }
}
