/**
 * The certificates of a gateway from start to end: which are in use, the keys of session tickets and
 * of QUIC, the watch over the files. `serving.ts` has it load before a plan is made, and tells it what went live.
 */
import type { Log } from "../../base/log.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { ControlMetrics } from "../metrics/control-metrics.ts";
import type { Timers } from "../timers.ts";
import type { CertificateStore, LoadedCertificate } from "./certificate-store.ts";
import { FileWatch } from "./file-watch.ts";
import { type Inspected, loadCertificates } from "./load-certificates.ts";
import { mintMissingSecrets } from "./mint-secret.ts";
import { watchedPaths } from "./named-files.ts";
import { RetrySecrets } from "./quic-keys.ts";
import { TicketKeys } from "./ticket-keys.ts";

export interface CertificatesOptions {
  readonly timers: Timers;
  readonly metrics: ControlMetrics;
  readonly log: Log;
  readonly setTicketKeys: (listenerAddress: string, keys: readonly Uint8Array[]) => void;
  /** Watched files have changed. */
  readonly filesChanged: () => void;
  /** Where the NSS key log goes; empty: nowhere. */
  readonly keyLogPath: string;
}

export class Certificates {
  readonly keyLogPath: string;
  readonly ticketKeys: TicketKeys;
  readonly retrySecrets = new RetrySecrets();
  readonly #options: CertificatesOptions;
  readonly #watch: FileWatch;
  #live: CertificateStore | null = null;

  constructor(options: CertificatesOptions) {
    const { timers, metrics, setTicketKeys, filesChanged } = options;
    this.#options = options;
    this.keyLogPath = options.keyLogPath;
    this.ticketKeys = new TicketKeys({
      timers,
      changed: setTicketKeys,
      rotated: () => (metrics.ticketKeyRotations += 1),
    });
    this.#watch = new FileWatch({ timers, changed: filesChanged });
  }

  /** Reads all files of a configuration, and makes the secrets that are not there. Throws `CertificateError`. */
  load(config: GatewayConfig): Inspected {
    mintMissingSecrets(config, this.#options.log);
    return loadCertificates(config);
  }

  /** Whether the files hold something else than what is in use. */
  isNew(store: CertificateStore): boolean {
    return store.digest !== this.#live?.digest;
  }

  /** The configuration went live with these. */
  commit(config: GatewayConfig, store: CertificateStore): void {
    const { metrics, log } = this.#options;
    const before = new Set(this.#live?.certificates.map(keyOf));
    for (const certificate of store.certificates) {
      if (!before.has(keyOf(certificate))) log.info(describe(certificate), "certificate loaded");
    }
    this.#live = store;
    metrics.certificates = store.certificates;
    metrics.certificatesLoadedMs = Date.now();
    this.ticketKeys.adopt(config);
    this.retrySecrets.adopt(config, store);
    this.#watch.adopt(watchedPaths(config));
  }

  /** The key log makes everything readable that is sent: nobody is to have it without knowing. */
  warnOfKeyLog(): void {
    if (this.keyLogPath === "") return;
    const warning =
      "SSLKEYLOGFILE is set: the secrets of every TLS connection are written to this file. Whoever has it can read all traffic";
    this.#options.log.warn({ path: this.keyLogPath }, warning);
  }

  stop(): void {
    this.ticketKeys.stop();
    this.#watch.stop();
  }
}

function keyOf({ listener, path, fingerprint }: LoadedCertificate): string {
  return JSON.stringify([listener, path, fingerprint]);
}

function describe({ listener, path, names, notAfterMs, fingerprint }: LoadedCertificate): object {
  const not_after = new Date(notAfterMs).toISOString();
  const owner = listener === "" ? { for: "backends" } : { listener };
  return { ...owner, path, names, not_after, sha256: fingerprint };
}
