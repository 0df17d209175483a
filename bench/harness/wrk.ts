/** One run of wrk, pinned to the load's CPU, with exact percentiles from its histogram. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface WrkOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly cpu: number;
  /** A new connection for each request. */
  readonly close?: boolean;
}

export interface WrkResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Failed connects, reads, writes, timeouts, and statuses of 400 and more. */
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

const SCRIPT = fileURLToPath(new URL("./wrk-report.lua", import.meta.url));

interface Reported {
  readonly requests: number;
  readonly duration_us: number;
  readonly errors: number;
  readonly p50_us: number;
  readonly p99_us: number;
  readonly p999_us: number;
}

export async function runWrk(options: WrkOptions): Promise<WrkResult> {
  const header = options.close === true ? ["-H", "Connection: close"] : [];
  const args = [
    "-c",
    String(options.cpu),
    "wrk",
    "-t1",
    `-c${options.connections}`,
    `-d${options.seconds}s`,
    "--timeout",
    "5s",
    ...header,
    "-s",
    SCRIPT,
    options.url,
  ];
  const child = spawn("taskset", args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (part: string) => {
    text += part;
  });
  await once(child, "close");
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
