/**
 * Listeners share their ports (SO_REUSEPORT), so that a new gateway can start beside the one that it
 * replaces. A second one started by mistake would go unnoticed and take half of the connections: this
 * looks whether somebody listens already. The run and demo commands call it before the start.
 */
import { createServer } from "node:net";
import type { Log } from "../base/log.ts";
import type { GatewayConfig } from "../control/config/gateway-config.ts";

/** Whether a socket that does not share can be bound: an errno name when not, else the empty string. */
export function exclusiveBindError(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port }, () => server.close(() => resolve("")));
  });
}

export async function warnOfSharedPorts(config: GatewayConfig, log: Log): Promise<void> {
  for (const { name, address, host, port } of config.listeners) {
    if (port === 0 || (await exclusiveBindError(host, port)) !== "EADDRINUSE") continue;
    log.warn(
      { listener: name, address },
      "another process listens on this address: if it shares its port, connections go to both",
    );
  }
}
