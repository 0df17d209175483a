/**
 * Where attacks take place: a gateway with a TLS listener and a plain one, if asked for one of QUIC beside it on
 * the same port, a good HTTP/1 backend and a rogue HTTP/2 one, and what has to hold whatever an attacker does: the worker lives on, its memory stays under a
 * cap, somebody else is served all the while, the right counter moves, and nothing is left afterwards.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { freePort } from "./addresses.ts";
import { Gateway, type CleanupScope } from "./gateway.ts";
import { type GatewayConfig, h1Listener } from "./gateway-config.ts";
import { type AttackerOptions, H2Attacker } from "./h2-attacker.ts";
import { H3Attacker } from "./h3-attacker.ts";
import { settings } from "./h3-dsl.ts";
import { Http2Client } from "./http2-client.ts";
import type { LogLine } from "./log-tail.ts";
import type { Metrics } from "./metrics.ts";
import { peakRssBytes, rssBytes } from "./processes.ts";
import { type DialOptions, QuicUsers } from "./quic-users.ts";
import { type BackendOptions, RecordingBackend } from "./recording-backend.ts";
import { RogueBackend } from "./rogue-backend.ts";
import { SecureSite } from "./secure-listener.ts";
import { pause, waitFor } from "./wait-for.ts";

type Block = Readonly<Record<string, unknown>>;

/**
 * What a worker may hold above what it held before the first attack, at its height and for good. An attack
 * was seen to add 20 MiB at most; the rest is JavaScript's young generation, and garbage of the attacks
 * before that has not been collected.
 */
const MAX_GROWTH_BYTES = 96 * 1024 * 1024;

/** "All state is gone 10 s after the attacker has left." */
const GONE_MS = 10_000;

/** Requests of the bystander before the first attack, so that what is compiled and grown once is not counted. */
const WARM_UP_REQUESTS = 300;

/** Between two requests of the bystander: it is to be served, not to be load. */
const BYSTANDER_PAUSE_MS = 5;

/** What is zero while nobody is connected. */
const STATE = [
  "connections_inflight",
  "h2_downstream_connections",
  "h2_downstream_streams",
  "h2_upstream_streams",
  "h3_downstream_connections",
  "h3_downstream_streams",
  "websocket_tunnels",
];

export interface SceneOptions {
  /** Keys of all listeners. */
  readonly listener?: Block;
  /** Keys of `[listeners.quic]`; default: there is no QUIC. */
  readonly quic?: Block;
  readonly config?: Omit<Partial<GatewayConfig>, "listeners">;
  readonly backend?: BackendOptions;
  /** The gateway's environment, beside the test's own. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Traces {
  /** Counters that the attack has to move, each by at least so much. */
  readonly counters?: Readonly<Record<string, number>>;
  /** A line that has to appear in the log. */
  readonly log?: (line: LogLine) => boolean;
}

export class AttackScene {
  readonly gateway: Gateway;
  readonly backend: RecordingBackend;
  /** Has every path that begins with `/rogue`. */
  readonly rogue: RogueBackend;
  readonly site: SecureSite;
  /** The port of TLS, and of QUIC. */
  readonly secure: number;
  readonly plain: number;
  #restingBytes = 0;

  static async start(scope: CleanupScope, options: SceneOptions = {}): Promise<AttackScene> {
    const backend = await RecordingBackend.start(options.backend);
    scope.after(() => backend.stop());
    const rogue = await RogueBackend.start(scope);
    const site = new SecureSite(scope);
    const [secure, plain] = [await freePort(), await freePort()];
    // Neither the age of a connection nor a listener's own cap is to end what a budget has to end.
    const { runtime, ...config } = options.config ?? {};
    const blocks = {
      ...config,
      listeners: [
        site.listener(secure, [backend.address], { name: "secure", ...options.listener }),
        h1Listener(plain, [backend.address], { name: "plain", ...options.listener }),
        ...(options.quic === undefined
          ? []
          : [site.quicListener(secure, [backend.address], options.quic, options.listener)]),
      ],
      routers: { rogue: { rule: "PathPrefix(`/rogue`)", service: "rogue" }, ...config.routers },
      services: {
        rogue: { backends: [{ address: rogue.address, protocol: "h2" }] },
        ...config.services,
      },
      runtime: { max_keepalive_requests: 0, ...runtime },
    };
    const gateway = await Gateway.start(scope, blocks, options.env === undefined ? {} : { env: options.env });
    const scene = new AttackScene(gateway, { backend, rogue, site }, { secure, plain });
    await scene.#warmUp();
    return scene;
  }

  private constructor(
    gateway: Gateway,
    { backend, rogue, site }: Pick<AttackScene, "backend" | "rogue" | "site">,
    ports: { readonly secure: number; readonly plain: number },
  ) {
    this.gateway = gateway;
    this.backend = backend;
    this.rogue = rogue;
    this.site = site;
    this.secure = ports.secure;
    this.plain = ports.plain;
  }

  async attacker(scope: CleanupScope, options: AttackerOptions): Promise<H2Attacker> {
    return await H2Attacker.connect(scope, options.tls ? this.secure : this.plain, options);
  }

  /** Clients of QUIC, from a socket of their own. */
  async users(scope: CleanupScope): Promise<QuicUsers> {
    return await QuicUsers.open(scope, this.site.authority.rootPem);
  }

