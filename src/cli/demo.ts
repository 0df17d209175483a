/**
 * `demo`, which `npm start` runs: the gateway on `config/demo.toml` with the backends of that file as
 * child processes. Prints what to open and to try, and ends on Ctrl-C.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { formatHostPort } from "../control/config/address.ts";
import type { BackendConfig, GatewayConfig } from "../control/config/gateway-config.ts";
import { readConfig } from "../control/config-source.ts";
import { print } from "./print.ts";
import { runGateway } from "./run-gateway.ts";
import { exclusiveBindError } from "./shared-ports.ts";

const EXIT_FAILURE = 1;

/** Beside this file under its built name, or as TypeScript when run from source. */
const BACKEND_ENTRY = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "demo-backend.ts" : "demo-backend.js", import.meta.url),
);

/** Serves until Ctrl-C. Returns the exit code. */
export async function runDemo(file: string): Promise<number> {
  process.env["LB_LOG_FORMAT"] ??= "text";
  const { config } = await readConfig(file, process.env);
  const taken = await takenAddresses(config);
  if (taken.length > 0) {
    print(describeTaken(taken, file), process.stderr);
    return EXIT_FAILURE;
  }
  const backends = await startBackends(config);
  try {
    print(instructions(config, backends.length));
    return await runGateway(file);
  } finally {
    for (const backend of backends) backend.disconnect();
  }
}

interface TakenAddress {
  readonly what: string;
  readonly address: string;
  readonly code: string;
}

/** Every address of the demo that cannot be bound by itself, the backends' too. */
async function takenAddresses(config: GatewayConfig): Promise<TakenAddress[]> {
  const wanted = [
    ...config.listeners.map(({ name, host, port }) => ({ what: `listener "${name}"`, host, port })),
    ...demoBackends(config).map(({ host, port }, index) => ({
      what: `demo backend ${index + 1}`,
      host,
      port,
    })),
  ];
  const taken: TakenAddress[] = [];
  for (const { what, host, port } of wanted) {
    const code = await exclusiveBindError(host, port);
    if (code !== "") taken.push({ what, address: formatHostPort({ host, port }), code });
  }
  return taken;
}

function describeTaken(taken: readonly TakenAddress[], file: string): string {
  const lines = taken.map(({ what, address, code }) =>
    code === "EADDRINUSE"
      ? `  ${address} (${what}): another process listens there; find it with: ss -ltnp 'sport = :${portOf(address)}'`
      : `  ${address} (${what}): ${code}`,
  );
  return `expressgateway: the demo cannot start, these addresses cannot be bound:\n${lines.join("\n")}\nStop what is there, or change the addresses in ${file}.\n`;
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(":") + 1);
}

/** The backends of all services, once each. */
function demoBackends(config: GatewayConfig): BackendConfig[] {
  const all = [...Object.values(config.services), ...config.listeners].flatMap(({ backends }) => backends);
  return [...new Map(all.map((backend) => [backend.address, backend])).values()];
}

async function startBackends(config: GatewayConfig): Promise<ChildProcess[]> {
  const children = demoBackends(config).map(({ host, port }, index) =>
    fork(BACKEND_ENTRY, [`backend-${index + 1}`, host, String(port)], { execArgv: ["--disable-sigusr1"] }),
  );
  await Promise.all(children.map((child) => once(child, "message")));
  return children;
}

/** What to open, and three lines to try: the listener's own backends and the two routers of the file. */
function instructions(config: GatewayConfig, backends: number): string {
  const web = config.listeners[0];
  const url = `http://${web?.host === "0.0.0.0" ? "127.0.0.1" : web?.host}:${web?.port}`;
  const admin = config.observability.metrics_bind;
  const lines = [
    `ExpressGateway demo: one listener, ${backends} backends.`,
    "",
    `  Open    ${url}/`,
    ...(admin === undefined ? [] : [`  Metrics http://${admin}/metrics`, `  Ready   http://${admin}/readyz`]),
    "",
    "Try:",
    `  curl -i ${url}/`,
    `  curl -s ${url}/api/orders`,
    `  curl -s -H 'Host: canary.localhost' ${url}/`,
    "",
    "Ctrl-C ends it.",
    "",
  ];
  return `${lines.join("\n")}\n`;
}
