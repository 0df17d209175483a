/**
 * The upstream side of a gateway with real QUIC connections to HTTP/3 backends: `MemoryGateway` with a
 * client endpoint of `QuicWorld`. The gateway's own clock stands still until `advance`; QUIC's runs.
 */
import { Clock } from "../../src/base/clock.ts";
import { type Log, silentLog } from "../../src/base/log.ts";
import { nativeAddon } from "../../src/fastpath/native-addon.ts";
import { openUdp } from "../../src/fastpath/open-udp.ts";
import { H3_BACKEND_TRANSPORT } from "../../src/control/plan/quic-transport.ts";
import { UdpRefusals } from "../../src/fastpath/udp-refusals.ts";
import type { QuicClientSettings, QuicTransportSettings } from "../../src/fastpath/quic-engine.ts";
import type { QuicClients } from "../../src/proxy/quic/quic-clients.ts";
import { H3Backend, type H3BackendOptions } from "./h3-backend.ts";
import { MemoryGateway } from "./memory-gateway.ts";
import type { PlanSpec } from "./memory-plan.ts";
import { QuicWorld, type TestClient } from "./quic-world.ts";

/** Whether a port that nobody listens on is told of: the twin on node:dgram is not. */
export const TELLS_UNREACHABLE = nativeAddon() !== null;

export class H3Scene {
  readonly world: QuicWorld;
  readonly client: TestClient;
  /** Connections that were dialled. */
  dialled = 0;
  /** What the gateway trusts; the world's authority unless set. */
  caPem: string;
  /** Of connections to backends; what a plan has unless set. */
  transport: QuicTransportSettings = H3_BACKEND_TRANSPORT;
  /** Changes to what the engine is asked for. */
  settings: Partial<QuicClientSettings> = {};
  readonly #gateways: MemoryGateway[] = [];
  readonly #refusals = new UdpRefusals();

  private constructor(world: QuicWorld, client: TestClient) {
    this.world = world;
    this.client = client;
    this.caPem = world.authority.rootPem;
  }

  static async open(): Promise<H3Scene> {
    const clock = new Clock();
    const world = await QuicWorld.open(openUdp(TELLS_UNREACHABLE ? "epoll" : "net", clock), clock);
    return new H3Scene(world, await world.client(world.environment(1)));
  }

  backend(options: H3BackendOptions = {}): Promise<H3Backend> {
    return H3Backend.open(this.world, options);
  }

  /** A gateway whose first service has these backends. */
  gateway(backends: readonly string[], spec: PlanSpec = {}, log: Log = silentLog): MemoryGateway {
    const gateway = new MemoryGateway({ services: { app: backends }, ...spec }, log, this.#clients());
    this.#gateways.push(gateway);
    return gateway;
  }

  close(): void {
    for (const gateway of this.#gateways) gateway.stop();
    this.#refusals.close();
    this.world.close();
  }

  #clients(): QuicClients {
    const transport = (): QuicTransportSettings => this.transport;
    return {
      context: (settings) => {
        const caPem = settings.caPem === "" ? this.caPem : settings.caPem;
        return this.world.engine.client({ ...settings, transport: transport(), caPem, ...this.settings });
      },
      connect: (dial, owner) => {
        this.dialled += 1;
        return this.client.endpoint.connect({ ...dial, transport: transport() }, owner);
      },
      askRefused: (remote, refused) => this.#refusals.ask(remote, refused),
    };
  }
}
