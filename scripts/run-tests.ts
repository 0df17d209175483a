/**
 * `npm test`: unit tests beside the source, then the tests that start gateways. Arguments pick files
 * by a part of their path. `npm test -- --transport NAME` runs only the latter, on that transport. Ends
 * with the counts, before them every skipped test and every failure, each with its reason: neither is silent.
 */
import { availableParallelism } from "node:os";
import { globSync } from "node:fs";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chooseTransport, type TransportSetting } from "../src/fastpath/choose-transport.ts";
import { probeTransport } from "../src/fastpath/open-transport.ts";
import { TRANSPORT_VARIABLE, transportUnderTest } from "../test/support/transport.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The slowest file needs about a minute; one that takes longer hangs. */
const FILE_TIMEOUT_MS = 240_000;

interface Phase {
  readonly name: string;
  readonly patterns: readonly string[];
  readonly concurrency: number;
  /** Its tests start gateways, on whatever transport is asked for. */
  readonly onTransports: boolean;
}

const CPUS = availableParallelism();

const PHASES: readonly Phase[] = [
  {
    name: "unit",
    patterns: [
      "src/**/*.test.ts",
      "test/*.test.ts",
      "test/{config,support,fuzz}/**/*.test.ts",
      "bench/**/*.test.ts",
      "conformance/**/*.test.ts",
      "scripts/**/*.test.ts",
    ],
    concurrency: CPUS,
    onTransports: false,
  },
  // They wait more than they work.
  {
    name: "end to end",
    patterns: ["test/e2e/**/*.test.ts"],
    concurrency: 2 * Math.min(2, CPUS),
    onTransports: true,
  },
  // Bound by the CPU, which the gateway and the test share.
  {
    name: "faults and attacks",
    patterns: ["test/{faults,attacks}/**/*.test.ts"],
    concurrency: Math.min(4, CPUS),
    onTransports: true,
  },
];

/** Of a failure's words in the summary; the report above has all of them. */
const MAX_FAILURE_CHARACTERS = 1000;

class Counts {
  passed = 0;
  failed = 0;
  readonly skipped: string[] = [];
  /** What failed, and in which words: the end of a log is what is kept of it. */
  readonly failures: string[] = [];
}

async function runPhase(files: readonly string[], concurrency: number, counts: Counts): Promise<void> {
  const stream = run({ files: [...files], concurrency, timeout: FILE_TIMEOUT_MS, cwd: ROOT });
  stream.on("test:pass", (event) => {
    if (event.details.type === "suite") return;
    if (event.skip !== undefined && event.skip !== false)
      counts.skipped.push(`${event.name}: ${event.skip === true ? "no reason given" : event.skip}`);
    else counts.passed++;
  });
  stream.on("test:fail", (event) => {
    const { type, error } = event.details;
    if (type === "suite" && error.cause !== undefined) return;
    counts.failed++;
    const words = error.cause instanceof Error ? error.cause.message : error.message;
    counts.failures.push(`${event.name}: ${words.slice(0, MAX_FAILURE_CHARACTERS)}`);
  });
  const report = stream.compose(new spec());
  report.pipe(process.stdout, { end: false });
  await new Promise((resolve, reject) => {
    report.on("end", resolve);
    report.on("error", reject);
  });
}

/** The phases to run, or none with the reason among the skipped. */
function phasesOn(transport: TransportSetting | undefined, counts: Counts): readonly Phase[] {
  if (transport === undefined) return PHASES;
  const decision = chooseTransport(transport, probeTransport);
  if (decision.kind === "refused") {
    counts.skipped.push(`the tests on transport ${transport}: ${decision.reason}`);
    return [];
  }
  console.log(`\n== on transport ${transport}`);
  return PHASES.filter(({ onTransports }) => onTransports);
}

/** What `--transport` names, for the test processes too. */
function pinTransport(name: string | undefined): TransportSetting | undefined {
  if (name === undefined) return undefined;
  process.env[TRANSPORT_VARIABLE] = name;
  return transportUnderTest();
}

async function main(args: string[]): Promise<number> {
  const { values, positionals: filters } = parseArgs({
    args,
    allowPositionals: true,
    options: { transport: { type: "string" } },
  });
  const counts = new Counts();
  const start = performance.now();
  const phases = phasesOn(pinTransport(values.transport), counts);
  for (const { name, patterns, concurrency } of phases) {
    const files = globSync([...patterns], { cwd: ROOT })
      .filter((path) => filters.length === 0 || filters.some((part) => path.includes(part)))
      .toSorted();
    if (files.length === 0) continue;
    console.log(`\n== ${name}: ${files.length} files`);
    const phaseStart = performance.now();
    await runPhase(
      files.map((path) => ROOT + path),
      concurrency,
      counts,
    );
    console.log(`== ${name} took ${seconds(phaseStart)} s`);
  }
  for (const skipped of counts.skipped) console.log(`SKIPPED ${skipped}`);
  for (const failure of counts.failures) console.log(`FAILED ${failure}`);
  console.log(`\n${counts.skipped.length} skipped, ${seconds(start)} s`);
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  return counts.failed === 0 && (counts.passed > 0 || phases.length === 0) ? 0 : 1;
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}

process.exitCode = await main(process.argv.slice(2));
