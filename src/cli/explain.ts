/**
 * `explain FILE METHOD URL`: which listener, route, service and backends would take a request, and why not
 * another route. Reads and plans the file as `check` does, and asks the data plane's own code; nothing is
 * opened, resolved or sent. Exit codes: 0 a route takes it, 1 the file cannot be used, 2 the question is
 * wrong, 3 no route takes it. Feature row B12.
 */
import { CertificateError } from "../control/certificates/finding.ts";
import { loadCertificates } from "../control/certificates/load-certificates.ts";
import { ConfigError, readConfig } from "../control/config-source.ts";
import { explainRequest } from "../control/explain/explain-request.ts";
import type { Outcome } from "../control/explain/explanation.ts";
import { MetricsBudgetError } from "../control/metrics/metrics-budget-error.ts";
import { trialPlan } from "../control/plan/trial-plan.ts";
import type { Plan } from "../proxy/plan.ts";
import type { ExplainCommand } from "./explain-arguments.ts";
import { explanationText } from "./explanation-text.ts";
import { print } from "./print.ts";

const EXIT_TAKEN = 0;
const EXIT_UNUSABLE = 1;
const EXIT_USAGE = 2;
const EXIT_NOT_TAKEN = 3;

export async function runExplain({ file, asked, showAll, json }: ExplainCommand): Promise<number> {
  const plan = await planOf(file);
  if (plan === null) return EXIT_UNUSABLE;
  const explanation = explainRequest(plan, asked, showAll);
  if (typeof explanation === "string") {
    print(`expressgateway: ${explanation}\n`, process.stderr);
    return EXIT_USAGE;
  }
  print(json ? `${JSON.stringify(explanation, null, 2)}\n` : explanationText(explanation));
  return exitCode(explanation.outcome);
}

async function planOf(file: string): Promise<Plan | null> {
  try {
    const { config } = await readConfig(file, process.env);
    return trialPlan(config, loadCertificates(config).store);
  } catch (error) {
    if (!USER_ERRORS.some((kind) => error instanceof kind) || !(error instanceof Error)) throw error;
    print(`${error.message}\n`, process.stderr);
    return null;
  }
}

const USER_ERRORS = [ConfigError, MetricsBudgetError, CertificateError];

function exitCode(outcome: Outcome): number {
  switch (outcome.kind) {
    case "route":
      return EXIT_TAKEN;
    case "relay":
      return outcome.route === null ? EXIT_NOT_TAKEN : EXIT_TAKEN;
    case "refused":
    case "health":
    case "unreachable":
      return EXIT_NOT_TAKEN;
  }
}
