/**
 * Runs all Http11Probe cases through a running gateway with a recording origin behind it. Cases are
 * dealt to lanes, each a listener with an origin of its own, so that what an origin got belongs to
 * one case.
 */
import { loadCases, type ProbeCase } from "./gateway-cases.ts";
import { play } from "./gateway-exchange.ts";
import { describe, judgeForwarding, judgeOf } from "./gateway-expectations.ts";
import { origin } from "./gateway-origin.ts";
import { freePort } from "../../test/support/addresses.ts";
import { Gateway, type CleanupScope } from "../../test/support/gateway.ts";
import { h1Listener } from "../../test/support/gateway-config.ts";
import { RecordingBackend } from "../../test/support/recording-backend.ts";

export interface CaseResult {
  readonly id: string;
  /** What failed; undefined when the case passed. */
  readonly problem: string | undefined;
}

const LANES = 8;

interface Lane {
  readonly port: number;
  readonly backend: RecordingBackend;
}

/** Runs the cases of the file through a gateway that it starts; results in the order of the file. */
export async function runGatewayProbe(file: URL, scope: CleanupScope): Promise<CaseResult[]> {
  const cases = loadCases(file);
  const lanes = await startLanes(scope);
  const gateway = await Gateway.start(scope, {
    listeners: lanes.map(({ port, backend }, index) =>
      h1Listener(port, [backend.address], {
        name: `lane${index}`,
        http: {
          header_timeout_ms: 1000,
          body_timeout_ms: 1000,
          head_timeout_ms: 2000,
          total_timeout_ms: 5000,
        },
      }),
    ),
  });
  const results = await runInLanes(cases, lanes);
  gateway.assertAlive();
  await gateway.stop();
  return results;
}

async function startLanes(scope: CleanupScope): Promise<Lane[]> {
  const lanes: Lane[] = [];
  for (let i = 0; i < LANES; i++) {
    const backend = await RecordingBackend.start({ script: origin });
    scope.after(() => backend.stop());
    lanes.push({ port: await freePort(), backend });
  }
  return lanes;
}

/** Each lane takes the next case until none is left. */
export async function runInLanes(cases: readonly ProbeCase[], lanes: readonly Lane[]): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  let next = 0;
  const work = async (lane: Lane): Promise<void> => {
    for (let index = next++; index < cases.length; index = next++) {
      const testCase = cases[index];
      if (testCase !== undefined) results[index] = await runCase(testCase, lane);
    }
  };
  await Promise.all(lanes.map(work));
  return results;
}

async function runCase(testCase: ProbeCase, lane: Lane): Promise<CaseResult> {
  const seen = await play(testCase, lane.port, lane.backend);
  const problem = judgeOf(testCase.id, testCase.expected)(seen) ?? judgeForwarding(seen);
  return { id: testCase.id, problem: problem === undefined ? undefined : `${problem} (${describe(seen)})` };
}
