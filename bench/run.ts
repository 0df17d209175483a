/**
 * `npm run bench`: the gateway beside nginx, HAProxy and Caddy, same work, same machine, same run. A
 * protocol has a folder with its scenarios; this file only picks. Whatever was started is stopped
 * when the bench fails.
 */
import { playScenarios } from "./play/play-scenarios.ts";
import { isInstalled } from "./harness/daemon.ts";
import { readOptions, USAGE, type BenchOptions } from "./options.ts";
import { benchRouter } from "./router/router.ts";
import { H1_SCENARIOS } from "./scenarios/h1.ts";
import { H2_SCENARIOS } from "./scenarios/h2.ts";
import { H3_SCENARIOS } from "./scenarios/h3.ts";
import { soak } from "./soak.ts";

const COMMANDS: Readonly<Record<string, (options: BenchOptions) => Promise<void>>> = {
  h1: (options) => playScenarios(H1_SCENARIOS, options),
  h2: (options) => playScenarios(H2_SCENARIOS, options),
  h3: (options) => playScenarios(H3_SCENARIOS, options),
  soak,
  router: benchRouter,
};

/** Commands that measure a part by itself, without other programs. */
const ALONE: ReadonlySet<string> = new Set(["router"]);

/** Without these there is no measuring of a proxy at all; proxies may be missing. */
const TOOLS = ["wrk", "/usr/sbin/nginx", "taskset"];

async function main(argv: readonly string[]): Promise<number> {
  const options = parse(argv);
  const command = options === undefined ? undefined : COMMANDS[options.command];
  if (options === undefined || command === undefined) {
    console.error(USAGE);
    return 2;
  }
  const missing = ALONE.has(options.command) ? [] : TOOLS.filter((tool) => !isInstalled(tool));
  if (missing.length > 0) {
    const packages = "Debian packages wrk, nginx-light, util-linux";
    console.error(`SKIPPED: ${missing.join(", ")} missing (${packages}); nothing was measured`);
    return 0;
  }
  await command(options);
  return 0;
}

function parse(argv: readonly string[]): BenchOptions | undefined {
  try {
    return readOptions(argv);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** Each process and folder of a run is cleared by a listener of its own. */
process.setMaxListeners(100);
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
process.exitCode = await main(process.argv.slice(2));
