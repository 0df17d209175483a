/** Servers of others as child processes of a run: started from the tools, ended with the scope. */
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { HOST } from "../../test/support/addresses.ts";
import type { CleanupScope } from "../../test/support/gateway.ts";
import { findTool } from "../tools.ts";

export interface Child {
  /** The last that it said. */
  readonly said: string;
}

const SAID_CHARACTERS = 2000;

/** `home`: where it may keep files of its own; default: that of who runs this. */
export function childFor(scope: CleanupScope, tool: string, args: readonly string[], home?: string): Child {
  const env = home === undefined ? process.env : { PATH: process.env["PATH"], HOME: home };
  const child = spawn(findTool(tool) ?? tool, args, { stdio: ["ignore", "pipe", "pipe"], env });
  const result = { said: "" };
  for (const output of [child.stdout, child.stderr])
    output.on("data", (bytes: Buffer) => {
      result.said = (result.said + bytes.toString("latin1")).slice(-SAID_CHARACTERS);
    });
  const over = once(child, "close");
  scope.after(async () => {
    child.kill("SIGKILL");
    await over;
  });
  return result;
}

/** Somebody has this UDP port of `HOST`. */
export async function udpPortTaken(port: number): Promise<boolean> {
  const socket = createSocket("udp4");
  const taken = new Promise<boolean>((resolve) => {
    socket.once("error", () => resolve(true));
    socket.once("listening", () => resolve(false));
  });
  socket.bind(port, HOST);
  const result = await taken;
  socket.close();
  return result;
}
