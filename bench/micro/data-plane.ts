/**
 * What the gateway's own JavaScript costs per proxied keep-alive request: `node bench/micro/data-plane.ts
 * [SCENARIO ...] [--rounds N]`. The real data plane of one worker (access log, forwarding fields, request
 * id, trace context, two backends, routes, counters, deadlines) runs over a transport that hands over
 * bytes in batches and does nothing else, so that the kernel and the native side are left out.
 *
 * Prints nanoseconds of the thread's CPU time (the best and the median of the rounds; the machine's slow
 * phases are longer than a round) and the bytes that a request allocates on the heap. Rounds of several
 * scenarios interleave.
 */
import { parseArgs } from "node:util";
import { getHeapStatistics } from "node:v8";
import { Clock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { RandomHex } from "../../src/base/random-hex.ts";
import { TimerWheel } from "../../src/base/timer-wheel.ts";
import type { TlsClientContext, TlsServerContext } from "../../src/fastpath/tls.ts";
import type {
  Connection,
  ConnectionOwner,
  ConnectTarget,
  Listener,
  ListenOptions,
  ListenOwner,
  Transport,
} from "../../src/fastpath/transport.ts";
import { AccessLog, openAccessLog } from "../../src/proxy/finish/access-log.ts";
import { compileGeneration } from "../../src/proxy/generation.ts";
import { ListenerSocket } from "../../src/proxy/listener/listener-socket.ts";
import { GLOBAL_SLOTS } from "../../src/proxy/global-slots.ts";
import { QuicPlane } from "../../src/proxy/quic-plane.ts";
import { initRegion, regionBytes } from "../../src/proxy/state/layout.ts";
import { Stripe } from "../../src/proxy/state/stripe.ts";
import { UpstreamPools } from "../../src/proxy/upstream/upstream-pools.ts";
import type { WorkerContext } from "../../src/proxy/worker-context.ts";
import { memoryPlan, type PlanSpec } from "../../test/support/memory-plan.ts";

/** Clients that are busy at the same time: one batch holds a request of each. */
const CLIENTS = 64;
const BATCHES_PER_ROUND = 2000;
/** So many batches fill a buffer of the access log. */
const BATCHES_PER_FLUSH = 8;
/** Until the optimising compiler has seen everything, and every pool has its size. */
const WARM_UP_ROUNDS = 3;
const ARENA_BYTES = 2 * 1024 * 1024;
const BACKENDS = ["10.0.0.1:80", "10.0.0.2:80"];

class LoopConnection implements Connection {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localPort = 8080;
  readonly tls = null;
  readonly backend: boolean;
  owner!: ConnectionOwner;
  /** Bytes that the gateway sent on it in this batch. */
  sentBytes = 0;

  constructor(remoteAddress: string, remotePort: number, backend: boolean) {
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
    this.backend = backend;
  }
}

/** Takes what it is given; who was sent something is remembered, so that it can answer. */
class LoopTransport implements Transport {
  readonly kind = "epoll";
  readonly out = Buffer.alloc(ARENA_BYTES);
  /** Backends that were sent something since the last batch, and how many. */
  readonly asked: LoopConnection[] = Array.from(
    { length: 4 * CLIENTS },
    () => new LoopConnection("", 0, true),
  );
  askedCount = 0;
  readonly dials: LoopConnection[] = [];
  #used = 0;

  /** The arena is free again. */
  nextBatch(): void {
    this.#used = 0;
  }

  reserve(size: number): number {
    if (this.#used + size > this.out.length) throw new Error("the arena is too small for a batch");
    return this.#used;
  }

  send(connection: Connection, start: number, end: number): void {
    const target = connection as LoopConnection;
    this.#used = end;
    if (target.backend && target.sentBytes === 0) this.asked[this.askedCount++] = target;
    target.sentBytes += end - start;
  }

  sendFrom(connection: Connection, bytes: Buffer, start: number, end: number): void {
    const offset = this.reserve(end - start);
    bytes.copy(this.out, offset, start, end);
    this.send(connection, offset, offset + end - start);
  }

  connect(target: ConnectTarget, owner: ConnectionOwner): Connection {
    const connection = new LoopConnection(target.host, target.port, true);
    connection.owner = owner;
    this.dials.push(connection);
    return connection;
  }

  handOver(connection: Connection, owner: ConnectionOwner): void {
    (connection as LoopConnection).owner = owner;
  }

  tlsServer(): TlsServerContext {
    return { role: "server" };
  }

  tlsClient(): TlsClientContext {
    return { role: "client" };
  }

  bind(_options: ListenOptions): Promise<Listener> {
    throw new Error("listeners are made by hand");
  }

  blocked(_connection: Connection): boolean {
    return false;
  }

  queuedBytes(_connection: Connection): number {
    return 0;
  }

  alive(_connection: Connection): boolean {
    return true;
  }

  secure(): void {}
  setTicketKeys(): void {}
  flush(): void {}
  pause(_connection: Connection): void {}
  resume(_connection: Connection): void {}
  end(_connection: Connection): void {}
  finish(_connection: Connection): void {}
  destroy(_connection: Connection): void {}
  reset(_connection: Connection): void {}
  close(): void {}
}

interface Scenario {
  readonly plan: PlanSpec;
  readonly request: string;
  readonly response: string;
}

const SMALL_ANSWER = [
  "HTTP/1.1 200 OK",
  "Server: nginx/1.22.1",
  "Date: Sat, 21 Nov 2026 03:00:00 GMT",
  "Content-Type: text/plain",
  "Content-Length: 128",
  "Connection: keep-alive",
  "",
  "x".repeat(128),
].join("\r\n");

const BROWSER_FIELDS = [
  "Host: host-17.example.com",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  "Accept: text/html,application/xhtml+xml,*/*;q=0.8",
  "Accept-Language: en-US,en;q=0.5",
  "Accept-Encoding: gzip, deflate, br",
  "Referer: https://www.example.com/",
  "Cookie: session=0123456789abcdef",
  "DNT: 1",
  "Sec-Fetch-Dest: document",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-Site: none",
  "Priority: u=0, i",
];

/** 50 hosts with 20 prefixes each. */
const THOUSAND_ROUTES = Array.from({ length: 1000 }, (_, index) => ({
  rule: `Host(\`host-${index % 50}.example.com\`) && PathPrefix(\`/api/v${Math.floor(index / 50)}\`)`,
}));

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  /** What the bench beside other proxies sends. */
  small: {
    plan: {},
    request: "GET /bench?small=1 HTTP/1.1\r\nHost: 127.0.0.1:18080\r\n\r\n",
    response: SMALL_ANSWER,
  },
  browser: {
    plan: { routes: THOUSAND_ROUTES },
    request: ["GET /api/v1/items?page=2&sort=name HTTP/1.1", ...BROWSER_FIELDS, "", ""].join("\r\n"),
    response: SMALL_ANSWER,
  },
  bodies: {
    plan: {},
    request: `POST /upload HTTP/1.1\r\nHost: 127.0.0.1:18080\r\nContent-Length: 1000\r\n\r\n${"y".repeat(1000)}`,
    response: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n${"z".repeat(1000)}\r\n0\r\n\r\n`,
  },
};

class DataPlaneBench {
  readonly name: string;
  readonly ns: number[] = [];
  readonly bytes: number[] = [];
  readonly #transport = new LoopTransport();
  readonly #clock = new Clock();
  readonly #wheel = new TimerWheel(this.#clock.nowMs);
  readonly #clients: readonly LoopConnection[];
  readonly #stripe: Stripe;
  readonly #accessLog: AccessLog;
  /** A batch of requests as a receive buffer holds it, one behind the other; and one of responses. */
  readonly #requests: Buffer;
  readonly #responses: Buffer;
  readonly #requestBytes: number;
  readonly #responseBytes: number;

  constructor(name: string, scenario: Scenario) {
    this.name = name;
    this.#requestBytes = scenario.request.length;
    this.#responseBytes = scenario.response.length;
    this.#requests = Buffer.from(scenario.request.repeat(CLIENTS), "latin1");
    this.#responses = Buffer.from(scenario.response.repeat(CLIENTS), "latin1");
    const region = new ArrayBuffer(regionBytes(1));
    initRegion(region, { workers: 1, seed: Int32Array.of(1, 2) });
    this.#stripe = new Stripe(region, 0);
    this.#accessLog = new AccessLog(this.#stripe.counters, silentLog);
    this.#clients = this.#admit(this.#listen(scenario.plan));
  }

  #listen(spec: PlanSpec): ListenOwner {
    const stripe = this.#stripe;
    const transport = this.#transport;
    const wheel = this.#wheel;
    const clock = this.#clock;
    const { counters } = stripe;
    const context: WorkerContext = {
      transport,
      wheel,
      stripe,
      counters,
      accessLog: this.#accessLog,
      log: silentLog,
      random: new RandomHex(),
      clock,
      quic: new QuicPlane({ transport, clock, wheel, counters, worker: stripe.index }),
      chance: () => Math.random(),
    };
    const plan = memoryPlan({
      ...spec,
      services: { app: BACKENDS },
      http: { keepaliveTimeoutMs: 75_000 },
      accessLog: { enabled: true, path: "/dev/null", format: "json", sample: 1 },
    });
    this.#accessLog.use(openAccessLog(plan.accessLog));
    const pools = new UpstreamPools(context);
    const generation = compileGeneration(plan, pools, context.transport);
    pools.adopt(plan);
    const runtime = generation.listeners.get(plan.listeners[0]?.address ?? "");
    if (runtime === undefined) throw new Error("the plan has no listener");
    const noSocket: Listener = { port: 8080, accept() {}, close: () => Promise.resolve() };
    return new ListenerSocket(context, noSocket, generation, runtime);
  }

  #admit(listener: ListenOwner): LoopConnection[] {
    return Array.from({ length: CLIENTS }, (_, index) => {
      const connection = new LoopConnection("127.0.0.1", 40_000 + index, false);
      const owner = listener.onAccept(connection, false);
      if (owner === null) throw new Error("a client was refused");
      connection.owner = owner;
      return connection;
    });
  }

  /** Serves `BATCHES_PER_ROUND` batches; `keep`: the round counts. */
  async round(keep: boolean): Promise<void> {
    const served = this.#finished;
    const allocated = getHeapStatistics().total_allocated_bytes;
    const start = process.threadCpuUsage();
    for (let batch = 0; batch < BATCHES_PER_ROUND;) {
      for (const end = batch + BATCHES_PER_FLUSH; batch < end; batch++) this.#batch();
      // The thread pool writes the log meanwhile; a worker under such a load has time for that in between.
      await this.#accessLog.flush();
    }
    const { user, system } = process.threadCpuUsage(start);
    const requests = BATCHES_PER_ROUND * CLIENTS;
    if (this.#finished - served !== requests) throw new Error(`${this.name}: requests went unanswered`);
    if (!keep) return;
    this.ns.push(((user + system) * 1000) / requests);
    this.bytes.push((getHeapStatistics().total_allocated_bytes - allocated) / requests);
  }

  #batch(): void {
    const transport = this.#transport;
    this.#clock.refresh();
    this.#wheel.advance(this.#clock.nowMs);
    transport.nextBatch();
    for (let i = 0; i < CLIENTS; i++) {
      const client = this.#clients[i] as LoopConnection;
      const start = i * this.#requestBytes;
      client.sentBytes = 0;
      client.owner.onData(this.#requests, start, start + this.#requestBytes);
    }
    transport.nextBatch();
    for (let dial = transport.dials.pop(); dial !== undefined; dial = transport.dials.pop())
      dial.owner.onConnect();
    const asked = transport.askedCount;
    transport.askedCount = 0;
    for (let i = 0; i < asked; i++) {
      const backend = transport.asked[i] as LoopConnection;
      const start = i * this.#responseBytes;
      backend.sentBytes = 0;
      backend.owner.onData(this.#responses, start, start + this.#responseBytes);
    }
  }

  /** Exchanges that are over, each with its line in the log. */
  get #finished(): number {
    return this.#stripe.counters[GLOBAL_SLOTS.access_log_lines_total] as number;
  }
}

async function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { rounds: { type: "string", default: "20" } },
  });
  const names = positionals.length === 0 ? Object.keys(SCENARIOS) : positionals;
  const benches = names.map((name) => {
    const scenario = SCENARIOS[name];
    if (scenario === undefined)
      throw new Error(`no such scenario: ${name}; there are ${Object.keys(SCENARIOS).join(", ")}`);
    return new DataPlaneBench(name, scenario);
  });
  const rounds = Number(values.rounds);
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const bench of benches) await bench.round(round >= 0);
  }
  process.stdout.write("scenario     best ns   median ns   heap bytes\n");
  for (const { name, ns, bytes } of benches) {
    const line = [Math.min(...ns), median(ns), median(bytes)].map((value) => value.toFixed(0));
    process.stdout.write(
      `${name.padEnd(10)} ${line[0]?.padStart(9)} ${line[1]?.padStart(11)} ${line[2]?.padStart(12)}\n`,
    );
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

await main(process.argv.slice(2));
