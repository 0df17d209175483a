/**
 * The datagram sockets of this machine, as `open-transport.ts` has its connections: what moves them
 * follows the transport that was chosen for all workers. The data plane of each worker opens them.
 */
import type { Clock } from "../base/clock.ts";
import type { TransportKind } from "./choose-transport.ts";
import { DgramUdp } from "./dgram-udp.ts";
import { nativeAddon } from "./native-addon.ts";
import { NativeUdp } from "./native-udp.ts";
import type { UdpSockets } from "./udp.ts";

/**
 * Native beside a native transport, and node:dgram beside node:net, or where the addon is missing.
 * Sockets refresh `clock` before they call their owners.
 */
export function openUdp(transport: TransportKind, clock: Clock): UdpSockets {
  const addon = transport === "net" ? null : nativeAddon();
  return addon === null ? new DgramUdp(clock) : new NativeUdp(clock, addon);
}
