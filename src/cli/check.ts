/**
 * `check FILE`: everything short of serving. Reads and validates the file and its certificates, compiles
 * the plan against the metric budget, resolves the names of the backends, and prints what would be
 * served. Exit code 0 or 1. A name that does not resolve is a warning, because the gateway starts with
 * it, too: the name may appear later, and until then the backend gets no requests. Feature row A1.3.
 */
import { BackendNames } from "../control/backend-names.ts";
import type { CertificateStore } from "../control/certificates/certificate-store.ts";
import { CertificateError } from "../control/certificates/finding.ts";
import { loadCertificates } from "../control/certificates/load-certificates.ts";
import { ConfigError, readConfig, type ReadConfig } from "../control/config-source.ts";
import { MetricsBudgetError } from "../control/metrics/metrics-budget-error.ts";
import { trialPlan } from "../control/plan/trial-plan.ts";
import { systemTimers } from "../control/timers.ts";
import { print } from "./print.ts";
import { summarize } from "./summary.ts";

export async function runCheck(file: string): Promise<number> {
  try {
    const read = await readConfig(file, process.env);
    const certificates = loadCertificates(read.config).store;
    // Some things only show when the plan is made.
    trialPlan(read.config, certificates);
    await report(file, read, certificates);
    return 0;
  } catch (error) {
    if (!USER_ERRORS.some((kind) => error instanceof kind) || !(error instanceof Error)) throw error;
    print(`${error.message}\n`, process.stderr);
    print(`${file}: not usable\n`);
    return 1;
  }
}

/** What is wrong with a file, or was when it was looked at again; anything else is our own mistake. */
const USER_ERRORS = [ConfigError, MetricsBudgetError, CertificateError];

async function report(
  file: string,
  { config, warnings, renderedWarnings }: ReadConfig,
  { certificates }: CertificateStore,
): Promise<void> {
  print(renderedWarnings, process.stderr);
  const names = new BackendNames({ changed: () => {}, timers: systemTimers });
  const { failures } = await names.prepare(config);
  names.stop();
  for (const [host, reason] of failures) {
    print(`${file}: warning: the name "${host}" of a backend does not resolve: ${reason}\n`, process.stderr);
  }
  const count = warnings.length + failures.size;
  const verdict = count === 0 ? "OK" : `OK, with ${count} warning${count === 1 ? "" : "s"}`;
  print(`${file}: ${verdict}\n\n${summarize(config, certificates)}`);
}
