/**
 * Programs from outside that suites run: they are not part of the repository. `.ci/run` installs them into
 * `.cache/tools`; another place can be named in CONFORMANCE_TOOLS, and the search path counts too.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { once } from "node:events";

const TOOLS = process.env["CONFORMANCE_TOOLS"] ?? fileURLToPath(new URL("../.cache/tools", import.meta.url));

/** Where the program is; undefined when it is nowhere. */
export function findTool(name: string): string | undefined {
  const folders = [TOOLS, ...(process.env["PATH"] ?? "").split(delimiter)];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

export interface ToolRun {
  /** `null` when it was killed, as it took too long. */
  readonly code: number | null;
  /** Both outputs, as they came. */
  readonly output: string;
}

/** Runs a program to its end, or kills it after `timeoutMs`. */
export async function runTool(file: string, args: readonly string[], timeoutMs: number): Promise<ToolRun> {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  const parts: Buffer[] = [];
  child.stdout.on("data", (part: Buffer) => parts.push(part));
  child.stderr.on("data", (part: Buffer) => parts.push(part));
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  return { code, output: Buffer.concat(parts).toString("latin1") };
}
