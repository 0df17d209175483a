/**
 * Ports for listeners that ask for any free one (port 0), found before the workers bind: they must
 * all bind the same. The socket that finds a port stays bound, without listening, until they have,
 * so that nobody else takes it. Called by the pool for each plan.
 */
import type { NativeAddon } from "../../fastpath/native-addon.ts";
import { openListenSocket } from "../../fastpath/listen-socket.ts";
import type { Plan } from "../../proxy/plan.ts";

export interface PortReservation {
  /** The plan without port 0. */
  readonly plan: Plan;
  /** The ports by the configured address of the listener; to be kept for the next plan. */
  readonly ports: ReadonlyMap<string, number>;
  /** Gives up what was held; the workers have bound, or never will. */
  release(): void;
}

/** `known`: what the running plan got; its listeners keep their ports. Throws an `Error` with an errno `code`. */
export function reservePorts(
  addon: NativeAddon,
  plan: Plan,
  known: ReadonlyMap<string, number>,
): PortReservation {
  const ports = new Map<string, number>();
  const held: number[] = [];
  const release = (): void => held.splice(0).forEach((fd) => addon.closeDescriptor(fd));
  try {
    for (const { address, host, port } of plan.listeners) {
      if (port !== 0) continue;
      const keep = known.get(address);
      ports.set(address, keep ?? hold(addon, host, held));
    }
  } catch (error) {
    release();
    throw error;
  }
  return { plan: withPorts(plan, ports), ports, release };
}

function hold(addon: NativeAddon, host: string, held: number[]): number {
  const socket = openListenSocket(addon, { host, port: 0, reusePort: true });
  if (socket === null) return 0;
  held.push(socket.fd);
  return socket.port;
}

function withPorts(plan: Plan, ports: ReadonlyMap<string, number>): Plan {
  if (ports.size === 0) return plan;
  const listeners = plan.listeners.map((listener) => ({
    ...listener,
    port: ports.get(listener.address) ?? listener.port,
  }));
  return { ...plan, listeners };
}
