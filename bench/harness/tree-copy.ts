/**
 * The trees that are measured, each in a temporary folder: a copy of what is built in the work tree,
 * so that a build during the bench does not change what is measured, and another commit, built there
 * from its own files. Both use this tree's node_modules by a link. Nothing is left in the repository,
 * even when the bench is killed.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { atExit } from "./at-exit.ts";
import type { GatewayTree } from "./expressgateway.ts";

export interface TreeCopy extends GatewayTree {
  /** Deletes the folder. */
  remove(): void;
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What runs; the addon is not there on machines that cannot build it. */
const BUILT = ["bin", "dist", "package.json", "build/Release/expressgateway.node"];

/** The work tree, as it is built now. */
export function copyWorkTree(): TreeCopy {
  const { root, remove } = makeFolder("work-tree");
  for (const path of BUILT) {
    const from = join(ROOT, path);
    if (existsSync(from)) cpSync(from, join(root, path), { recursive: true });
  }
  return { root, label: "", remove };
}

/** Another commit. Throws when there is no such commit or it cannot be built. */
export function buildRevision(rev: string): TreeCopy {
  const commit = git("rev-parse", "--verify", "--short", `${rev}^{commit}`).trim();
  const { root, remove } = makeFolder(commit);
  try {
    console.log(`building ${commit} in ${root}`);
    execFileSync("/bin/sh", ["-c", 'git archive "$0" | tar -x -C "$1"', commit, root], { cwd: ROOT });
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

function makeFolder(name: string): Pick<TreeCopy, "root" | "remove"> {
  const root = mkdtempSync(join(tmpdir(), `expressgateway-bench-${name}-`));
  const remove = (): void => rmSync(root, { recursive: true, force: true });
  atExit(remove);
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
  return { root, remove };
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
