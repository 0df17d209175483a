/** The measuring of scenarios that send requests: interleaved rounds, CPU time per request, latency, memory. */
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

export type Figure = Exclude<keyof Sample, "errors">;

export interface Measured {
  readonly name: string;
  readonly version: string;
  readonly figures: Readonly<Record<Figure, Spread>>;
  readonly errors: number;
  /** Rounds that were used, and those that a slow phase of the machine spoilt. */
  readonly rounds: number;
  readonly rejected: number;
}

const FIGURES: readonly Figure[] = [
  "cpuMicrosPerRequest",
  "requestsPerSecond",
  "p50Ms",
  "p99Ms",
  "p999Ms",
  "rssMib",
];

/** Runs that are repeated because the machine was slow: at most so many for each proxy. */
const MAX_REJECTED = 5;
/** Before the first round: code is compiled, pools are filled. */
const WARM_UP_SECONDS = 2;

export async function measureRequests(stage: Stage, load: RequestLoad): Promise<Measured[]> {
  const samples = new Map<Contestant, Sample[]>();
  const rejected = new Map<Contestant, number>();
  for (const contestant of stage.contestants) await warmUp(stage, contestant, load);
  for (let round = 0; round < load.rounds; round++) {
    for (const contestant of stage.contestants) {
      const [sample, bad] = await goodSample(stage, contestant, load);
      samples.set(contestant, [...(samples.get(contestant) ?? []), sample]);
      rejected.set(contestant, (rejected.get(contestant) ?? 0) + bad);
      const figures = `${sample.cpuMicrosPerRequest.toFixed(1)} µs/request, ${Math.round(sample.requestsPerSecond)} requests/s`;
      console.log(
        `round ${round + 1}: ${contestant.proxy.name}: ${figures}${sample.errors > 0 ? `, ${sample.errors} errors` : ""}`,
      );
    }
  }
  return [...samples].map(([contestant, list]) => summarise(contestant, list, rejected.get(contestant) ?? 0));
}

async function warmUp(stage: Stage, { url }: Contestant, load: RequestLoad): Promise<void> {
  await runWrk({
    url,
    cpu: stage.loadCpu,
    connections: load.connections,
    seconds: WARM_UP_SECONDS,
    close: load.close,
  });
  await stage.calibration.measure();
}

/** A sample taken while the machine was at its usual speed, and how many were thrown away. */
async function goodSample(
  stage: Stage,
  contestant: Contestant,
  load: RequestLoad,
): Promise<[Sample, number]> {
  for (let bad = 0; ; bad++) {
    const before = await stage.calibration.measure();
    const sample = await takeSample(stage, contestant, load);
    const after = await stage.calibration.measure();
    if (stage.calibration.isGood(before) && stage.calibration.isGood(after)) return [sample, bad];
    console.log(`rejected: the machine was slow (${JSON.stringify(before)}, ${JSON.stringify(after)})`);
    if (bad === MAX_REJECTED) return [sample, bad];
  }
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

function summarise({ proxy }: Contestant, samples: readonly Sample[], rejected: number): Measured {
  const figures = Object.fromEntries(
    FIGURES.map((figure) => [figure, spreadOf(samples.map((sample) => sample[figure]))]),
  ) as Record<Figure, Spread>;
  const errors = samples.reduce((sum, sample) => sum + sample.errors, 0);
  return { name: proxy.name, version: proxy.version, figures, errors, rounds: samples.length, rejected };
}

function total(pids: readonly number[], measure: (pid: number) => number): number {
  return pids.reduce((sum, pid) => sum + measure(pid), 0);
}
