/** Plays a scenario that sends requests: sets the stage, measures, and makes the table. */
import { join } from "node:path";
import { IdleHolder } from "../harness/idle-holder.ts";
import type { ProxyKind } from "../harness/proxy.ts";
import { playOnce, playRounds, type Measured } from "../harness/rounds.ts";
import { makeRoutes } from "../harness/routes.ts";
import { Stage } from "../harness/stage.ts";
import { requestTable } from "../harness/table.ts";
import { writeScript } from "../harness/wrk.ts";
import type { BenchOptions } from "../options.ts";
import type { RequestScenario } from "../scenarios/scenario.ts";

/** Connections beside those of the load: probes, and what is just being closed. */
const SPARE_CONNECTIONS = 500;
/** A smoke run proves that they are held; so many do. */
const SMOKE_IDLE_CONNECTIONS = 200;

/** Several on each stream of the scenario that has the most. */
const SMOKE_REQUESTS = 2000;

export interface Played {
  readonly lines: readonly string[];
  readonly measured: readonly Measured[];
}

/** With `smoke` nothing is measured. */
export async function playRequests(
  scenario: RequestScenario,
  kinds: readonly ProxyKind[],
  options: BenchOptions & { readonly label: string | undefined },
): Promise<Played> {
  const idle = idleConnections(scenario, options);
  const stage = await Stage.set(kinds, {
    load: scenario.load,
    backends: scenario.backends,
    maxConnections: scenario.connections + idle + SPARE_CONNECTIONS,
    workers: scenario.workers ?? 1,
    routes: makeRoutes(scenario.routes ?? 0),
    logs: scenario.logs ?? "access",
    tls: scenario.tls ?? null,
    quic: scenario.driver.kind === "h3",
  });
  try {
    if (idle > 0) await holdIdle(stage, idle);
    const script = join(stage.dir, "load.lua");
    writeScript(script, scenario.load);
    const { rounds, seconds } = options;
    const { connections, driver } = scenario;
    const run = {
      rounds,
      seconds,
      connections,
      driver,
      load: scenario.load,
      script,
      tls: scenario.tls !== undefined,
      dir: stage.dir,
    };
    if (options.smoke) {
      await playOnce(stage, { ...run, seconds: 1, requests: SMOKE_REQUESTS });
      return { lines: [], measured: [] };
    }
    const measured = await playRounds(stage, run);
    const title = scenario.title.replace("10000", String(idle));
    const { bodyKib } = scenario;
    const { label } = options;
    const lines = requestTable(measured, {
      title,
      ...(bodyKib === undefined ? {} : { bodyKib }),
      ...(label === undefined ? {} : { compared: label }),
    });
    return { lines, measured };
  } finally {
    await stage.clear();
  }
}

function idleConnections({ idleConnections = 0 }: RequestScenario, options: BenchOptions): number {
  if (idleConnections === 0) return 0;
  return options.connections ?? (options.smoke ? SMOKE_IDLE_CONNECTIONS : idleConnections);
}

async function holdIdle(stage: Stage, connections: number): Promise<void> {
  for (const [index, contestant] of stage.contestants.entries()) {
    const holder = await IdleHolder.open(contestant, connections, { cpus: stage.cpus.load, index });
    stage.onClear(() => holder.close());
  }
}
