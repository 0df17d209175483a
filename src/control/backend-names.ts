/**
 * The host names of the backends over reloads: looks up those of a new plan, then watches those of
 * the plan that went live. A cache has its settings for life, so new settings bring a new cache.
 */
import { isIP } from "node:net";
import type { GatewayConfig } from "./config/gateway-config.ts";
import { DnsCache, type DnsSettings } from "./dns.ts";
import type { DnsCounters } from "./metrics/control-metrics.ts";
import type { Timers } from "./timers.ts";

export interface ResolvedNames {
  /** By host name; empty where there is no answer. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** Why, by the names that have no address. */
  readonly failures: ReadonlyMap<string, string>;
}

export interface BackendNamesOptions {
  readonly changed: (host: string, addresses: readonly string[]) => void;
  readonly timers: Timers;
}

interface Watched {
  readonly settings: DnsSettings;
  readonly hosts: readonly string[];
  readonly cache: DnsCache;
}

export class BackendNames {
  readonly #options: BackendNamesOptions;
  #current: Watched | null = null;
  #prepared: Watched | null = null;
  /** What caches that are gone had counted. */
  #pastHits = 0;
  #pastMisses = 0;

  constructor(options: BackendNamesOptions) {
    this.#options = options;
  }

  /** Looks up every name of the configuration that the cache does not know. Never rejects. */
  async prepare(config: GatewayConfig): Promise<ResolvedNames> {
    const settings = settingsOf(config);
    const hosts = backendHosts(config);
    const { changed, timers } = this.#options;
    const kept = this.#current !== null && sameSettings(this.#current.settings, settings);
    const cache =
      kept && this.#current !== null ? this.#current.cache : new DnsCache({ settings, changed, timers });
    this.#prepared = { settings, hosts, cache };
    const addresses = await cache.resolveAll(hosts);
    const failures = new Map<string, string>();
    for (const host of hosts) {
      if (addresses[host]?.length === 0) failures.set(host, cache.failure(host) ?? "no addresses");
    }
    return { addresses, failures };
  }

  /** The names of the last `prepare` are those of the plan in effect. */
  commit(): void {
    const prepared = this.#prepared;
    if (prepared === null) return;
    if (this.#current !== null && this.#current.cache !== prepared.cache) this.#retire(this.#current.cache);
    this.#prepared = null;
    this.#current = prepared;
    prepared.cache.start(prepared.hosts);
  }

  stop(): void {
    this.#current?.cache.stop();
    this.#prepared?.cache.stop();
  }

  /** The numbers of all caches so far, for `/metrics`. */
  get counters(): DnsCounters {
    const counters = this.#current?.cache.counters;
    return {
      hits: this.#pastHits + (counters?.hits ?? 0),
      misses: this.#pastMisses + (counters?.misses ?? 0),
      entries: counters?.entries ?? 0,
    };
  }

  #retire(cache: DnsCache): void {
    this.#pastHits += cache.counters.hits;
    this.#pastMisses += cache.counters.misses;
    cache.stop();
  }
}

/** Every host name that a backend has; numeric addresses and Unix sockets need no look. */
export function backendHosts(config: GatewayConfig): string[] {
  const backends = [...config.listeners, ...Object.values(config.services)].flatMap(
    ({ backends: own }) => own,
  );
  const names = backends.filter(({ host, port }) => port !== -1 && isIP(host) === 0).map(({ host }) => host);
  return [...new Set(names)];
}

function settingsOf({ dns }: GatewayConfig): DnsSettings {
  return {
    refreshIntervalMs: dns.refresh_interval_ms,
    negativeTtlMs: dns.negative_ttl_ms,
    maxTtlMs: dns.max_ttl_ms,
    timeoutMs: dns.timeout_ms,
  };
}

function sameSettings(a: DnsSettings, b: DnsSettings): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
