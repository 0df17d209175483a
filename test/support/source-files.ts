/** The files of the repository that people write, for the tests that judge them. */
import { globSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface SourceFile {
  /** Relative to the root, with slashes. */
  readonly path: string;
  readonly text: string;
}

const SKIPPED = /^(?:node_modules|dist|build|\.git|bench\/results|coverage)\//;

/** Files that match a glob, in order of their paths. */
export function filesMatching(...patterns: readonly string[]): SourceFile[] {
  const paths = patterns.flatMap((pattern) =>
    globSync(pattern, { cwd: ROOT, exclude: ["node_modules", "dist", "build"] }),
  );
  return [...new Set(paths)]
    .filter((path) => !SKIPPED.test(path) && statSync(ROOT + path).isFile())
    .toSorted()
    .map((path) => ({ path, text: readFileSync(ROOT + path, "utf8") }));
}

/** Lines that hold code: neither blank nor comment. */
export function codeLines(text: string): number {
  const withoutBlocks = text.replaceAll(/^\s*\/\*[\s\S]*?\*\/\s*$/gm, "");
  return withoutBlocks.split("\n").filter((line) => line.trim() !== "" && !line.trim().startsWith("//"))
    .length;
}

/** What a module imports or re-exports, as written. */
export function importsOf(text: string): string[] {
  const found = text.matchAll(
    /^(?:import|export)\b[^"';]*?from\s*"([^"]+)"|^import\s*"([^"]+)"|\bimport\("([^"]+)"\)/gm,
  );
  return [...found].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}
