/** Runs `forge_too_big.py`, which tells a socket of this machine that the path takes small packets only. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { CleanupScope } from "./gateway.ts";

const SCRIPT = fileURLToPath(new URL("forge_too_big.py", import.meta.url));

interface End {
  readonly host: string;
  readonly port: number;
}

/** A flow of UDP whose sender is lied to, and the sizes of packets that its path is said to take. */
export interface ForgedFlow {
  readonly sender: End;
  readonly receiver: End;
  readonly mtus: readonly number[];
}

export interface Forged {
  /** Messages. */
  readonly sent: number;
  /** What the kernel believes of the path in the end. */
  readonly pathMtu: number;
}

/** Begins; the function that it returns ends it. Rejects when nothing can be forged here. */
export async function forgeTooBig(scope: CleanupScope, flow: ForgedFlow): Promise<() => Promise<Forged>> {
  const { sender, receiver, mtus } = flow;
  const ends = [sender, receiver].flatMap(({ host, port }) => [host, String(port)]);
  const child = spawn("python3", [SCRIPT, ...ends, ...mtus.map(String)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  scope.after(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  await Promise.race([
    once(child.stdout, "readable"),
    exited.then(([code]) => Promise.reject(new Error(`the forger ended with ${String(code)}`))),
  ]);
  return async () => {
    child.stdin.end();
    const lines = (await text(child.stdout)).trimEnd().split("\n");
    return JSON.parse(lines.at(-1) ?? "") as Forged;
  };
}
