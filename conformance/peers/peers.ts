/** The peers of HTTP/3 that are led stream by stream, and how they are started. */
import { fileURLToPath } from "node:url";
import { findTool } from "../tools.ts";

export type PeerName = "aioquic" | "quic-go";

/** Python with aioquic in it, and the program of quic-go; `.ci/run` installs both. */
export const PEER_TOOLS: Readonly<Record<PeerName, string>> = {
  aioquic: "python/bin/python3",
  "quic-go": "quic-go-peer",
};

const AIOQUIC_PEER = fileURLToPath(new URL("./aioquic_peer.py", import.meta.url));

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

export function clientCommand(name: PeerName): Command {
  return command(name, ["client"]);
}

/** With files of a certificate and of its key. */
export function serverCommand(name: PeerName, address: readonly string[]): Command {
  return command(name, ["server", ...address]);
}

function command(name: PeerName, args: readonly string[]): Command {
  const tool = PEER_TOOLS[name];
  const file = findTool(tool) ?? tool;
  return { file, args: name === "aioquic" ? ["-B", AIOQUIC_PEER, ...args] : args };
}
