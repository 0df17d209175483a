/** The measuring of scenarios that send requests: interleaved rounds, CPU time per request, latency, memory. */
import type { Calibration, Score } from "./calibration.ts";
import type { Contestant, Stage } from "./stage.ts";
import { spreadOf, type Spread } from "./statistics.ts";
import { runWrk } from "./wrk.ts";
import { cpuMicros, rssBytes } from "../../test/support/processes.ts";

export interface RequestLoad {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly close: boolean;
}

interface Sample {
  readonly cpuMicrosPerRequest: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly rssMib: number;
  readonly errors: number;
}

/** A sample, and how fast the machine was before and after it. */
interface Run {
  readonly sample: Sample;
  readonly scores: readonly Score[];
}

export type Figure = Exclude<keyof Sample, "errors">;

export interface Measured {
  readonly name: string;
  readonly version: string;
  readonly figures: Readonly<Record<Figure, Spread>>;
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
];

/** Runs of one round that are repeated because the machine was slow: at most so many for each proxy. */
const MAX_REPEATS = 5;
/** Before the first round: code is compiled, pools are filled. */
const WARM_UP_SECONDS = 2;
/** Measurements that find out how fast the machine can be. */
const FIRST_CALIBRATIONS = 8;

export async function measureRequests(stage: Stage, load: RequestLoad): Promise<Measured[]> {
  const runs = new Map<Contestant, Run[]>(stage.contestants.map((contestant) => [contestant, []]));
  for (const contestant of stage.contestants) await warmUp(stage, contestant, load);
  for (let i = 0; i < FIRST_CALIBRATIONS; i++) await stage.calibration.measure();
  for (let round = 1; round <= load.rounds; round++) {
    for (const [contestant, list] of runs) await playRound(stage, contestant, load, { round, list });
  }
  return [...runs].map(([contestant, list]) => summarise(contestant, list, stage.calibration));
}

async function warmUp(stage: Stage, { url }: Contestant, load: RequestLoad): Promise<void> {
  const { connections, close } = load;
  await runWrk({ url, cpu: stage.loadCpu, connections, seconds: WARM_UP_SECONDS, close });
}

/** Measures until the machine was at its usual speed once; spoilt runs stay in the list and are judged again at the end. */
async function playRound(
  stage: Stage,
  contestant: Contestant,
  load: RequestLoad,
  { round, list }: { readonly round: number; readonly list: Run[] },
): Promise<void> {
  const { calibration } = stage;
  for (let repeat = 0; repeat <= MAX_REPEATS; repeat++) {
    const before = await calibration.measure();
    const sample = await takeSample(stage, contestant, load);
    const run = { sample, scores: [before, await calibration.measure()] };
    list.push(run);
    const good = isGood(run, calibration);
    const errors = sample.errors > 0 ? `, ${sample.errors} errors` : "";
    const figures = `${sample.cpuMicrosPerRequest.toFixed(1)} µs/request, ${Math.round(sample.requestsPerSecond)} requests/s`;
    console.log(
      `round ${round}: ${contestant.proxy.name}: ${figures}${errors}${good ? "" : " (rejected: the machine was slow)"}`,
    );
    if (good) return;
  }
}

function isGood(run: Run, calibration: Calibration): boolean {
  return run.scores.every((score) => calibration.isGood(score));
}

async function takeSample(stage: Stage, { proxy, url }: Contestant, load: RequestLoad): Promise<Sample> {
  const pids = proxy.pids();
  const cpuBefore = total(pids, cpuMicros);
  const result = await runWrk({
    url,
    cpu: stage.loadCpu,
    connections: load.connections,
    seconds: load.seconds,
    close: load.close,
  });
  const cpu = total(pids, cpuMicros) - cpuBefore;
  const { requestsPerSecond, p50Ms, p99Ms, p999Ms, errors } = result;
  const rssMib = total(pids, rssBytes) / 1024 / 1024;
  return {
    cpuMicrosPerRequest: cpu / result.requests,
    requestsPerSecond,
    p50Ms,
    p99Ms,
    p999Ms,
    rssMib,
    errors,
  };
}

function summarise({ proxy }: Contestant, runs: readonly Run[], calibration: Calibration): Measured {
  const good = runs.filter((run) => isGood(run, calibration));
  const noisy = good.length === 0;
  const samples = (noisy ? runs : good).map(({ sample }) => sample);
  const figures = Object.fromEntries(
    FIGURES.map((figure) => [figure, spreadOf(samples.map((sample) => sample[figure]))]),
  ) as Record<Figure, Spread>;
  const errors = samples.reduce((sum, sample) => sum + sample.errors, 0);
  const { name, version } = proxy;
  return {
    name,
    version,
    figures,
    errors,
    rounds: samples.length,
    rejected: runs.length - good.length,
    noisy,
  };
}

function total(pids: readonly number[], measure: (pid: number) => number): number {
  return pids.reduce((sum, pid) => sum + measure(pid), 0);
}
