/** A relay of raw QUIC between a client and backends in memory, for tests: what they hear, and what was counted. */
import assert from "node:assert/strict";
import { Fault, type FaultCode } from "../../src/base/fault.ts";
import { silentLog } from "../../src/base/log.ts";
import type { QuicOwner } from "../../src/proxy/quic/quic-owner.ts";
import { QuicRelay } from "../../src/proxy/relay/quic-relay.ts";
import type { QuicRelayCounter, QuicRelayCounters } from "../../src/proxy/relay/quic-relay-counters.ts";
import type {
  QuicRelayBackend,
  QuicRelayDialled,
  QuicRelayDialler,
} from "../../src/proxy/relay/quic-relay-link.ts";
import { MemoryGateway, NO_QUIC } from "./memory-gateway.ts";
import type { PlanSpec } from "./memory-plan.ts";
import { MemoryQuic, type MemoryQuicLink, type MemoryQuicOptions } from "./memory-quic.ts";
import { secureListener } from "./memory-tls.ts";
import { RawPeer } from "./raw-quic-peer.ts";

/** Far above what any exchange here takes. */
const MAX_ROUNDS = 10_000;

export class RelayTally implements QuicRelayCounters {
  readonly counts: Partial<Record<QuicRelayCounter, number>> = {};

  add(counter: QuicRelayCounter, amount: number): void {
    this.counts[counter] = this.get(counter) + amount;
  }

  get(counter: QuicRelayCounter): number {
    return this.counts[counter] ?? 0;
  }
}

export interface RelaySceneOptions {
  readonly client?: MemoryQuicOptions;
  readonly backend?: MemoryQuicOptions;
  readonly maxStreams?: number;
  readonly plan?: PlanSpec;
  /** Handshakes of backends wait for `backend().link`'s pair to be let go. */
  readonly hold?: boolean;
  /** Of attempts that cannot even begin; one each. */
  readonly refusals?: FaultCode[];
}

/** One connection of the gateway to a backend. */
interface Dialled {
  readonly net: MemoryQuic;
  readonly peer: RawPeer;
  readonly applicationProtocol: string;
}

export class RelayScene implements QuicRelayDialler {
  readonly gateway: MemoryGateway;
  readonly tally = new RelayTally();
  readonly front: MemoryQuic;
  readonly client: RawPeer;
  readonly dialled: Dialled[] = [];
  readonly relay: QuicRelay;
  attempts = 0;
  /** Who wants to know whether a port is closed; a test may tell them that it is. */
  readonly asking: (() => void)[] = [];
  releases = 0;
  readonly #options: RelaySceneOptions;

  constructor(options: RelaySceneOptions = {}) {
    this.#options = options;
    const quic = {
      ...NO_QUIC,
      askRefused: (_remote: object, refused: () => void) => void this.asking.push(refused),
    };
    const spec: PlanSpec = {
      services: { app: ["10.0.0.1:4433", "10.0.0.2:4433"] },
      ...options.plan,
      listener: { ...secureListener(), protocol: "tls", ...options.plan?.listener },
    };
    this.gateway = new MemoryGateway(spec, silentLog, quic);
    this.front = new MemoryQuic(options.client);
    this.client = new RawPeer(this.front.client);
    const { current } = this.gateway.socket;
    this.relay = new QuicRelay(
      {
        context: this.gateway.context,
        counters: this.tally,
        dialler: this,
        current,
        route: current.runtime.routes.find((route) => route?.plan.rule.kind === "all"),
        maxStreams: options.maxStreams ?? 256,
        connectTimeoutMs: 2000,
      },
      this.front.server,
    );
    this.front.server.owner = this.relay;
  }

  /** The backend that was dialled last, unless an earlier one is asked for. */
  backend(index = this.dialled.length - 1): RawPeer {
    const dialled = this.dialled[index];
    assert.ok(dialled !== undefined, "a backend was dialled");
    return dialled.peer;
  }

  get back(): MemoryQuic {
    return (this.dialled.at(-1) as Dialled).net;
  }

  dial(applicationProtocol: string, owner: QuicOwner): QuicRelayDialled {
    const backends = this.relay.route?.service.backends ?? [];
    const backend = (backends[this.attempts++ % backends.length] ?? null) as QuicRelayBackend | null;
    const refusal = this.#options.refusals?.shift();
    if (refusal !== undefined) return { backend, link: new Fault(refusal) };
    const net = new MemoryQuic(this.#options.backend);
    net.client.owner = owner;
    net.client.held = net.server.held = this.#options.hold === true;
    this.dialled.push({ net, peer: new RawPeer(net.server), applicationProtocol });
    return { backend, link: net.client };
  }

  released(): void {
    this.releases += 1;
  }

  /** The backend answers. */
  letGo(): void {
    const { client, server } = this.back;
    client.held = server.held = false;
    this.settle();
  }

  /** Everybody has their turns until nothing moves. */
  settle(): void {
    for (let round = 0; this.turns(this.links); round++) assert.ok(round < MAX_ROUNDS, "all come to rest");
  }

  get links(): MemoryQuicLink[] {
    const nets = [this.front, ...this.dialled.map(({ net }) => net)];
    return nets.flatMap(({ client, server }) => [client, server]);
  }

  turns(links: readonly MemoryQuicLink[]): boolean {
    let moved = false;
    for (const link of links) moved = link.turn() || moved;
    return moved;
  }

  /** Both connections are over, and nothing is left of the relay. */
  assertOver(): void {
    this.settle();
    assert.notEqual(this.client.closed, null);
    for (const { net } of this.dialled) assert.ok(net.client.closed, "the connection to the backend is over");
    assert.equal(this.tally.get("quic_modeb_connections"), 0);
    assert.equal(this.tally.get("quic_modeb_streams_active"), 0);
    assert.equal(this.releases, this.attempts, "every backend was let go");
    assert.equal(this.relay.abort(), false);
    this.gateway.stop();
  }
}

/** A relay whose both connections are established. */
export function relayScene(options: RelaySceneOptions = {}): RelayScene {
  const scene = new RelayScene(options);
  scene.settle();
  return scene;
}
