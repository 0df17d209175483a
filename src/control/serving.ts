/**
 * What the gateway serves: one configuration at a time, taken over as a whole or not at all. Reads
 * certificates, looks names up, builds the plan, binds the admin listener and has the data plane prepare; only when all of
 * that has worked, everything swaps. Start and reload are the same act.
 */
import { open } from "node:fs/promises";
import type { Log } from "../base/log.ts";
import type { Plan } from "../proxy/plan.ts";
import type { AdminSource } from "./admin/admin-routes.ts";
import { AdminServer } from "./admin/admin-server.ts";
import { BackendNames, type ResolvedNames } from "./backend-names.ts";
import type { CertificateStore } from "./certificates/certificate-store.ts";
import { Certificates } from "./certificates/certificates.ts";
import { parseListenAddress } from "./config/address.ts";
import type { GatewayConfig } from "./config/gateway-config.ts";
import type { Core } from "./core.ts";
import type { Ports } from "./data-plane-host.ts";
import { buildPlan } from "./plan/build-plan.ts";
import { SeriesRetirement } from "./series-retirement.ts";
import type { Timers } from "./timers.ts";

export interface ServingOptions {
  readonly core: Core;
  readonly admin: Omit<AdminSource, "tokenHash" | "metrics">;
  readonly timers: Timers;
  readonly log: (component: string) => Log;
  /** The NSS key log of TLS connections; empty: none. */
  readonly keyLogPath: string;
  /** Files of certificates that are watched have changed. */
  readonly certificatesChanged: () => void;
}

export interface Applied {
  readonly config: GatewayConfig;
  readonly plan: Plan;
  readonly ports: Ports;
}

/** Requests hold personal data: readable for the group at most. */
const ACCESS_LOG_MODE = 0o640;

/** The gateway began to end while a configuration was being prepared. */
export class NotWantedAnyMore extends Error {
  override readonly name = "NotWantedAnyMore";
}

/** The admin listener that a configuration asks for: a new one, the running one, or none. */
interface AdminChoice {
  readonly bind: string | undefined;
  readonly server: AdminServer | null;
}

/** What is to be taken over. */
interface Wish {
  readonly config: GatewayConfig;
  readonly generation: number;
  readonly names: ResolvedNames;
  readonly certificates: CertificateStore;
  readonly wanted: () => boolean;
}

/** What only has to be swapped in. */
interface Ready {
  readonly plan: Plan;
  readonly admin: AdminChoice;
  readonly ports: Ports;
}

export class Serving {
  readonly certificates: Certificates;
  readonly #options: ServingOptions;
  readonly #names: BackendNames;
  readonly #adminSource: AdminSource;
  readonly #retirement: SeriesRetirement;
  #admin: AdminChoice = { bind: undefined, server: null };
  /** The configuration whose token counts: before the first one is in effect, that one already. */
  #tokenConfig: GatewayConfig | null = null;
  #applied: Applied | null = null;

