/** The gateway itself, with one worker. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ProxyKind, ProxySetup, RunningProxy } from "./proxy.ts";
import { Gateway } from "../../test/support/gateway.ts";
import { h1Listener } from "../../test/support/gateway-config.ts";

export const expressgateway: ProxyKind = { name: "ExpressGateway", version, start: startProxy };

function version(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return `expressgateway/${(JSON.parse(manifest) as { version: string }).version}, Node ${process.versions.node}`;
}

async function startProxy(setup: ProxySetup): Promise<RunningProxy> {
  const cleanups: (() => Promise<void>)[] = [];
  const scope = { after: (cleanup: () => Promise<void>) => cleanups.push(cleanup) };
  const gateway = await Gateway.start(
    scope,
    {
      listeners: [
        h1Listener(setup.port, [...setup.backends], {
          http: { header_timeout_ms: 300_000, keepalive_timeout_ms: 300_000 },
        }),
      ],
      runtime: { workers: 1, max_keepalive_requests: 0, per_ip_connection_cap: 1_000_000 },
      observability: { access_log: { enabled: true, path: join(setup.dir, "access.log"), format: "json" } },
    },
    { cpu: setup.cpu, fdLimit: setup.maxConnections * 2, env: { LB_LOG: "warn" } },
  );
  return {
    name: expressgateway.name,
    version: version(),
    pids: () => [gateway.pid, ...gateway.workers()],
    stop: async () => {
      gateway.kill("SIGTERM");
      for (const cleanup of cleanups) await cleanup();
    },
  };
}
