/**
 * The transports of this machine: whether one can run here, and a new one of its kind. The control
 * plane probes before it starts; the data plane of each worker opens what was chosen.
 */
import { unreachable } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { TransportKind } from "./choose-transport.ts";
import { loadNativeAddon, nativeAddon } from "./native-addon.ts";
import { NativeTransport } from "./native-transport.ts";
import { NetTransport } from "./net-transport.ts";
import type { Transport } from "./transport.ts";

/** Why a transport cannot run here, in one line; empty: it can. */
export function probeTransport(kind: TransportKind): string {
  switch (kind) {
    case "net":
      return "";
    case "epoll":
    case "io_uring": {
      const load = loadNativeAddon();
      if (load.kind === "missing") return `the native addon is missing: ${load.reason}`;
      return load.addon.transportProbe(kind);
    }
  }
  return unreachable(kind);
}

/** Throws when the transport cannot run here: ask `probeTransport` first. */
export function openTransport(kind: TransportKind, clock: Clock): Transport {
  const addon = nativeAddon();
  if (kind === "net") return new NetTransport(clock, addon);
  if (addon === null) throw new Error(`transport ${kind}: ${probeTransport(kind)}`);
  return new NativeTransport(clock, addon, kind);
}
