/** One run of HTTP/3 load, in a process of its own that is pinned to the load's CPUs. */
import { fileURLToPath } from "node:url";
import type { LoadTarget } from "./h3-connection-load.ts";
import type { LoadResult } from "./load-result.ts";
import { runPinned } from "./run-program.ts";

export interface H3LoadOrder {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** Ends after so many, or after `seconds`. */
  readonly requests?: number;
  readonly target: LoadTarget;
}

export interface H3LoadReport {
  readonly requests: number;
  readonly errors: number;
  /** That the requests took. */
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

const CHILD = fileURLToPath(new URL("h3-load-child.ts", import.meta.url));

export async function runH3Load(cpus: readonly number[], order: H3LoadOrder): Promise<LoadResult> {
  const text = await runPinned(cpus, process.execPath, [CHILD, JSON.stringify(order)]);
  return parseH3Load(text);
}

export function parseH3Load(text: string): LoadResult {
  const json = /^\{.*\}$/m.exec(text)?.[0];
  if (json === undefined) throw new Error(`the HTTP/3 load gave no result: ${text}`);
  const { seconds, ...rest } = JSON.parse(json) as H3LoadReport;
  return { ...rest, requestsPerSecond: rest.requests / seconds };
}
