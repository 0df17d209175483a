/** `npm run bench -- h1`, `-- h2`, `-- h3`: picks scenarios and proxies, plays one after the other, prints and keeps all tables. */
import { candidates } from "../harness/candidates.ts";
import { isInstalled } from "../harness/daemon.ts";
import { DRIVER_TOOLS } from "../harness/driver.ts";
import type { ProxyKind } from "../harness/proxy.ts";
import { keep } from "../harness/report.ts";
import { buildRevision, copyWorkTree, type TreeCopy } from "../harness/tree-copy.ts";
import type { Measured } from "../harness/rounds.ts";
import { overview } from "../harness/table.ts";
import type { BenchOptions } from "../options.ts";
import { playIdle } from "./idle-scenario.ts";
import { playRequests } from "./request-scenario.ts";
import { chosenScenarios, type Scenario } from "../scenarios/scenario.ts";

type Options = BenchOptions & { readonly label: string | undefined };

interface Result {
  readonly scenario: string;
  readonly title: string;
  readonly lines: readonly string[];
  readonly measured: readonly unknown[];
  /** Empty for scenarios that measure something else. */
  readonly requests: readonly Measured[];
}

export async function playScenarios(all: readonly Scenario[], options: BenchOptions): Promise<void> {
  if (options.scenarios?.includes("list") === true) {
    for (const { name, title } of all) console.log(`${name.padEnd(16)} ${title}`);
    return;
  }
  const first = all[0]?.name ?? "";
  const scenarios = withTools(chosenScenarios(all, options.scenarios ?? [first]));
  const trees: TreeCopy[] = [copyWorkTree()];
  try {
    if (options.compare !== undefined) trees.push(buildRevision(options.compare));
    const kinds = candidates({ ...options, trees });
    await playAll(scenarios, kinds, { ...options, label: trees[1]?.label });
  } finally {
    for (const tree of trees) tree.remove();
  }
}

/** Those whose program for the load is there; the others are named. */
function withTools(scenarios: readonly Scenario[]): readonly Scenario[] {
  return scenarios.filter((scenario) => {
    const tool = scenario.kind === "idle" ? DRIVER_TOOLS.wrk : DRIVER_TOOLS[scenario.driver.kind];
    const there = isInstalled(tool);
    if (!there) console.log(`SKIPPED: ${scenario.name} needs ${tool}, which is not installed`);
    return there;
  });
}

async function playAll(
  scenarios: readonly Scenario[],
  kinds: readonly ProxyKind[],
  options: Options,
): Promise<void> {
  const results: Result[] = [];
  for (const scenario of scenarios) {
    const start = performance.now();
    console.log(`\n## ${scenario.name}: ${scenario.title}`);
    const result = await play(scenario, kinds, options);
    results.push(result);
    console.log(["", ...result.lines].join("\n"));
    console.log(`${scenario.name} took ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
  if (!options.smoke) conclude(results, options);
}

async function play(scenario: Scenario, kinds: readonly ProxyKind[], options: Options): Promise<Result> {
  const { name, title } = scenario;
  switch (scenario.kind) {
    case "requests": {
      const able = scenario.driver.kind === "h3" ? kinds.filter(speaksQuic) : kinds;
      const { lines, measured } = await playRequests(scenario, able, options);
      return { scenario: name, title, lines, measured, requests: measured };
    }
    case "idle": {
      const { lines, measured } = await playIdle(scenario, kinds, options);
      return { scenario: name, title, lines, measured, requests: [] };
    }
  }
}

function speaksQuic({ name, lacksQuic }: ProxyKind): boolean {
  if (lacksQuic === true) console.log(`SKIPPED: ${name}: Debian's build has no HTTP/3`);
  return lacksQuic !== true;
}

function conclude(results: readonly Result[], options: Options): void {
  const withRequests = results.filter(({ requests }) => requests.length > 0);
  const lines = results.flatMap((result) => [...result.lines, ""]);
  if (withRequests.length > 1) {
    const all = overview(withRequests.map(({ title, requests }) => [title, requests]));
    console.log(`\n${all.join("\n")}`);
    lines.push(...all);
  }
  const name = results.length === 1 ? `${options.command}-${results[0]?.scenario ?? ""}` : options.command;
  const figures = results.map(({ scenario, title, measured }) => ({ scenario, title, measured }));
  keep(name, options, { figures, lines });
}
