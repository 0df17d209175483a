/**
 * The gateway, from a built tree: this one, or another commit's that `tree-copy.ts` has built. Each
 * transport is a contestant of its own.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "smol-toml";
import { Daemon } from "./daemon.ts";
import {
  descriptorsFor,
  IDLE_SECONDS,
  IDLE_TO_BACKENDS,
  type ProxyKind,
  type ProxySetup,
  type RunningProxy,
} from "./proxy.ts";
import { freePort, HOST } from "../../test/support/addresses.ts";
import { waitFor } from "../../test/support/wait-for.ts";

export interface GatewayTree {
  /** Folder with bin/, dist/ and node_modules/. */
  readonly root: string;
  /** Behind the product's name in tables; empty for the work tree. */
  readonly label: string;
}

/** `auto` is left to the gateway; the row then bears the product's name alone. */
export function expressgateway(tree: GatewayTree, transport: string): ProxyKind {
  const suffix = transport === "auto" ? "" : ` (${transport})`;
  return {
    name: `ExpressGateway${tree.label}${suffix}`,
    version: () => versionOf(tree),
    start: (setup) => startGateway(tree, transport, setup),
  };
}

/** Why this tree's gateway does not take the transport, as its own `check` says; undefined when it does. */
export function refusal(tree: GatewayTree, transport: string, dir: string): string | undefined {
  const file = join(dir, `check-${transport}.toml`);
  writeFileSync(
    file,
    stringify({
      listeners: [{ address: `${HOST}:1`, protocol: "h1", backends: [{ address: `${HOST}:2` }] }],
      runtime: { transport },
    }),
  );
  try {
    execFileSync(join(tree.root, "bin/expressgateway"), ["check", file], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: Buffer; readonly stderr: Buffer };
    return `${stdout.toString()}${stderr.toString()}`.trim();
  }
}

function versionOf({ root }: GatewayTree): string {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly version: string;
  };
  return `expressgateway/${manifest.version}`;
}

async function startGateway(tree: GatewayTree, transport: string, setup: ProxySetup): Promise<RunningProxy> {
  const file = join(setup.dir, "gateway.toml");
  const accessLog = join(setup.dir, "access.log");
  const adminPort = await freePort();
  writeFileSync(file, stringify(config(setup, { transport, accessLog, adminPort })));
  const daemon = await Daemon.start({
    cpus: setup.cpus,
    command: join(tree.root, "bin/expressgateway"),
    args: [file],
    host: setup.host,
    port: setup.port,
    logFile: join(setup.dir, "gateway.out"),
    maxDescriptors: descriptorsFor(setup),
    env: { LB_LOG: setup.logs === "all" ? "debug" : "warn" },
  });
  const taken = await takenTransport(adminPort);
  return {
    version: `${versionOf(tree)}, Node ${process.versions.node}${taken}`,
    accessLog,
    pids: () => daemon.pids(),
    stop: () => daemon.stop(),
  };
}

interface Details {
  readonly transport: string;
  readonly accessLog: string;
  readonly adminPort: number;
}

function config(setup: ProxySetup, details: Details): object {
  const backends = setup.backends.map((address) => ({ address, protocol: "h1" }));
  const listener = {
    name: "web",
    address: `${setup.host}:${setup.port}`,
    ...protocolOf(setup),
    http: { header_timeout_ms: 300_000, keepalive_timeout_ms: IDLE_SECONDS * 1000 },
  };
  const routed = setup.routes.length > 0;
  const listeners = setup.quic ? [listener, quicListener(setup, listener)] : [listener];
  return {
    listeners: routed ? listeners : listeners.map((each) => ({ ...each, backends })),
    ...(routed ? { services: { pair: { backends } }, routers: routers(setup) } : {}),
    pool: {
      max_idle_per_backend: IDLE_TO_BACKENDS,
      max_idle_total: 2 * IDLE_TO_BACKENDS,
      idle_timeout_ms: IDLE_SECONDS * 1000,
      max_age_ms: IDLE_SECONDS * 1000,
    },
    runtime: {
      workers: setup.workers,
      ...(details.transport === "auto" ? {} : { transport: details.transport }),
      max_keepalive_requests: 0,
      ...(setup.quic ? { max_requests_per_h3_connection: 0 } : {}),
      per_ip_connection_cap: 1_000_000,
      max_inflight_connections: 1_000_000,
      readiness_settle_ms: 0,
      drain_timeout_ms: 200,
      drain_jitter_ms: 0,
    },
    observability: {
      // Each router is a label, and each of its statuses a series.
      max_label_cardinality: 100_000,
      metrics_bind: `${HOST}:${details.adminPort}`,
      access_log: { enabled: true, path: details.accessLog, format: "json" },
    },
  };
}

function protocolOf({ tls }: ProxySetup): object {
  if (tls === null) return { protocol: "h1" };
  return { protocol: "h1s", tls: { cert_path: tls.certPath, key_path: tls.keyPath } };
}

/** HTTP/3 beside a listener of TCP. */
function quicListener({ tls, dir }: ProxySetup, listener: object): object {
  const quic = {
    cert_path: tls?.certPath,
    key_path: tls?.keyPath,
    retry_secret_path: join(dir, "retry.secret"),
  };
  return { ...listener, name: "quic", protocol: "quic", tls: undefined, quic };
}

function routers({ routes }: ProxySetup): object {
  return Object.fromEntries(
    routes.map(({ host, prefix }, index) => [
      `r${index}`,
      { rule: `Host(\`${host}\`) && PathPrefix(\`${prefix}\`)`, service: "pair" },
    ]),
  );
}

/** What moves the bytes, from the metrics, once the gateway is ready. Commits without that metric have one transport. */
async function takenTransport(adminPort: number): Promise<string> {
  const ask = async (path: string): Promise<Response | undefined> =>
    await fetch(`http://${HOST}:${adminPort}${path}`, { headers: { connection: "close" } }).catch(
      () => undefined,
    );
  await waitFor("the gateway to be ready", async () => (await ask("/readyz"))?.status === 200, {
    timeoutMs: 15_000,
  });
  const metrics = (await (await ask("/metrics"))?.text()) ?? "";
  const kind = /^expressgateway_transport_info\{transport="(\w+)"\} 1$/m.exec(metrics)?.[1];
  return kind === undefined ? "" : `, ${kind}`;
}
