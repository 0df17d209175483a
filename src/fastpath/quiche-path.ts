/**
 * The one path of a connection, as quiche has it: texts. quiche sees no other, wherever packets come from and go
 * to: its books of several paths have an endless loop (CVE-2025-7054), and hold what was sent over one of them
 * back from the others.
 */
import type { Host, RecvInfo } from "@matrixai/quic/native/types.js";
import { assert } from "../base/assert.ts";
import { formatIp } from "../base/ip.ts";
import type { UdpAddress, UdpPath } from "./udp.ts";

/** `from` is the peer. */
export function recvInfoOf(path: UdpPath): RecvInfo {
  return { from: hostOf(path.remote), to: hostOf(path.local) };
}

function hostOf(address: UdpAddress): Host {
  assert(Number.isInteger(address.port) && address.port >= 0 && address.port <= 0xffff, "this is no port");
  return { host: formatIp(address.words), port: address.port };
}
