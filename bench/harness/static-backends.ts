/**
 * Backends for requests without bodies: one nginx on two ports, which answers at little cost. `/probe`
 * tells the caller which port it is and which fields the proxy has added.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Daemon } from "./daemon.ts";
import { NGINX_SEEN } from "./seen-header.ts";
import { startNginx } from "./nginx-process.ts";

export interface BackendSetup {
  readonly host: string;
  readonly ports: readonly number[];
  readonly cpus: readonly number[];
  readonly dir: string;
  readonly descriptors: number;
}

/** The answers to everything but files: small, as in most API traffic. */
export const SMALL_BYTES = 128;

/** Files by path. */
const FILES: Readonly<Record<string, number>> = { "10k": 10 * 1024, "1m": 1024 * 1024 };

export async function startStaticBackends(setup: BackendSetup): Promise<Daemon> {
  const files = join(setup.dir, "files");
  mkdirSync(files);
  for (const [name, bytes] of Object.entries(FILES)) writeFileSync(join(files, name), "x".repeat(bytes));
  const servers = setup.ports.map(
    (port) => `server {
    listen ${setup.host}:${port} backlog=4096; root ${files}; default_type text/plain;
    location / { return 200 "${"x".repeat(SMALL_BYTES)}"; }
    location ~ /probe$ { add_header ${NGINX_SEEN}; return 204; }
    ${Object.keys(FILES)
      .map((name) => `location = /${name} { sendfile on; tcp_nopush on; }`)
      .join(" ")}
  }`,
  );
  return await startNginx({
    ...setup,
    port: setup.ports[0] ?? 0,
    workers: setup.cpus.length,
    errorLevel: "error",
    http: `access_log off; open_file_cache max=16 inactive=1h;\n  ${servers.join("\n  ")}`,
  });
}
