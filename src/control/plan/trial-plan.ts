/**
 * The plan of a configuration that is not served: for `check`, which wants to know whether it can be made,
 * and for explanations, which look at it. Keys are not real ones, host names are not resolved.
 */
import { RETRY_KEY_BYTES } from "../../wire/quic/retry-token.ts";
import type { Plan } from "../../proxy/plan.ts";
import type { CertificateStore } from "../certificates/certificate-store.ts";
import { deriveQuicKeys } from "../certificates/quic-keys.ts";
import type { GatewayConfig } from "../config/gateway-config.ts";
import { SeriesRegistry } from "../metrics/series-registry.ts";
import { buildPlan } from "./build-plan.ts";

/** Throws `MetricsBudgetError`. */
export function trialPlan(config: GatewayConfig, certificates: CertificateStore): Plan {
  return buildPlan({
    config,
    generation: 1,
    registry: new SeriesRegistry({ clearSlots: () => {} }),
    resolved: {},
    certificates,
    ticketKeys: () => [],
    // The file of the secret may not be there yet, and it is not for a check to make it.
    quicKeys: () => deriveQuicKeys([new Uint8Array(RETRY_KEY_BYTES)]),
    keyLogPath: "",
  });
}