  constructor(options: ServingOptions) {
    const { core, timers, admin, log, keyLogPath } = options;
    this.#options = options;
    this.certificates = new Certificates({
      timers,
      keyLogPath,
      metrics: core.metrics,
      log: log("certificates"),
      setTicketKeys: (listener, keys) => core.host.setTicketKeys(listener, keys),
      filesChanged: options.certificatesChanged,
    });
    this.#names = new BackendNames({
      timers,
      changed: (host, addresses) => this.#addressesChanged(host, addresses),
    });
    core.metrics.dnsCounters = () => this.#names.counters;
    this.#retirement = new SeriesRetirement(core.registry, timers);
    const tokenHash = (): string | undefined => this.#tokenConfig?.admin.api_token_hash;
    this.#adminSource = {
      get status() {
        return admin.status;
      },
      get tokenHash() {
        return tokenHash();
      },
      metrics: () => this.metrics(),
    };
  }

  /** What is in effect; null before the start has worked. */
  get applied(): Applied | null {
    return this.#applied;
  }

  /** The real port of the admin listener; 0: there is none. */
  get adminPort(): number {
    return this.#admin.server?.port ?? 0;
  }

  /** Text in the Prometheus exposition format. */
  metrics(): Promise<string> {
    return this.#options.core.exposition.scrape();
  }

  /**
   * Takes a configuration over with what its files hold. Rejects when it cannot be served, or `wanted`
   * says no by then; nothing has changed in that case.
   */
  async apply(
    config: GatewayConfig,
    certificates: CertificateStore,
    wanted: () => boolean,
  ): Promise<Applied> {
    const { core } = this.#options;
    const generation = (this.#applied?.plan.generation ?? 0) + 1;
    this.#tokenConfig ??= config;
    const names = await this.#names.prepare(config);
    const { plan, admin, ports } = await this.#ready({ config, generation, names, certificates, wanted });
    await core.host.commit(generation);
    this.#applied = { config, plan, ports };
    this.#tokenConfig = config;
    this.#names.commit();
    this.certificates.commit(config, certificates);
    this.#retirement.live(generation);
    await this.#swapAdmin(admin);
    this.#warnOfNames(names);
    return this.#applied;
  }

  /** Ends everything but the data plane, which is the host's to stop. */
  async close(): Promise<void> {
    this.#names.stop();
    this.certificates.stop();
    await this.#admin.server?.close();
    this.#admin = { bind: undefined, server: null };
  }

  /** All that can fail. When it does, nothing is left of it, not even its series. */
  async #ready({ config, generation, names, certificates, wanted }: Wish): Promise<Ready> {
    const { registry } = this.#options.core;
    let admin = this.#admin;
    try {
      const plan = buildPlan({
        config,
        generation,
        registry,
        resolved: names.addresses,
        certificates,
        ticketKeys: (listener) => this.certificates.ticketKeys.of(listener),
        quicKeys: (listener) => this.certificates.retrySecrets.keysOf(listener, certificates),
        keyLogPath: this.certificates.keyLogPath,
      });
      await tryAccessLog(config);
      admin = await this.#chooseAdmin(config);
      return { plan, admin, ports: await this.#prepare(plan, config, wanted) };
    } catch (error) {
      registry.abandon(generation);
      if (admin.server !== this.#admin.server) await admin.server?.close();
      throw error;
    }
  }

  async #prepare(plan: Plan, config: GatewayConfig, wanted: () => boolean): Promise<Ports> {
    const { host } = this.#options.core;
    if (!wanted()) throw new NotWantedAnyMore("the gateway is ending");
    const ports = await host.prepare(plan, config.runtime.workers);
    if (wanted()) return ports;
    await host.abort(plan.generation);
    throw new NotWantedAnyMore("the gateway is ending");
  }

  async #chooseAdmin(config: GatewayConfig): Promise<AdminChoice> {
    const bind = config.observability.metrics_bind;
    if (bind === this.#admin.bind) return this.#admin;
    if (bind === undefined) return { bind, server: null };
    const address = parseListenAddress(bind);
    if (!("port" in address)) throw new Error(`metrics_bind: ${address.message}`);
    try {
      const server = await AdminServer.listen(address, this.#adminSource, this.#options.log("admin"));
      return { bind, server };
    } catch (error) {
      throw new Error(`admin listener: cannot bind ${bind}: ${(error as NodeJS.ErrnoException).code}`, {
        cause: error,
      });
    }
  }

  async #swapAdmin(admin: AdminChoice): Promise<void> {
    const old = this.#admin;
    this.#admin = admin;
    if (old.server === admin.server) return;
    if (admin.server !== null) {
      this.#options
        .log("admin")
        .info({ address: admin.bind, port: admin.server.port }, "admin listener open");
    }
    await old.server?.close();
  }

  #addressesChanged(host: string, addresses: readonly string[]): void {
    this.#options.log("dns").info({ host, addresses }, "the addresses of a backend's name changed");
    this.#options.core.host.setAddresses(host, addresses);
  }

  #warnOfNames({ failures }: ResolvedNames): void {
    for (const [host, reason] of failures) {
      this.#options
        .log("dns")
        .warn({ host, reason }, "the name of a backend does not resolve: it gets no requests");
    }
  }
}

/** Opens the access log as each worker will: a path that cannot be written is to be found out before the swap. */
async function tryAccessLog({ observability }: GatewayConfig): Promise<void> {
  const { enabled, path } = observability.access_log;
  if (!enabled || path === "stdout" || path === "stderr") return;
  try {
    const file = await open(path, "a", ACCESS_LOG_MODE);
    await file.close();
  } catch (error) {
    throw new Error(`access log: cannot open ${path}: ${(error as NodeJS.ErrnoException).code}`, {
      cause: error,
    });
  }
}
