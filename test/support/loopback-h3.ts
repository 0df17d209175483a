/**
 * HTTP/3 clients and a gateway that serves them over real QUIC on loopback, with backends in memory. Time stands
 * still for the gateway until `advance`; that of QUIC runs.
 */
import type { QuicClientContext } from "../../src/fastpath/quic-engine.ts";
import { openUdp } from "../../src/fastpath/open-udp.ts";
import type { QuicheClientContext } from "../../src/fastpath/quiche-context.ts";
import { Clock } from "../../src/base/clock.ts";
import { DownstreamH3 } from "../../src/proxy/downstream/downstream-h3.ts";
import { QuicPump } from "../../src/proxy/quic/quic-pump.ts";
import type { QuicConnection } from "../../src/proxy/quic/quic-connection.ts";
import { CodecH3Client } from "./codec-h3-client.ts";
import { MemoryGateway } from "./memory-gateway.ts";
import { MemoryH3Listener } from "./memory-h3-client.ts";
import type { PlanSpec } from "./memory-plan.ts";
import { udpAddress } from "./memory-udp.ts";
import { QuicWorld, SERVER_NAME, type TestClient, type TestListener, TRANSPORT } from "./quic-world.ts";
import { waitFor } from "./wait-for.ts";

export class LoopbackH3 {
  readonly gateway: MemoryGateway;
  readonly served: DownstreamH3[] = [];
  readonly links: QuicConnection[] = [];
  readonly #world: QuicWorld;
  readonly #context: QuicClientContext;
  #clients!: TestClient;
  #listener!: TestListener;

  private constructor(world: QuicWorld, spec: PlanSpec) {
    this.gateway = new MemoryGateway(spec);
    this.#world = world;
    this.#context = world.engine.client({
      transport: TRANSPORT,
      alpn: ["h3"],
      caPem: world.authority.rootPem,
      verifyPeer: true,
      serverName: SERVER_NAME,
      verifyName: SERVER_NAME,
      keyLogPath: "",
    });
    (this.#context as QuicheClientContext).config.enableEarlyData();
  }

  static async open(spec: PlanSpec = {}): Promise<LoopbackH3> {
    const clock = new Clock();
    const world = await QuicWorld.open(openUdp("net", clock), clock);
    const loopback = new LoopbackH3(world, spec);
    await loopback.#open();
    return loopback;
  }

  async #open(): Promise<void> {
    const world = this.#world;
    const { context } = this.gateway;
    const served = new MemoryH3Listener(this.gateway);
    const server = world.engine.server({
      transport: TRANSPORT,
      alpn: ["h3"],
      identity: world.authority.issue({ names: [SERVER_NAME] }),
      ticketKey: Buffer.alloc(48, 7),
      earlyData: true,
      keyLogPath: "",
    });
    // As in a worker: what a run has staged for the backends is sent behind it.
    const pump = new QuicPump({ defer: setImmediate, afterRun: () => this.gateway.transport.pump() });
    this.#listener = await world.listener(
      { ...world.environment(), pump },
      {
        settings: { earlyData: true },
        owner: {
          contextFor: () => server,
          onConnection: (link) => {
            const made = new DownstreamH3({ context, listener: served, link });
            this.links.push(link);
            this.served.push(made);
            return made;
          },
        },
      },
    );
    this.#clients = await world.client(world.environment(1));
  }

  /** A client whose handshake has begun. */
  readonly begin = (): CodecH3Client => {
    const client = new CodecH3Client();
    const remote = udpAddress("127.0.0.1", this.#listener.endpoint.port);
    const dial = { context: this.#context, transport: TRANSPORT, remote, serverName: SERVER_NAME };
    const link = this.#clients.endpoint.connect(dial, client);
    if (link === null) throw new Error("no connection");
    client.begin(link, this.#world.clock);
    return client;
  };

  readonly connect = async (): Promise<CodecH3Client> => {
    const client = this.begin();
    await waitFor("the handshake", () => client.established);
    return client;
  };

  close(): void {
    this.gateway.stop();
    this.#world.close();
  }
}
