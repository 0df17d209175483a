/**
 * `npm run conformance -- h1`: runs the suites of a protocol against its vectors and ends with a line
 * `N passed, N failed`. Vectors come from outside and are not part of the repository: where they are
 * absent the suite is skipped, loudly and counted.
 */
import { existsSync } from "node:fs";
import { runCodecLlhttp } from "./h1/codec-llhttp.ts";
import { runCodecProbe } from "./h1/codec-probe.ts";
import { runGatewayProbe, type CaseResult } from "./h1/gateway-probe.ts";
import { readWaivers, type Waivers } from "./waivers.ts";
import type { CleanupScope } from "../test/support/gateway.ts";

/** Beside the root of the project; another place can be named in CONFORMANCE_VECTORS. */
const VECTORS = new URL(process.env["CONFORMANCE_VECTORS"] ?? "../../shared/vectors/", import.meta.url);

interface Suite {
  readonly name: string;
  /** File of the vectors, in `VECTORS`. */
  readonly vectors: string;
  run(file: URL, scope: CleanupScope): Promise<readonly CaseResult[]> | readonly CaseResult[];
}

const PROTOCOLS: Readonly<Record<string, { readonly waivers: URL; readonly suites: readonly Suite[] }>> = {
  h1: {
    waivers: new URL("./h1/waivers.toml", import.meta.url),
    suites: [
      { name: "codec/http11probe", vectors: "http11probe-cases.json", run: runCodecProbe },
      { name: "codec/llhttp", vectors: "llhttp-vectors.json", run: runCodecLlhttp },
      { name: "gateway/http11probe", vectors: "http11probe-cases.json", run: runGatewayProbe },
    ],
  },
};

class Tally {
  passed = 0;
  failed = 0;
  waived = 0;
  skipped = 0;
}

async function main(protocol: string): Promise<number> {
  const chosen = PROTOCOLS[protocol];
  if (chosen === undefined) {
    console.error(`unknown protocol ${protocol}; there is: ${Object.keys(PROTOCOLS).join(", ")}`);
    return 2;
  }
  const waivers = readWaivers(chosen.waivers);
  const used = new Set<string>();
  const tally = new Tally();
  for (const suite of chosen.suites) await runSuite(suite, waivers, used, tally);
  for (const id of waivers.keys()) {
    if (used.has(id) || tally.skipped > 0) continue;
    tally.failed++;
    console.log(`FAILED waiver ${id}: no case needs it`);
  }
  if (tally.skipped > 0) console.log(`${tally.skipped} suites SKIPPED: their vectors are not there`);
  if (tally.waived > 0) console.log(`${tally.waived} waived`);
  console.log(`${tally.passed} passed, ${tally.failed} failed`);
  return tally.failed === 0 ? 0 : 1;
}

async function runSuite(suite: Suite, waivers: Waivers, used: Set<string>, tally: Tally): Promise<void> {
  const file = new URL(suite.vectors, VECTORS);
  if (!existsSync(file)) {
    tally.skipped++;
    console.log(`SKIPPED ${suite.name}: no vectors at ${file.pathname}`);
    return;
  }
  const start = performance.now();
  const results = await withCleanup((scope) => suite.run(file, scope));
  for (const { id, problem } of results) judge(`${suite.name}/${id}`, problem, { waivers, used, tally });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${suite.name}: ${results.length} cases in ${seconds} s`);
}

interface Judging {
  readonly waivers: Waivers;
  readonly used: Set<string>;
  readonly tally: Tally;
}

function judge(id: string, problem: string | undefined, { waivers, used, tally }: Judging): void {
  if (problem === undefined) {
    tally.passed++;
    return;
  }
  const reason = waivers.get(id);
  if (reason === undefined) {
    tally.failed++;
    console.log(`FAILED ${id}: ${problem}`);
    return;
  }
  used.add(id);
  tally.waived++;
  console.log(`waived ${id}: ${reason}`);
}

async function withCleanup<T>(work: (scope: CleanupScope) => Promise<T> | T): Promise<T> {
  const cleanups: (() => Promise<void>)[] = [];
  try {
    return await work({ after: (cleanup) => cleanups.push(cleanup) });
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

process.exitCode = await main(process.argv[2] ?? "h1");
