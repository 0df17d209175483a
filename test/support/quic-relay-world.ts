/** A relay of raw QUIC on real engines and UDP, for tests: a client, the gateway's two endpoints, and a backend. */
import { Fault } from "../../src/base/fault.ts";
import type { QuicClientEndpoint, QuicDial } from "../../src/proxy/quic/client-endpoint.ts";
import type { QuicConnection } from "../../src/proxy/quic/quic-connection.ts";
import { QuicRelay } from "../../src/proxy/relay/quic-relay.ts";
import { relayTransport } from "../../src/proxy/relay/quic-relay-limits.ts";
import type { QuicRelayBackend, QuicRelayDialler } from "../../src/proxy/relay/quic-relay-link.ts";
import type { WorkerContext } from "../../src/proxy/worker-context.ts";
import { MemoryGateway } from "./memory-gateway.ts";
import { RelayTally } from "./memory-quic-relay.ts";
import { secureListener } from "./memory-tls.ts";
import { udpAddress } from "./memory-udp.ts";
import type { NotingOwner } from "./quic-owners.ts";
import { type QuicWorld, SERVER_NAME, type TestListener, TRANSPORT } from "./quic-world.ts";
import { waitFor } from "./wait-for.ts";

const MAX_STREAMS = 256;

/** As a listener with the defaults has them. */
const TRANSPORT_OF_RELAY = relayTransport({
  maxIdleTimeoutMs: 10_000,
  maxPayloadBytes: 1350,
  maxStreams: MAX_STREAMS,
  maxQueuedDatagrams: 1024,
});

export interface RelayWorldOptions {
  /** Of the two ends beyond the gateway; `TRANSPORT` unless told otherwise. */
  readonly ends?: Partial<typeof TRANSPORT>;
  /** Of the gateway's; as a listener with the defaults has them, unless told otherwise. */
  readonly gateway?: Partial<typeof TRANSPORT_OF_RELAY>;
  readonly serve?: (backend: NotingOwner) => void;
  readonly connectTimeoutMs?: number;
  /** Authorities that backends are verified with, instead of the world's. */
  readonly caPem?: string;
  /** Where backends are dialled instead. */
  readonly backendPort?: number;
}

export class RelayWorld {
  readonly tally = new RelayTally();
  readonly relays: QuicRelay[] = [];
  readonly gateway = new MemoryGateway({ listener: { ...secureListener(), protocol: "tls" } });
  readonly world: QuicWorld;
  readonly backends: TestListener;
  readonly #options: RelayWorldOptions;
  readonly #transport: typeof TRANSPORT_OF_RELAY;

  private constructor(world: QuicWorld, backends: TestListener, options: RelayWorldOptions) {
    this.world = world;
    this.backends = backends;
    this.#options = options;
    this.#transport = { ...TRANSPORT_OF_RELAY, ...options.gateway };
  }

  static async open(world: QuicWorld, options: RelayWorldOptions = {}): Promise<RelayWorld> {
    const transport = { ...TRANSPORT, ...options.ends };
    const { serve = () => {} } = options;
    const backends = await world.listener(world.environment(2), { serve, settings: { transport } });
    return new RelayWorld(world, backends, options);
  }

  get relay(): QuicRelay {
    const relay = this.relays.at(-1);
    if (relay === undefined) throw new Error("no client has come");
    return relay;
  }

  get backend(): NotingOwner {
    const backend = this.backends.served.at(-1);
    if (backend === undefined) throw new Error("no backend was reached");
    return backend;
  }

  /** A client whose handshake is done; its backend's may not be. */
  async client(): Promise<NotingOwner> {
    const { world } = this;
    const environment = world.environment(1);
    const upstream = await world.client(environment, this.#transport);
    const context = { ...this.gateway.context, clock: world.clock, wheel: environment.wheel };
    const front = await world.listener(environment, {
      settings: { transport: this.#transport },
      owner: { onConnection: (link) => this.#relayOf(link, context, upstream.endpoint) },
    });
    const clients = await world.client(world.environment(3), { ...TRANSPORT, ...this.#options.ends });
    const client = clients.connect(udpAddress("127.0.0.1", front.endpoint.port));
    await waitFor("the client's handshake", () => client.established);
    return client;
  }

  async connected(): Promise<{ readonly client: NotingOwner; readonly backend: NotingOwner }> {
    const client = await this.client();
    await waitFor("the backend", () => this.backends.served.length > 0 && this.backend.established);
    return { client, backend: this.backend };
  }

  #relayOf(link: QuicConnection, context: WorkerContext, upstream: QuicClientEndpoint): QuicRelay {
    const { current } = this.gateway.socket;
    const route = current.runtime.routes.find((candidate) => candidate?.plan.rule.kind === "all");
    const backend = route?.service.backends[0] as QuicRelayBackend;
    const dialler: QuicRelayDialler = {
      dial: (protocol, owner) => ({
        backend,
        link: upstream.connect(this.#dialOf(protocol), owner) ?? new Fault("connect_failed"),
      }),
      released: () => {},
    };
    const { connectTimeoutMs = 5000 } = this.#options;
    const counters = this.tally;
    const relay = new QuicRelay(
      { context, counters, dialler, current, route, maxStreams: MAX_STREAMS, connectTimeoutMs },
      link,
    );
    this.relays.push(relay);
    return relay;
  }

  #dialOf(protocol: string): QuicDial {
    const { world } = this;
    const { backendPort = this.backends.endpoint.port, caPem = world.authority.rootPem } = this.#options;
    const context = world.engine.client({
      transport: this.#transport,
      alpn: [protocol],
      caPem,
      verifyPeer: true,
      serverName: SERVER_NAME,
      verifyName: SERVER_NAME,
      keyLogPath: "",
    });
    const remote = udpAddress("127.0.0.1", backendPort);
    return { context, transport: this.#transport, remote, serverName: SERVER_NAME };
  }
}
