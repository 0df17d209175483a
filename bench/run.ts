/**
 * `npm run bench -- h1`: the gateway beside nginx and HAProxy, same work, same machine, same run. One
 * scenario is one small file under a protocol's folder; this file only picks it.
 */
import { idleConnections } from "./h1/idle-connections.ts";
import { keepAlive } from "./h1/keep-alive.ts";
import { newConnections } from "./h1/new-connections.ts";
import { versionLine } from "./harness/daemon.ts";
import { readOptions, USAGE, type BenchOptions } from "./options.ts";

type Scenario = (options: BenchOptions) => Promise<void>;

const SCENARIOS: Readonly<Record<string, Readonly<Record<string, Scenario>>>> = {
  h1: { "keep-alive": keepAlive, close: newConnections, idle: idleConnections },
};

async function main(argv: readonly string[]): Promise<number> {
  const options = readOptions(argv);
  const scenario = SCENARIOS[options.protocol]?.[options.scenario];
  if (scenario === undefined) {
    console.error(`unknown protocol or scenario\n${USAGE}`);
    return 2;
  }
  for (const tool of [
    ["wrk", "-v"],
    ["/usr/sbin/nginx", "-v"],
    ["taskset", "--version"],
  ] as const) {
    if (!isThere(tool)) {
      console.error(
        `SKIPPED: ${tool[0]} is not installed (Debian packages wrk, nginx-light, util-linux); nothing was measured`,
      );
      return 0;
    }
  }
  await scenario(options);
  return 0;
}

/** wrk ends with 1 after printing its version. */
function isThere([command]: readonly string[]): boolean {
  return versionLine("/bin/sh", ["-c", `command -v ${command}`]) !== undefined;
}

process.exitCode = await main(process.argv.slice(2));
