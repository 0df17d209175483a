/**
 * Ports for listeners that ask for any free one (port 0), found before the workers bind: they must
 * all bind the same. The socket that finds a port stays bound, without listening, until they have,
 * so that nobody else takes it: over TCP, or over UDP for QUIC. Called by the pool for each plan.
 */
import { Clock } from "../../base/clock.ts";
import { UDP_BUFFER_BYTES } from "../../base/limits.ts";
import type { NativeAddon } from "../../fastpath/native-addon.ts";
import { openListenSocket } from "../../fastpath/listen-socket.ts";
import { NativeUdp } from "../../fastpath/native-udp.ts";
import { listenerKey } from "../../proxy/generation.ts";
import type { ListenerPlan, Plan } from "../../proxy/plan.ts";

export interface PortReservation {
  /** The plan without port 0. */
  readonly plan: Plan;
  /** The ports by `listenerKey`; to be kept for the next plan. */
  readonly ports: ReadonlyMap<string, number>;
  /** Gives up what was held; the workers have bound, or never will. */
  release(): void;
}

/** A port that is held. */
interface Held {
  readonly port: number;
  release(): void;
}

/** `known`: what the running plan got; its listeners keep their ports. Rejects with an `Error` that has an errno `code`. */
export async function reservePorts(
  addon: NativeAddon,
  plan: Plan,
  known: ReadonlyMap<string, number>,
): Promise<PortReservation> {
  const ports = new Map<string, number>();
  const held: Held[] = [];
  const release = (): void => held.splice(0).forEach((socket) => socket.release());
  try {
    for (const listener of plan.listeners) {
      if (listener.port !== 0) continue;
      const key = listenerKey(listener);
      const keep = known.get(key);
      if (keep === undefined) held.push(await hold(addon, listener));
      ports.set(key, keep ?? held.at(-1)?.port ?? 0);
    }
  } catch (error) {
    release();
    throw error;
  }
  return { plan: withPorts(plan, ports), ports, release };
}

async function hold(addon: NativeAddon, { host, quic }: ListenerPlan): Promise<Held> {
  const options = { host, port: 0, reusePort: true };
  if (quic !== null) {
    const sockets = new NativeUdp(new Clock(), addon);
    const socket = await sockets.bind({ ...options, bufferBytes: UDP_BUFFER_BYTES });
    return { port: socket.local.port, release: () => socket.close() };
  }
  const socket = openListenSocket(addon, options);
  return { port: socket?.port ?? 0, release: () => socket !== null && addon.closeDescriptor(socket.fd) };
}

function withPorts(plan: Plan, ports: ReadonlyMap<string, number>): Plan {
  if (ports.size === 0) return plan;
  const listeners = plan.listeners.map((listener) => ({
    ...listener,
    port: ports.get(listenerKey(listener)) ?? listener.port,
  }));
  return { ...plan, listeners };
}
