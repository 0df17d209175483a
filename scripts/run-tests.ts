/**
 * `npm test`: unit tests beside the source, then the tests that start gateways. Arguments pick files
 * by a part of their path. Ends with the counts, and with every skipped test and its reason: a test
 * that did not run is never silent.
 */
import { availableParallelism } from "node:os";
import { globSync } from "node:fs";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The slowest file needs about a minute; one that takes longer hangs. */
const FILE_TIMEOUT_MS = 240_000;

/** Tests that start gateways are bound by the CPU, which the gateway and the test share. */
const PHASES: readonly (readonly [name: string, patterns: readonly string[], concurrency: number])[] = [
  [
    "unit",
    [
      "src/**/*.test.ts",
      "test/*.test.ts",
      "test/{config,support,fuzz}/**/*.test.ts",
      "bench/**/*.test.ts",
      "conformance/**/*.test.ts",
      "scripts/**/*.test.ts",
    ],
    availableParallelism(),
  ],
  [
    "end to end",
    ["test/e2e/**/*.test.ts", "test/faults/**/*.test.ts"],
    Math.max(1, Math.min(4, availableParallelism())),
  ],
];

class Counts {
  passed = 0;
  failed = 0;
  readonly skipped: string[] = [];
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
    if (event.details.type !== "suite" || event.details.error.cause === undefined) counts.failed++;
  });
  const report = stream.compose(new spec());
  report.pipe(process.stdout, { end: false });
  await new Promise((resolve, reject) => {
    report.on("end", resolve);
    report.on("error", reject);
  });
}

async function main(filters: readonly string[]): Promise<number> {
  const counts = new Counts();
  const start = performance.now();
  for (const [name, patterns, concurrency] of PHASES) {
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
  console.log(`\n${counts.skipped.length} skipped, ${seconds(start)} s`);
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1;
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}

process.exitCode = await main(process.argv.slice(2));
