/**
 * QUIC endpoints for tests, with the real engine and over any UDP: workers with their environments, listeners
 * and clients (`quic-owners.ts` has what owns their connections). Time runs as it does; the wheels of all workers are
 * turned by one timer.
 */
import { randomBytes } from "node:crypto";
import { Clock } from "../../src/base/clock.ts";
import { TimerWheel } from "../../src/base/timer-wheel.ts";
import type {
  QuicClose,
  QuicEngine,
  QuicServerContext,
  QuicTransportSettings,
} from "../../src/fastpath/quic-engine.ts";
import { loadQuicEngine } from "../../src/fastpath/quiche-engine.ts";
import type { UdpAddress, UdpSockets } from "../../src/fastpath/udp.ts";
import { QuicClientEndpoint } from "../../src/proxy/quic/client-endpoint.ts";
import type { HandOver } from "../../src/proxy/quic/hand-over.ts";
import { QuicListenerEndpoint } from "../../src/proxy/quic/listener-endpoint.ts";
import type { QuicListenerOwner, QuicListenerSettings } from "../../src/proxy/quic/listener-settings.ts";
import type { QuicCounter, QuicCounters } from "../../src/proxy/quic/quic-counters.ts";
import { READ_ARENA_BYTES, type QuicEnvironment } from "../../src/proxy/quic/quic-environment.ts";
import { QuicPump } from "../../src/proxy/quic/quic-pump.ts";
import { RetryTokens } from "../../src/wire/quic/retry-token.ts";
import { CertificateAuthority } from "./certificates.ts";
import { NotingOwner } from "./quic-owners.ts";

/** Finer than any timeout in these tests. */
const WHEEL_TURN_MS = 10;

export const ALPN = "echo";
export const SERVER_NAME = "quic.example.test";

export const TRANSPORT: QuicTransportSettings = {
  maxIdleTimeoutMs: 10_000,
  maxReceivePayloadBytes: 1350,
  maxSendPayloadBytes: 1350,
  connectionWindowBytes: 10 * 1024 * 1024,
  streamWindowBytes: 1024 * 1024,
  maxBidirectionalStreams: 16,
  maxUnidirectionalStreams: 16,
  disableActiveMigration: true,
  maxQueuedDatagrams: 256,
  congestionControl: "cubic",
};

export class Tally implements QuicCounters {
  readonly #counts = new Map<QuicCounter, number>();

  add(counter: QuicCounter, amount: number): void {
    this.#counts.set(counter, this.get(counter) + amount);
  }

  get(counter: QuicCounter): number {
    return this.#counts.get(counter) ?? 0;
  }
}

export interface WorldListenerOptions {
  readonly settings?: Partial<QuicListenerSettings>;
  readonly handOver?: HandOver | null;
  readonly port?: number;
  readonly owner?: Partial<QuicListenerOwner>;
  /** Called for each connection that is served. */
  readonly serve?: (owner: NotingOwner) => void;
  readonly maxPerAddress?: number;
}

export class QuicWorld {
  readonly authority = new CertificateAuthority("Test Authority");
  readonly engine: QuicEngine;
  readonly sockets: UdpSockets;
  readonly host: string;
  readonly resetKey = randomBytes(32);
  readonly retryTokens = new RetryTokens([randomBytes(32)]);
  readonly #environments: QuicEnvironment[] = [];
  readonly #closers: (() => void)[] = [];
  readonly #turner: NodeJS.Timeout;
  readonly clock: Clock;

  private constructor(engine: QuicEngine, sockets: UdpSockets, clock: Clock, host: string) {
    this.engine = engine;
    this.sockets = sockets;
    this.clock = clock;
    this.host = host;
    this.#turner = setInterval(() => this.#turn(), WHEEL_TURN_MS);
  }

  static async open(sockets: UdpSockets, clock: Clock = new Clock(), host = "127.0.0.1"): Promise<QuicWorld> {
    const load = await loadQuicEngine();
    if (load.kind === "missing") throw new Error(load.reason);
    return new QuicWorld(load.engine, sockets, clock, host);
  }

  environment(worker = 0): QuicEnvironment & { readonly counters: Tally } {
    const environment = {
      engine: this.engine,
      clock: this.clock,
      wheel: new TimerWheel(this.clock.nowMs),
      counters: new Tally(),
      pump: new QuicPump({ defer: setImmediate, afterRun: () => {} }),
      arena: Buffer.alloc(READ_ARENA_BYTES),
      worker,
      resetKey: this.resetKey,
    };
    this.#environments.push(environment);
    return environment;
  }

  serverContext(
    transport: QuicTransportSettings = TRANSPORT,
    names: readonly string[] = [SERVER_NAME],
  ): QuicServerContext {
    return this.engine.server({
      transport,
      alpn: [ALPN],
      identity: this.authority.issue({ names }),
      ticketKey: null,
      earlyData: false,
      keyLogPath: "",
    });
  }

