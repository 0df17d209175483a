/** The plan of a configuration, with the certificates of golden files, for tests of plans and of those who take them. */
import assert from "node:assert/strict";
import { loadCertificates } from "../../src/control/certificates/load-certificates.ts";
import { deriveQuicKeys } from "../../src/control/certificates/quic-keys.ts";
import { parseConfig } from "../../src/control/config/parse-config.ts";
import { SeriesRegistry } from "../../src/control/metrics/series-registry.ts";
import { buildPlan } from "../../src/control/plan/build-plan.ts";
import { TICKET_KEY_BYTES } from "../../src/fastpath/tls.ts";
import type { Plan } from "../../src/proxy/plan.ts";
import { RETRY_KEY_BYTES } from "../../src/wire/quic/retry-token.ts";
import { goldenFiles } from "../config/golden-files.ts";

/** Room for plans that are larger than the memory of a gateway. */
const SLOTS = 10_000_000;

export const TICKET_KEY = new Uint8Array(TICKET_KEY_BYTES).fill(1);
export const QUIC_KEYS = deriveQuicKeys([new Uint8Array(RETRY_KEY_BYTES).fill(2)]);
/** A file that everybody may write to, as workers that are given such a plan open it. */
export const KEY_LOG_PATH = "/dev/null";

export function planFromToml(toml: string, files = goldenFiles()): Plan {
  const { config, issues } = parseConfig(toml, { file: "t", env: {}, certificates: { files } });
  assert.ok(config !== undefined, JSON.stringify(issues));
  return buildPlan({
    config,
    generation: 1,
    registry: new SeriesRegistry({ clearSlots: () => {}, slots: SLOTS }),
    resolved: {},
    certificates: loadCertificates(config, { files }).store,
    ticketKeys: () => [TICKET_KEY],
    quicKeys: () => QUIC_KEYS,
    keyLogPath: KEY_LOG_PATH,
  });
}
