/**
 * Golden files: a configuration, a separator, and what the operator is told about it. The expected part of a
 * valid file is `OK`. `#env NAME=value` lines at the top set the environment. The certificates that a file may
 * name are those of `golden-files.ts`.
 * `UPDATE_GOLDEN=1` rewrites the expected parts; read the difference before you keep it.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { parseConfig } from "../../src/control/config/parse-config.ts";
import { renderIssues } from "../../src/control/config/render.ts";
import { goldenFiles } from "./golden-files.ts";

const SEPARATOR = "\n=== expected ===\n";
const folder = new URL("golden/", import.meta.url);

function environment(text: string): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [, name, value] of text.matchAll(/^#env ([A-Z_]+)=(.*)$/gm)) env[name ?? ""] = value ?? "";
  return env;
}

/** A machine of its own, so that the files say the same everywhere: it has no io_uring, and its own certificates. */
const MACHINE = {
  cpus: 4,
  certificates: { files: goldenFiles() },
  probe: (kind: string) => (kind === "io_uring" ? "io_uring_setup: EPERM" : ""),
};

function told(text: string): string {
  const { config, issues } = parseConfig(text, { file: "lb.toml", env: environment(text), ...MACHINE });
  const rendered = renderIssues(issues, text, "lb.toml");
  return config === undefined ? rendered : `${rendered}OK\n`;
}

const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));

test("there are golden files", () => {
  assert.ok(files.length >= 25, `${files.length} golden files`);
});

for (const file of files) {
  test(`golden: ${file}`, () => {
    const content = readFileSync(new URL(file, folder), "utf8");
    const [input = "", expected] = content.split(SEPARATOR);
    const actual = told(input);
    if (process.env["UPDATE_GOLDEN"] === "1")
      writeFileSync(new URL(file, folder), input + SEPARATOR + actual);
    else assert.equal(actual, expected);
  });
}
