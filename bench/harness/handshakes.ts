/**
 * TLS handshakes one after the other, a small request on each connection: several `openssl s_time`,
 * pinned to the load's CPUs. It makes each handshake anew, or resumes its first session in all that follow.
 */
import type { LoadResult } from "./load-result.ts";
import { runPinned } from "./run-program.ts";

export interface HandshakeOptions {
  readonly host: string;
  readonly port: number;
  /** Processes, each with one connection at a time. */
  readonly connections: number;
  readonly resumed: boolean;
  readonly seconds: number;
  readonly cpus: readonly number[];
}

export async function runHandshakes(options: HandshakeOptions): Promise<LoadResult> {
  const { host, port, connections, resumed, seconds, cpus } = options;
  const kind = resumed ? "-reuse" : "-new";
  const args = ["s_time", "-connect", `${host}:${port}`, kind, "-time", `${seconds}`, "-www", "/bench"];
  const texts = await Promise.all(
    Array.from({ length: connections }, () => runPinned(cpus, "openssl", args)),
  );
  const requests = texts.reduce((sum, text) => sum + parseSTime(text, resumed), 0);
  return {
    requests,
    requestsPerSecond: requests / seconds,
    errors: 0,
    p50Ms: NaN,
    p99Ms: NaN,
    p999Ms: NaN,
  };
}

/** Connections that one `s_time` made. It prints a letter for each: `r` when it was resumed, `*` when it was not. */
export function parseSTime(text: string, resumed: boolean): number {
  const made = /^(\d+) connections in \d+ real seconds, (\d+) bytes read per connection/m.exec(text);
  if (made === null) throw new Error(`openssl s_time gave no result: ${text}`);
  if (made[2] === "0") throw new Error("openssl s_time got no answers");
  const connections = Number(made[1]);
  const letters = /^[*rt]+$/m.exec(text)?.[0] ?? "";
  const others = letters.replaceAll(resumed ? "r" : "*", "").length;
  if (others > connections / 10)
    throw new Error(`openssl s_time: ${others} of ${connections} were of the other kind`);
  return connections;
}
