/** One run of wrk, pinned to the load's CPUs, with exact percentiles from its histogram. */
import { readFileSync, writeFileSync } from "node:fs";
import { luaScript, type Load } from "./load.ts";
import type { LoadResult } from "./load-result.ts";
import { runPinned } from "./run-program.ts";

export interface WrkOptions {
  readonly url: string;
  readonly connections: number;
  /** Whole seconds, at least 1. */
  readonly seconds: number;
  readonly cpus: readonly number[];
  /** Made by `writeScript`. */
  readonly script: string;
}

interface Reported {
  readonly requests: number;
  readonly duration_us: number;
  readonly errors: number;
  readonly p50_us: number;
  readonly p99_us: number;
  readonly p999_us: number;
}

const REPORT = new URL("./wrk-report.lua", import.meta.url);

/** Longer than any answer takes at full load; wrk counts later ones as errors. */
const TIMEOUT = "10s";

/** Writes the script that sends `load` and reports as `runWrk` reads it. */
export function writeScript(file: string, load: Load): void {
  writeFileSync(file, `${luaScript(load)}${readFileSync(REPORT, "utf8")}`);
}

export async function runWrk(options: WrkOptions): Promise<LoadResult> {
  const threads = Math.min(options.cpus.length, options.connections);
  const { connections, seconds, script, url } = options;
  const size = [`-t${threads}`, `-c${connections}`, `-d${seconds}s`, "--timeout", TIMEOUT];
  return parseReport(await runPinned(options.cpus, "wrk", [...size, "-s", script, url]));
}

export function parseReport(text: string): LoadResult {
  const line = text.split("\n").find((candidate) => candidate.startsWith("{"));
  if (line === undefined) throw new Error(`wrk gave no result: ${text}`);
  const reported = JSON.parse(line) as Reported;
  return {
    requests: reported.requests,
    requestsPerSecond: (reported.requests / reported.duration_us) * 1e6,
    errors: reported.errors,
    p50Ms: reported.p50_us / 1000,
    p99Ms: reported.p99_us / 1000,
    p999Ms: reported.p999_us / 1000,
  };
}
