/**
 * What idle keep-alive connections cost in memory: the growth of a proxy's RSS, per connection. A
 * process cannot have more descriptors than the machine allows, so many connections need workers; a
 * proxy of one process is left out when it could not hold them.
 */
import { IdleHolder } from "../harness/idle-holder.ts";
import { descriptorLimit } from "../harness/machine.ts";
import type { ProxyKind } from "../harness/proxy.ts";
import { total } from "../harness/sample.ts";
import { Stage, type Contestant } from "../harness/stage.ts";
import { markdown } from "../harness/table.ts";
import { rssBytes } from "../../test/support/processes.ts";
import { pause } from "../../test/support/wait-for.ts";
import type { BenchOptions } from "../options.ts";
import type { IdleScenario } from "../scenarios/scenario.ts";

/** Opened and closed first, so that code and pools are not counted as the price of connections. */
const WARM_UP = 1000;
const SMOKE_CONNECTIONS = 200;
/** Until a proxy has settled: garbage is collected, buffers are given back. */
const SETTLE_MS = 2000;
const SMOKE_SETTLE_MS = 100;
/** Descriptors of a worker that are not for clients; and workers do not get exactly the same share. */
const SPARE_DESCRIPTORS = 1000;

const MIB = 1024 * 1024;

/** Proxies that serve with threads of one process. */
const ONE_PROCESS: readonly string[] = ["HAProxy", "Caddy"];

interface IdleMeasured {
  readonly name: string;
  readonly version: string;
  readonly connections: number;
  readonly workers: number;
  readonly bytesPerConnection: number;
  readonly rssMibBefore: number;
  readonly rssMibAfter: number;
}

export interface PlayedIdle {
  readonly lines: readonly string[];
  readonly measured: readonly IdleMeasured[];
}

export async function playIdle(
  scenario: IdleScenario,
  kinds: readonly ProxyKind[],
  options: BenchOptions,
): Promise<PlayedIdle> {
  const connections = options.connections ?? (options.smoke ? SMOKE_CONNECTIONS : scenario.connections);
  const perWorker = descriptorLimit() - SPARE_DESCRIPTORS;
  const workers = Math.ceil(connections / perWorker);
  const able = workers === 1 ? kinds : kinds.filter(({ name }) => !ONE_PROCESS.includes(name));
  if (workers > 1) sayWhy(connections, workers, kinds);
  const stage = await Stage.set(able, {
    load: { kind: "get", path: "/" },
    backends: "static",
    maxConnections: Math.ceil(connections / workers) + SPARE_DESCRIPTORS,
    workers,
    routes: [],
    logs: "access",
    tls: null,
    quic: false,
  });
  try {
    const measured: IdleMeasured[] = [];
    for (const [index, contestant] of stage.contestants.entries()) {
      const run = { connections, workers, index, cpus: stage.cpus.load, smoke: options.smoke };
      measured.push(await measure(contestant, run));
    }
    return { measured, lines: table(measured, `${connections} ${scenario.title}`) };
  } finally {
    await stage.clear();
  }
}

function sayWhy(connections: number, workers: number, kinds: readonly ProxyKind[]): void {
  const limit = `${connections} connections, and a process may have ${descriptorLimit()} descriptors here (ulimit -Hn)`;
  console.log(`${limit}: each proxy has ${workers} workers`);
  for (const { name } of kinds.filter((kind) => ONE_PROCESS.includes(kind.name))) {
    console.log(`SKIPPED: ${name} serves from one process, which cannot hold them`);
  }
}

interface IdleRun {
  readonly connections: number;
  readonly workers: number;
  readonly index: number;
  readonly cpus: readonly number[];
  readonly smoke: boolean;
}

async function measure(contestant: Contestant, run: IdleRun): Promise<IdleMeasured> {
  const { proxy, name } = contestant;
  const settleMs = run.smoke ? SMOKE_SETTLE_MS : SETTLE_MS;
  const warmUp = await IdleHolder.open(contestant, run.smoke ? 1 : WARM_UP, run);
  warmUp.close();
  await pause(settleMs);
  const before = total(proxy.pids(), rssBytes);
  const holder = await IdleHolder.open(contestant, run.connections, run);
  try {
    await pause(settleMs);
    const after = total(proxy.pids(), rssBytes);
    return {
      name,
      version: proxy.version,
      connections: run.connections,
      workers: run.workers,
      bytesPerConnection: (after - before) / run.connections,
      rssMibBefore: before / MIB,
      rssMibAfter: after / MIB,
    };
  } finally {
    holder.close();
  }
}

function table(measured: readonly IdleMeasured[], title: string): string[] {
  const titles = [title, "workers", "RSS before MiB", "RSS with them MiB", "KiB per connection"];
  const rows = measured.map((one) => [
    one.name,
    String(one.workers),
    one.rssMibBefore.toFixed(1),
    one.rssMibAfter.toFixed(1),
    (one.bytesPerConnection / 1024).toFixed(2),
  ]);
  return markdown(titles, rows);
}
