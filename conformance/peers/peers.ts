/** The peers of HTTP/3, and of raw QUIC, that are led stream by stream, and how they are started. */
import { fileURLToPath } from "node:url";
import { findTool } from "../tools.ts";

export type PeerName = "aioquic" | "quic-go";

/** Python with aioquic in it, and the program of quic-go; `.ci/run` installs both. */
export const PEER_TOOLS: Readonly<Record<PeerName, string>> = {
  aioquic: "python/bin/python3",
  "quic-go": "quic-go-peer",
};

const AIOQUIC_PEER = fileURLToPath(new URL("./aioquic_peer.py", import.meta.url));
const AIOQUIC_RAW = fileURLToPath(new URL("./aioquic_raw.py", import.meta.url));

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

/** The same for raw QUIC; what a server is told stands in `aioquic_raw.py`. */
export function rawCommand(name: PeerName, role: "client" | "server", args: readonly string[]): Command {
  return name === "aioquic"
    ? aioquic(AIOQUIC_RAW, [role, ...args])
    : { file: fileOf(name), args: [`raw-${role}`, ...args] };
}

function command(name: PeerName, args: readonly string[]): Command {
  return name === "aioquic" ? aioquic(AIOQUIC_PEER, args) : { file: fileOf(name), args };
}

/** Nothing is to be written beside the program. */
function aioquic(program: string, args: readonly string[]): Command {
  return { file: fileOf("aioquic"), args: ["-B", program, ...args] };
}

function fileOf(name: PeerName): string {
  return findTool(PEER_TOOLS[name]) ?? PEER_TOOLS[name];
}
