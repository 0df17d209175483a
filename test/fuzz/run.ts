/**
 * Runs a fuzz target for a time: `npm run fuzz -- h1 --seconds 60 [--seed N]`. Prints the seed, which
 * repeats the run, then each input that failed; ends with `N passed, M failed`.
 */
import { parseArgs } from "node:util";
import { createH1Target } from "./h1.ts";
import { createH2Target } from "./h2.ts";
import { createHpackTarget } from "./hpack.ts";
import { createQpackTarget } from "./qpack.ts";
import { Random } from "./random.ts";

const VECTORS = new URL("../../../shared/vectors/", import.meta.url);

/** What each target has to fuzz; one input per call. */
const TARGETS: Readonly<Record<string, () => (random: Random) => string | undefined>> = {
  h1: () => createH1Target(VECTORS),
  h2: () => createH2Target(),
  hpack: () => createHpackTarget(VECTORS),
  qpack: () => createQpackTarget(VECTORS),
};

/** Enough to see a pattern; a broken invariant would fail thousands of times. */
const MAX_REPORTED = 10;

/** The clock is asked this seldom. */
const BATCH = 64;

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seconds: { type: "string", default: "60" }, seed: { type: "string" } },
  });
  const name = positionals[0] ?? "";
  const create = Object.hasOwn(TARGETS, name) ? TARGETS[name] : undefined;
  const seconds = Number(values.seconds);
  const seed = Number(values.seed ?? process.hrtime.bigint() % 2n ** 32n);
  if (create === undefined || !(seconds > 0) || !Number.isInteger(seed)) {
    const names = Object.keys(TARGETS).join(", ");
    process.stderr.write(`usage: npm run fuzz -- TARGET [--seconds N] [--seed N]; targets: ${names}\n`);
    return 2;
  }
  process.stdout.write(`fuzzing ${name} for ${seconds} s, seed ${seed}\n`);
  const { passed, failed } = fuzz(create(), seed, seconds);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

/** Each input has a seed of its own, so that one can be repeated alone. */
function fuzz(
  target: (random: Random) => string | undefined,
  seed: number,
  seconds: number,
): { passed: number; failed: number } {
  const end = performance.now() + seconds * 1000;
  let passed = 0;
  let failed = 0;
  let inputSeed = seed;
  while (failed < MAX_REPORTED && performance.now() < end) {
    for (let i = 0; i < BATCH; i++, inputSeed++) {
      const problem = target(new Random(inputSeed));
      if (problem === undefined) {
        passed++;
        continue;
      }
      failed++;
      process.stdout.write(`seed ${inputSeed}: ${problem}\n`);
    }
  }
  return { passed, failed };
}

process.exitCode = main();
