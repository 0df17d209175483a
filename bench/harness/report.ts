/** Prints what was measured, and keeps it as JSON and as Markdown. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { fileURLToPath } from "node:url";

/** Keeps figures and tables under bench/results/, which is not part of the repository. */
export function keep(name: string, options: object, { figures, lines }: Kept): void {
  const dir = fileURLToPath(new URL("../results/", import.meta.url));
  mkdirSync(dir, { recursive: true });
  const time = new Date().toISOString();
  const file = `${dir}${time.replaceAll(":", "-")}-${name.replaceAll(/[^a-z0-9]+/gi, "-")}`;
  const machine = {
    cpu: cpus()[0]?.model ?? "unknown",
    cpus: cpus().length,
    kernel: release(),
    node: process.versions.node,
  };
  const json = JSON.stringify({ time, name, machine, options, figures }, undefined, 2);
  writeFileSync(`${file}.json`, `${json}\n`);
  writeFileSync(`${file}.md`, `${lines.join("\n")}\n`);
  console.log(`\nkept in ${file}.json and .md`);
}

export interface Kept {
  readonly figures: unknown;
  /** The tables, in Markdown. */
  readonly lines: readonly string[];
}