  async listener(environment: QuicEnvironment, options: WorldListenerOptions = {}): Promise<TestListener> {
    const transport = options.settings?.transport ?? TRANSPORT;
    const settings: QuicListenerSettings = {
      transport,
      earlyData: false,
      retry: { kind: "under-load", halfOpenThreshold: 100 },
      retryTokens: this.retryTokens,
      maxConnections: 1000,
      maxConnectionsPerAddress: options.maxPerAddress ?? 1000,
      maxHalfOpen: 500,
      handshakeTimeoutMs: 60_000,
      ...options.settings,
    };
    const socket = await this.sockets.bind({
      host: this.host,
      port: options.port ?? 0,
      reusePort: true,
      bufferBytes: 1 << 20,
    });
    const listener = new TestListener(environment, this.serverContext(transport), options, socket, settings);
    this.#closers.push(() => listener.endpoint.close());
    return listener;
  }

  async client(
    environment: QuicEnvironment,
    transport: QuicTransportSettings = TRANSPORT,
  ): Promise<TestClient> {
    const { maxSendPayloadBytes } = transport;
    const endpoint = await QuicClientEndpoint.open({
      environment,
      sockets: this.sockets,
      maxSendPayloadBytes,
    });
    this.#closers.push(() => endpoint.close());
    return new TestClient(this, endpoint, transport);
  }

  onClose(close: () => void): void {
    this.#closers.push(close);
  }

  close(): void {
    for (const close of this.#closers) close();
    clearInterval(this.#turner);
  }

  #turn(): void {
    this.clock.synchronise();
    for (const { wheel } of this.#environments) wheel.advance(this.clock.nowMs);
  }
}

export class TestListener {
  readonly endpoint: QuicListenerEndpoint;
  readonly served: NotingOwner[] = [];
  readonly names: string[] = [];
  /** Of handshakes. */
  readonly failures: QuicClose[] = [];
  /** Of the socket. */
  readonly errors: string[] = [];
  readonly tickets: CountedTickets;

  constructor(
    environment: QuicEnvironment,
    context: QuicServerContext,
    options: WorldListenerOptions,
    socket: Awaited<ReturnType<UdpSockets["bind"]>>,
    settings: QuicListenerSettings,
  ) {
    this.tickets = new CountedTickets();
    const owner: QuicListenerOwner = {
      contextFor: (serverName) => {
        this.names.push(serverName);
        return context;
      },
      onConnection: (link) => {
        const served = new NotingOwner();
        served.link = link;
        this.served.push(served);
        options.serve?.(served);
        return served;
      },
      onHandshakeFailed: (_link, reason) => this.failures.push(reason),
      onFailed: (code) => this.errors.push(code),
      ...options.owner,
    };
    const { tickets } = this;
    const handOver = options.handOver ?? null;
    this.endpoint = new QuicListenerEndpoint({ environment, socket, owner, tickets, handOver, settings });
    this.endpoint.accept();
  }
}

export interface DialOptions {
  readonly alpn?: readonly string[];
  readonly keyLogPath?: string;
}

export class TestClient {
  readonly endpoint: QuicClientEndpoint;
  readonly #world: QuicWorld;
  readonly #transport: QuicTransportSettings;

  constructor(world: QuicWorld, endpoint: QuicClientEndpoint, transport: QuicTransportSettings) {
    this.#world = world;
    this.endpoint = endpoint;
    this.#transport = transport;
  }

  connect(remote: UdpAddress, options: DialOptions = {}): NotingOwner {
    const { alpn = [ALPN], keyLogPath = "" } = options;
    const owner = new NotingOwner();
    const transport = this.#transport;
    const serverName = SERVER_NAME;
    const context = this.#world.engine.client({
      transport,
      alpn,
      caPem: this.#world.authority.rootPem,
      verifyPeer: true,
      serverName,
      verifyName: serverName,
      keyLogPath,
    });
    const link = this.endpoint.connect({ context, transport, remote, serverName }, owner);
    if (link === null) throw new Error("no connection");
    owner.link = link;
    return owner;
  }
}

/** Protocols whose names fill more than one datagram. */
export const LONG_ALPN: readonly string[] = [
  ALPN,
  ...Array.from({ length: 60 }, (_, i) => `${i}`.padEnd(40, "x")),
];

/** As the table of the shared region, for one worker. */
export class CountedTickets {
  readonly #counts = new Map<string, number>();
  readonly #tickets: string[] = [""];

  acquire(ip: string, cap: number): number {
    const count = this.count(ip);
    if (count >= cap) return 0;
    this.#counts.set(ip, count + 1);
    return this.#tickets.push(ip) - 1;
  }

  release(ticket: number): void {
    const ip = this.#tickets[ticket] ?? "";
    this.#counts.set(ip, this.count(ip) - 1);
  }

  count(ip: string): number {
    return this.#counts.get(ip) ?? 0;
  }
}
