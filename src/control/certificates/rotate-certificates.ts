/**
 * One rotation: every certificate is read again and goes live in a new generation of the running
 * configuration, or nothing changes. Asked for by SIGUSR1 and by the watch. Feature row A3.6.
 */
import type { Log } from "../../base/log.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import type { ControlMetrics } from "../metrics/control-metrics.ts";
import type { CertificateStore } from "./certificate-store.ts";
import type { Certificates } from "./certificates.ts";
import { CertificateError, type RotationFailure } from "./finding.ts";

export interface RotationParts {
  readonly certificates: Certificates;
  readonly metrics: ControlMetrics;
  readonly log: Log;
  /** The running one. */
  readonly config: GatewayConfig;
  /** Takes the running configuration over with these; returns the number of its generation. */
  readonly apply: (store: CertificateStore) => Promise<number>;
}

/** Rejects when it failed; it has been logged and counted then. Returns whether anything was new. */
export async function rotateCertificates(parts: RotationParts): Promise<boolean> {
  const { certificates, metrics, log, config, apply } = parts;
  try {
    const { store, findings } = certificates.load(config);
    for (const { message, hint } of findings) log.warn(hint === undefined ? {} : { hint }, message);
    const renewed = certificates.isNew(store);
    const generation = renewed ? await apply(store) : 0;
    metrics.certRotationsSucceeded += 1;
    if (renewed) log.info({ generation }, "certificates rotated");
    else log.info({}, "certificates read again: nothing changed");
    return renewed;
  } catch (error) {
    const reason: RotationFailure = error instanceof CertificateError ? error.reason : "refused";
    metrics.certRotationFailed(reason);
    const problem = error instanceof Error ? error.message : String(error);
    log.error({ reason, problem }, "rotation refused: the certificates in use stay");
    throw error;
  }
}
