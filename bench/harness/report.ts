/** Prints what was measured, as a table and as a row for RESULTS.md, and keeps it as JSON. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import type { Figure, Measured } from "./requests.ts";
import { formatSpread } from "./statistics.ts";

const COLUMNS: readonly (readonly [title: string, figure: Figure, digits: number])[] = [
  ["CPU µs/request", "cpuMicrosPerRequest", 1],
  ["requests/s", "requestsPerSecond", 0],
  ["p50 ms", "p50Ms", 2],
  ["p99 ms", "p99Ms", 2],
  ["p99.9 ms", "p999Ms", 2],
  ["RSS MiB", "rssMib", 0],
];

export function reportRequests(scenario: string, measured: readonly Measured[]): void {
  const reference = measured.find(({ name }) => name === "nginx");
  console.log(`\n${scenario}`);
  for (const one of measured) {
    const figures = COLUMNS.map(
      ([title, figure, digits]) => `  ${title}: ${formatSpread(one.figures[figure], digits)}`,
    );
    const noise = one.noisy ? ", NOISY: none was at the machine's usual speed" : "";
    const rounds = `${one.rounds} runs, ${one.rejected} rejected${noise}, ${one.errors} errors`;
    console.log(
      [
        `${one.name} (${one.version}; ${rounds})`,
        ...figures,
        `  CPU ratio to nginx: ${ratio(one, reference)}`,
      ].join("\n"),
    );
  }
  const titles = COLUMNS.map(([title]) => title);
  console.log(`\n| ${scenario} | ${titles.join(" | ")} | ratio to nginx |`);
  console.log(`|---|${titles.map(() => "---|").join("")}---|`);
  for (const one of measured) {
    const cells = COLUMNS.map(([, figure, digits]) => one.figures[figure].median.toFixed(digits));
    console.log(`| ${one.name} | ${cells.join(" | ")} | ${ratio(one, reference)} |`);
  }
}

function ratio(one: Measured, reference: Measured | undefined): string {
  if (reference === undefined) return "-";
  return (one.figures.cpuMicrosPerRequest.median / reference.figures.cpuMicrosPerRequest.median).toFixed(2);
}

/** Keeps the figures under bench/results/, which is not part of the repository. */
export function keep(scenario: string, options: object, measured: unknown): void {
  const dir = fileURLToPath(new URL("../results/", import.meta.url));
  mkdirSync(dir, { recursive: true });
  const time = new Date().toISOString();
  const file = `${dir}${time.replaceAll(":", "-")}-${scenario.replaceAll(/[^a-z0-9]+/gi, "-")}.json`;
  const machine = { cpu: cpus()[0]?.model ?? "unknown", cpus: cpus().length, node: process.versions.node };
  writeFileSync(file, `${JSON.stringify({ time, scenario, machine, options, measured }, undefined, 2)}\n`);
  console.log(`\nkept in ${file}`);
}
