/** Runs a program pinned to some CPUs, to its end, and gives what it printed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { atExit } from "./at-exit.ts";

/** Longer than any run is asked to take: a program that hangs is ended, and its lack of a result tells. */
const MAX_RUN_MS = 120_000;

export async function runPinned(
  cpus: readonly number[],
  command: string,
  args: readonly string[],
): Promise<string> {
  const child = spawn("taskset", ["-c", cpus.join(","), command, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const forget = atExit(() => child.kill());
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (part: string) => {
      text += part;
    });
  }
  const timer = setTimeout(() => child.kill("SIGKILL"), MAX_RUN_MS);
  await once(child, "close");
  clearTimeout(timer);
  forget();
  return text;
}