  /** Somebody who speaks HTTP/3 frame by frame, on a connection whose control stream is open. */
  async h3Attacker(scope: CleanupScope, dial: DialOptions = {}): Promise<H3Attacker> {
    const attacker = await (await this.users(scope)).raw(this.secure, new H3Attacker(), dial);
    attacker.control(settings());
    return attacker;
  }

  /** A well-behaved client. */
  async client(scope: CleanupScope): Promise<Http2Client> {
    return await Http2Client.connect(scope, this.secure, { tls: {} });
  }

  /** Runs the attack, which closes what it opens when its scope ends, and checks all that has to hold. */
  async withstands(attack: (scope: CleanupScope) => Promise<void>, traces: Traces = {}): Promise<void> {
    const worker = this.#worker();
    const before = await this.gateway.scrape();
    const firstLine = this.gateway.log.lines.length;
    forgetPeak(worker);
    const bystander = await Bystander.start(this);
    const attackers = new Cleanups();
    try {
      await attack(attackers);
      await bystander.servedOnce();
    } finally {
      await attackers.run();
      await bystander.stop();
    }
    const grownBytes = peakRssBytes(worker) - this.#restingBytes;
    this.gateway.assertAlive();
    assert.equal(this.#worker(), worker, "the worker was replaced");
    assert.deepEqual(bystander.failures, [], "of somebody else's requests");
    assert.ok(grownBytes < MAX_GROWTH_BYTES, `the worker grew by ${(grownBytes / 1048576).toFixed(1)} MiB`);
    await this.#leftTraces(before, firstLine, traces);
    await this.nothingIsLeft();
  }

  /** Gauges of what clients and backends hold go back to zero, within the time that there is for it. */
  async nothingIsLeft(): Promise<void> {
    let left = "";
    const empty = (now: Metrics): boolean => {
      left = STATE.filter((name) => now.sum(name) !== 0).join(" ");
      return left === "";
    };
    await this.gateway.metric("that nothing is left", empty, GONE_MS).catch((error: unknown) => {
      throw new Error(`still there after ${GONE_MS} ms: ${left}`, { cause: error });
    });
  }

  async #leftTraces(before: Metrics, firstLine: number, { counters = {}, log }: Traces): Promise<void> {
    const wanted = Object.entries(counters);
    let missing = "";
    const moved = (now: Metrics): boolean => {
      missing = wanted
        .filter(([name, by]) => now.sum(name) - before.sum(name) < by)
        .map(([name]) => name)
        .join(" ");
      return missing === "";
    };
    await this.gateway.metric(`a trace in ${wanted.map(([name]) => name).join(" ")}`, moved);
    if (log === undefined) return;
    const { lines } = this.gateway.log;
    await waitFor("a line in the log", () => lines.slice(firstLine).some(log), {
      context: () => this.gateway.log.tail(),
    });
  }

  #worker(): number {
    const [worker] = this.gateway.workers();
    assert.ok(worker !== undefined, "no worker runs");
    return worker;
  }

  async #warmUp(): Promise<void> {
    const scope = new Cleanups();
    const client = await this.client(scope);
    for (let i = 0; i < WARM_UP_REQUESTS; i++) assert.equal((await client.get("/")).status, 200);
    await scope.run();
    await this.nothingIsLeft();
    this.#restingBytes = rssBytes(this.#worker());
  }
}

/** The line that tells why a connection with a client was ended. */
export function ended(reason: string): (line: LogLine) => boolean {
  return ({ fields }) =>
    fields["message"] === "an HTTP/2 connection with a client was ended" && fields["reason"] === reason;
}

/** Somebody else, on a connection of their own: one request after another while the attack runs. */
class Bystander {
  readonly failures: string[] = [];
  #served = 0;
  #stopping = false;
  readonly #scope: Cleanups;
  readonly #client: Http2Client;
  readonly #run: Promise<void>;

  static async start(scene: AttackScene): Promise<Bystander> {
    const scope = new Cleanups();
    return new Bystander(scope, await scene.client(scope));
  }

  private constructor(scope: Cleanups, client: Http2Client) {
    this.#scope = scope;
    this.#client = client;
    this.#run = this.#go();
  }

  /** One more answer comes. */
  async servedOnce(): Promise<void> {
    const before = this.#served;
    await waitFor("somebody else to be served", () => this.#served > before || this.failures.length > 0, {
      timeoutMs: 15_000,
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#run;
    await this.#scope.run();
  }

  async #go(): Promise<void> {
    while (!this.#stopping) {
      const status = await this.#client.get("/bystander").then(
        (answer) => String(answer.status),
        (error: unknown) => String(error),
      );
      if (status === "200") this.#served++;
      else if (this.failures.push(status) > 3) return;
      await pause(BYSTANDER_PAUSE_MS);
    }
  }
}

/** A scope that ends before its test does. */
export class Cleanups implements CleanupScope {
  readonly #cleanups: (() => Promise<void>)[] = [];

  after(cleanup: () => Promise<void>): void {
    this.#cleanups.push(cleanup);
  }

  async run(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).toReversed()) await cleanup();
  }
}

/** The kernel begins anew to note the most that the process had resident (proc(5), clear_refs). */
function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}
