/**
 * Another commit of this repository, built in a folder of its own, to be measured beside the work
 * tree. The folder has the commit's files, this tree's node_modules by a link, and its own dist/ and
 * addon. Nothing is left in the repository, even when the bench is killed.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { atExit } from "./at-exit.ts";
import type { GatewayTree } from "./expressgateway.ts";

export interface Revision extends GatewayTree {
  /** Deletes the folder. */
  remove(): void;
}

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Throws when there is no such commit or it cannot be built. */
export function buildRevision(rev: string): Revision {
  const commit = git("rev-parse", "--verify", "--short", `${rev}^{commit}`).trim();
  const root = mkdtempSync(join(tmpdir(), `expressgateway-${commit}-`));
  const remove = (): void => rmSync(root, { recursive: true, force: true });
  atExit(remove);
  try {
    console.log(`building ${commit} in ${root}`);
    execFileSync("/bin/sh", ["-c", 'git archive "$0" | tar -x -C "$1"', commit, root], { cwd: ROOT });
    symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
    warnOfDependencies(root, commit);
    const env = { ...process.env, PATH: `${join(root, "node_modules/.bin")}:${process.env["PATH"] ?? ""}` };
    run(root, env, "tsc", "-p", "tsconfig.build.json");
    run(root, env, "sh", "scripts/build-native.sh");
    return { root, label: `@${commit}`, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function warnOfDependencies(root: string, commit: string): void {
  const lock = (folder: string): string => readFileSync(join(folder, "package-lock.json"), "utf8");
  if (lock(root) !== lock(ROOT)) {
    console.log(`${commit} has other dependencies: it is measured with those of the work tree`);
  }
}

function git(...args: readonly string[]): string {
  return execFileSync("git", [...args], { cwd: ROOT, encoding: "utf8" });
}

function run(cwd: string, env: NodeJS.ProcessEnv, command: string, ...args: readonly string[]): void {
  execFileSync(command, [...args], { cwd, env, stdio: ["ignore", "inherit", "inherit"] });
}
