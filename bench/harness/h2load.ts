/**
 * One run of h2load (of nghttp2) over TLS, pinned to the load's CPUs; percentiles come from its log of
 * requests.
 *
 * `-D` has a trap in h2load 1.52: it ends the connections that are up when the time is over. One whose TLS
 * handshake is through only then, as on a machine that is loaded many times over, is never told, goes on for
 * ever, and h2load with it. Runs that measure have a machine to themselves; the others count requests.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { LoadResult } from "./load-result.ts";
import { DEFAULT_HOST } from "./load.ts";
import { runPinned } from "./run-program.ts";
import { SMALL } from "../scenarios/scenario.ts";

export interface H2loadOptions {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  readonly streams: number;
  readonly seconds: number;
  /** Ends after so many, instead of `seconds`. */
  readonly requests?: number;
  readonly cpus: readonly number[];
  readonly dir: string;
}

const PATH = SMALL.kind === "get" ? SMALL.path : "/";

export async function runH2load(options: H2loadOptions): Promise<LoadResult> {
  const { host, port, connections, streams, seconds, requests, cpus, dir } = options;
  const log = join(dir, `h2load-${port}.log`);
  rmSync(log, { force: true });
  const threads = Math.min(cpus.length, connections);
  const length = requests === undefined ? `-D${seconds}` : `-n${requests}`;
  const size = [`-t${threads}`, `-c${connections}`, `-m${streams}`, length];
  const more = ["--log-file", log, "-H", `:authority: ${DEFAULT_HOST}`];
  const text = await runPinned(cpus, "h2load", [...size, ...more, `https://${host}:${port}${PATH}`]);
  return parseH2load(text, readFileSync(log, "latin1"), seconds);
}

/** `log`: a line for each request, of its start, its status and its microseconds, with tabs between. */
export function parseH2load(text: string, log: string, seconds: number): LoadResult {
  const counts = /(\d+) succeeded, (\d+) failed, (\d+) errored/.exec(text);
  const protocol = /^Application protocol: (\S+)/m.exec(text)?.[1];
  if (counts === null || protocol !== "h2") throw new Error(`h2load gave no result: ${text}`);
  const [requests = 0, failed = 0, errored = 0] = counts.slice(1).map(Number);
  const times = log
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => Number(line.split("\t")[2]))
    .sort((a, b) => a - b);
  return {
    requests,
    requestsPerSecond: requests / seconds,
    errors: failed + errored,
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    p999Ms: percentile(times, 0.999),
  };
}

function percentile(sortedMicros: readonly number[], share: number): number {
  return (sortedMicros[Math.floor(sortedMicros.length * share)] ?? NaN) / 1000;
}
