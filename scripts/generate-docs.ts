/**
 * Writes what follows from the code: docs/CONFIG.md, docs/config.schema.json and
 * config/expressgateway.toml from the configuration schema, docs/METRICS.md from the metric families.
 * With `--check` it writes nothing and fails when one of them is stale.
 */
import { readFile, writeFile } from "node:fs/promises";
import { configMarkdown } from "../src/control/config/config-markdown.ts";
import { jsonSchema } from "../src/control/config/json-schema.ts";
import { referenceToml } from "../src/control/config/reference-toml.ts";
import { renderMetricsDoc } from "../src/control/metrics/metrics-doc.ts";

const root = new URL("../", import.meta.url);

const generated: readonly (readonly [string, string])[] = [
  ["docs/CONFIG.md", configMarkdown()],
  ["docs/config.schema.json", `${JSON.stringify(jsonSchema(), null, 2)}\n`],
  ["config/expressgateway.toml", referenceToml()],
  ["docs/METRICS.md", renderMetricsDoc()],
];

async function current(path: string): Promise<string | undefined> {
  try {
    return await readFile(new URL(path, root), "utf8");
  } catch {
    return undefined;
  }
}

async function run(checkOnly: boolean): Promise<void> {
  for (const [path, content] of generated) {
    if ((await current(path)) === content) continue;
    if (checkOnly) {
      console.error(`${path} is stale: run "npm run docs"`);
      process.exitCode = 1;
    } else {
      await writeFile(new URL(path, root), content);
      console.log(`wrote ${path}`);
    }
  }
}

await run(process.argv.includes("--check"));
