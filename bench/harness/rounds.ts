/** Interleaved rounds: each proxy in turn, again and again, and runs that a slow phase of the machine spoilt once more. */
import type { Calibration, Score } from "./calibration.ts";
import type { Driver } from "./driver.ts";
import type { Load } from "./load.ts";
import { takeSample, type RunOptions, type Sample } from "./sample.ts";
import type { Contestant, Stage } from "./stage.ts";
import { spreadOf, type Spread } from "./statistics.ts";
import { pause } from "../../test/support/wait-for.ts";

export interface RoundOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly requests?: number;
  readonly connections: number;
  readonly driver: Driver;
  readonly tls: boolean;
  readonly load: Load;
  readonly script: string;
  readonly dir: string;
}

/** A sample, and how fast the machine was before and after it. */
interface Run {
  /** From 1. */
  readonly round: number;
  readonly sample: Sample;
  readonly scores: readonly Score[];
}

export type Figure = Exclude<keyof Sample, "errors">;

export interface Measured {
  readonly name: string;
  readonly version: string;
  readonly figures: Readonly<Record<Figure, Spread>>;
  /** CPU µs per request in each round, the mean of its runs that were used; `null` where none was. */
  readonly cpuByRound: readonly (number | null)[];
  readonly errors: number;
  /** Runs that were used, and those that a slow phase of the machine spoilt. */
  readonly rounds: number;
  readonly rejected: number;
  /** The machine was never at its usual speed: all runs were used, and say little. */
  readonly noisy: boolean;
}

const FIGURES: readonly Figure[] = [
  "cpuMicrosPerRequest",
  "requestsPerSecond",
  "p50Ms",
  "p99Ms",
  "p999Ms",
  "rssMib",
  "busyCpus",
  "logBytesPerRequest",
];

/** Runs of one round that are repeated because the machine was slow: at most so many for each proxy. */
const MAX_REPEATS = 2;
/** Rounds beyond those asked for, as a share of them: what looked usual may turn out slow when the machine speeds up. */
const MAX_EXTRA_ROUNDS = 1;
/** A run waits for a quiet machine, but not for ever: so many looks, with a pause between them. */
const MAX_LOOKS = 10;
const LOOK_PAUSE_MS = 200;
/** Before the first round: code is compiled, pools are filled. */
const WARM_UP_SECONDS = 2;
/** Measurements that find out how fast the machine can be. */
const FIRST_CALIBRATIONS = 8;

export async function playRounds(stage: Stage, options: RoundOptions): Promise<Measured[]> {
  const run: RunOptions = { ...options, cpus: stage.cpus.load };
  const lists = new Map<Contestant, Run[]>(stage.contestants.map((contestant) => [contestant, []]));
  for (const contestant of stage.contestants) {
    await takeSample(contestant, { ...run, seconds: WARM_UP_SECONDS });
  }
  for (let i = 0; i < FIRST_CALIBRATIONS; i++) await stage.calibration.measure();
  const most = options.rounds * (1 + MAX_EXTRA_ROUNDS);
  for (let round = 1; round <= most; round++) {
    if (round > options.rounds && !moreRoundsHelp(lists.values(), options.rounds, stage.calibration)) break;
    for (const [contestant, list] of lists) {
      await playRound(stage.calibration, contestant, run, { round, list });
    }
  }
  return [...lists].map(([contestant, list]) => summarise(contestant, list, stage.calibration));
}

/** More rounds help when some runs were good, but not all that are needed; a machine that is always busy stays so. */
function moreRoundsHelp(lists: Iterable<readonly Run[]>, rounds: number, calibration: Calibration): boolean {
  const good = [...lists].map((list) => list.filter((run) => isGood(run, calibration)).length);
  return good.some((count) => count < rounds) && good.some((count) => count > 0);
}

/** One run of all at once: figures that say nothing, but every part has run. Throws when a request failed. */
export async function playOnce(stage: Stage, options: RoundOptions): Promise<void> {
  const run: RunOptions = { ...options, cpus: stage.cpus.load };
  await Promise.all(
    stage.contestants.map(async (contestant) => {
      const { errors } = await takeSample(contestant, run);
      if (errors > 0) throw new Error(`${contestant.name}: ${errors} requests failed`);
    }),
  );
}

/** Measures until the machine was at its usual speed once; spoilt runs stay in the list and are judged again at the end. */
async function playRound(
  calibration: Calibration,
  contestant: Contestant,
  options: RunOptions,
  { round, list }: { readonly round: number; readonly list: Run[] },
): Promise<void> {
  for (let repeat = 0; repeat <= MAX_REPEATS; repeat++) {
    const before = await waitForQuiet(calibration);
    const sample = await takeSample(contestant, options);
    const run = { round, sample, scores: [before, await calibration.measure()] };
    list.push(run);
    const good = isGood(run, calibration);
    const errors = sample.errors > 0 ? `, ${sample.errors} errors` : "";
    const figures = `${sample.cpuMicrosPerRequest.toFixed(1)} µs/request, ${Math.round(sample.requestsPerSecond)} requests/s`;
    const verdict = good ? "" : " (rejected: the machine was slow)";
    console.log(`round ${round}: ${contestant.name}: ${figures}${errors}${verdict}`);
    if (good) return;
  }
}

async function waitForQuiet(calibration: Calibration): Promise<Score> {
  for (let look = 1; ; look++) {
    const score = await calibration.measure();
    if (look === MAX_LOOKS || calibration.isGood(score)) return score;
    await pause(LOOK_PAUSE_MS);
  }
}

function isGood(run: Run, calibration: Calibration): boolean {
  return run.scores.every((score) => calibration.isGood(score));
}

function summarise(contestant: Contestant, runs: readonly Run[], calibration: Calibration): Measured {
  const good = runs.filter((run) => isGood(run, calibration));
  const noisy = good.length === 0;
  const used = noisy ? runs : good;
  const samples = used.map(({ sample }) => sample);
  const figures = Object.fromEntries(
    FIGURES.map((figure) => [figure, spreadOf(samples.map((sample) => sample[figure]))]),
  ) as Record<Figure, Spread>;
  return {
    name: contestant.name,
    version: contestant.proxy.version,
    figures,
    cpuByRound: cpuByRound(used, Math.max(...runs.map(({ round }) => round))),
    errors: samples.reduce((sum, sample) => sum + sample.errors, 0),
    rounds: samples.length,
    rejected: runs.length - good.length,
    noisy,
  };
}

function cpuByRound(runs: readonly Run[], rounds: number): (number | null)[] {
  return Array.from({ length: rounds }, (_, index) => {
    const own = runs.filter(({ round }) => round === index + 1);
    if (own.length === 0) return null;
    return own.reduce((sum, { sample }) => sum + sample.cpuMicrosPerRequest, 0) / own.length;
  });
}
