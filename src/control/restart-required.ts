/**
 * The settings that a running gateway cannot take over, because they shape its processes: a reload
 * keeps their running values and names them, and everything else goes live.
 */
import type { TransportSetting } from "../fastpath/choose-transport.ts";
import type { GatewayConfig } from "./config/gateway-config.ts";

export interface LiveConfig {
  /** The new configuration with the running values of `fields`. */
  readonly config: GatewayConfig;
  readonly fields: readonly string[];
}

/** What the running processes can take over. */
export interface RunningParts {
  /** For how many workers the shared memory was laid out. */
  readonly maxWorkers: number;
  /** Whether a start with this setting would choose the transport that runs. */
  runs(transport: TransportSetting): boolean;
}

export function keepRestartRequired(
  running: GatewayConfig,
  wanted: GatewayConfig,
  parts: RunningParts,
): LiveConfig {
  const fields: string[] = [];
  let { workers, transport, tcp_buffer_bytes } = wanted.runtime;
  if (workers !== running.runtime.workers && !canResize(running.runtime.workers, workers, parts.maxWorkers)) {
    workers = running.runtime.workers;
    fields.push("runtime.workers");
  }
  if (transport !== running.runtime.transport && !parts.runs(transport)) {
    transport = running.runtime.transport;
    fields.push("runtime.transport");
  }
  if (tcp_buffer_bytes !== running.runtime.tcp_buffer_bytes) {
    tcp_buffer_bytes = running.runtime.tcp_buffer_bytes;
    fields.push("runtime.tcp_buffer_bytes");
  }
  if (fields.length === 0) return { config: wanted, fields };
  return {
    config: { ...wanted, runtime: { ...wanted.runtime, workers, transport, tcp_buffer_bytes } },
    fields,
  };
}

/** Between processes and none, the data plane would have to move with its connections. */
function canResize(from: number, to: number, maxWorkers: number): boolean {
  return from > 0 && to > 0 && to <= maxWorkers;
}
