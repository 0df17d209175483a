/** What a gateway says about itself to who embeds it: feature row A1.14. Made from its parts on request. */
import type { DataPlaneHost } from "./data-plane-host.ts";
import { type GatewayState, healthStatus, type HealthStatus } from "./gateway-state.ts";
import type { Applied } from "./serving.ts";

export interface GatewayHealth {
  readonly state: GatewayState;
  /** What the probes answer. */
  readonly status: HealthStatus;
  readonly uptimeSeconds: number;
  /** Number of the plan in effect; 0: none yet. */
  readonly generation: number;
  /** Worker processes that should run; 0: the data plane is in this process. */
  readonly workers: number;
  /** Of these, those that serve. */
  readonly servingWorkers: number;
  /** The data plane shows life: every worker that serves has a recent heartbeat, and there is one. */
  readonly responsive: boolean;
  /** What moves the bytes: `net`, `epoll` or `io_uring`; empty before the start. */
  readonly transport: string;
  /** The real ports by listener name. */
  readonly listeners: Readonly<Record<string, number>>;
}

export interface HealthParts {
  readonly state: GatewayState;
  readonly uptimeMs: number;
  readonly host: DataPlaneHost | undefined;
  readonly applied: Applied | null | undefined;
}

export function healthOf({ state, uptimeMs, host, applied }: HealthParts): GatewayHealth {
  const { workers = 0, serving = 0, responsive = false } = host?.health() ?? {};
  return {
    state,
    status: healthStatus(state),
    uptimeSeconds: Math.floor(uptimeMs / 1000),
    generation: applied?.plan.generation ?? 0,
    workers,
    servingWorkers: serving,
    responsive: responsive && (workers === 0 || serving > 0),
    transport: host?.transportKind ?? "",
    listeners: applied?.ports ?? {},
  };
}
