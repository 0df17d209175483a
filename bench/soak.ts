/**
 * `npm run bench -- soak`: full load of mixed sizes for minutes, and whether the gateway's memory
 * grows. RSS is read once a second; the slope of the line through the readings is the result, over
 * all of the time and without the warm-up, in which pools and code caches fill.
 */
import { truncateSync } from "node:fs";
import { join } from "node:path";
import { candidates } from "./harness/candidates.ts";
import type { Load } from "./harness/load.ts";
import type { ProxyKind, RunningProxy } from "./harness/proxy.ts";
import { keep } from "./harness/report.ts";
import { total } from "./harness/sample.ts";
import { copyWorkTree } from "./harness/tree-copy.ts";
import { slopeOf, type Point } from "./harness/slope.ts";
import { Stage, type Contestant } from "./harness/stage.ts";
import { markdown } from "./harness/table.ts";
import type { LoadResult } from "./harness/load-result.ts";
import { runWrk, writeScript } from "./harness/wrk.ts";
import type { BenchOptions } from "./options.ts";
import { cpuMicros, rssBytes } from "../test/support/processes.ts";
import { pause } from "../test/support/wait-for.ts";

const CONNECTIONS = 64;
const LOAD: Load = { kind: "mix" };

/** Of the time: the first part is warm-up, but no more than five minutes of it. */
const WARM_UP_SHARE = 0.2;
const MAX_WARM_UP_SECONDS = 300;

interface Soaked extends LoadResult {
  readonly name: string;
  readonly version: string;
  readonly warmUpSeconds: number;
  readonly slopeKibPerSecond: number;
  readonly slopeAfterWarmUpKibPerSecond: number;
  readonly busyCpus: number;
  /** Of the worker processes, the main process not counted. */
  readonly workers: readonly Point[];
  /** Of all processes. */
  readonly all: readonly Point[];
}

export async function soak(options: BenchOptions): Promise<void> {
  const tree = copyWorkTree();
  const only = options.only ?? ["expressgateway"];
  const results: Soaked[] = [];
  try {
    const kinds = candidates({ only, transports: options.transports, trees: [tree] });
    for (const kind of kinds) results.push(await soakOne(kind, options.seconds));
  } finally {
    tree.remove();
  }
  const lines = table(results, options.seconds);
  console.log(`\n${lines.join("\n")}`);
  if (!options.smoke) keep("soak", options, { figures: results, lines });
  const failed = results.filter(({ errors }) => errors > 0);
  if (failed.length > 0) throw new Error(`requests failed: ${failed.map(({ name }) => name).join(", ")}`);
}

async function soakOne(kind: ProxyKind, seconds: number): Promise<Soaked> {
  const stage = await Stage.set([kind], {
    load: LOAD,
    backends: "reading",
    maxConnections: CONNECTIONS * 4,
    workers: 1,
    routes: [],
    logs: "access",
    tls: null,
    quic: false,
  });
  try {
    const [contestant] = stage.contestants;
    if (contestant === undefined) throw new Error(`${kind.name} did not start`);
    const script = join(stage.dir, "load.lua");
    writeScript(script, LOAD);
    return await play(contestant, { seconds, script, cpus: stage.cpus.load });
  } finally {
    await stage.clear();
  }
}

interface SoakRun {
  readonly seconds: number;
  readonly script: string;
  readonly cpus: readonly number[];
}

async function play({ proxy, name, host, port }: Contestant, run: SoakRun): Promise<Soaked> {
  const readings: Readings = { workers: [], all: [], done: false };
  const cpuBefore = total(proxy.pids(), cpuMicros);
  const watching = watch(proxy, readings);
  const result = await runWrk({ ...run, url: `http://${host}:${port}/`, connections: CONNECTIONS }).finally(
    () => {
      readings.done = true;
    },
  );
  await watching;
  const busyCpus = (total(proxy.pids(), cpuMicros) - cpuBefore) / 1e6 / run.seconds;
  const warmUpSeconds = Math.min(MAX_WARM_UP_SECONDS, run.seconds * WARM_UP_SHARE);
  const warm = readings.workers.filter(({ seconds }) => seconds >= warmUpSeconds);
  return {
    ...result,
    name,
    version: proxy.version,
    warmUpSeconds,
    slopeKibPerSecond: slopeOf(readings.workers),
    slopeAfterWarmUpKibPerSecond: slopeOf(warm),
    busyCpus,
    workers: readings.workers,
    all: readings.all,
  };
}

interface Readings {
  readonly workers: Point[];
  readonly all: Point[];
  done: boolean;
}

/** Reads once a second until `done`, and empties the access log, which would fill the disk. The first process is the main one. */
async function watch(proxy: RunningProxy, readings: Readings): Promise<void> {
  const start = performance.now();
  while (!readings.done) {
    const now = proxy.pids();
    const seconds = (performance.now() - start) / 1000;
    const workers = now.length > 1 ? now.slice(1) : now;
    readings.workers.push({ seconds, kib: total(workers, rssBytes) / 1024 });
    readings.all.push({ seconds, kib: total(now, rssBytes) / 1024 });
    truncateSync(proxy.accessLog);
    await pause(Math.max(0, start + readings.all.length * 1000 - performance.now()));
  }
}

function table(results: readonly Soaked[], seconds: number): string[] {
  const titles = [
    `soak, ${CONNECTIONS} connections, mixed sizes, ${seconds} s`,
    "requests",
    "requests/s",
    "errors",
    "busy CPUs",
    "RSS of workers MiB: first, after warm-up, last, most",
    "slope KiB/s",
    "slope after warm-up KiB/s",
  ];
  const mib = (point: Point | undefined): string => ((point?.kib ?? 0) / 1024).toFixed(1);
  const rows = results.map((one) => {
    const { workers } = one;
    const warm = workers.find((point) => point.seconds >= one.warmUpSeconds);
    const most = workers.reduce<Point | undefined>(
      (a, b) => (a !== undefined && a.kib >= b.kib ? a : b),
      undefined,
    );
    return [
      one.name,
      String(one.requests),
      one.requestsPerSecond.toFixed(0),
      String(one.errors),
      one.busyCpus.toFixed(2),
      [workers[0], warm, workers.at(-1), most].map(mib).join(", "),
      one.slopeKibPerSecond.toFixed(1),
      one.slopeAfterWarmUpKibPerSecond.toFixed(1),
    ];
  });
  return markdown(titles, rows);
}
