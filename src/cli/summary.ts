/** What a configuration would serve, as text for people: listeners, certificates, routers, services, middlewares. */
import type { LoadedCertificate } from "../control/certificates/certificate-store.ts";
import type { GatewayConfig } from "../control/config/gateway-config.ts";

/** Ends with a newline. Blocks that the configuration does not have are left out. */
export function summarize(config: GatewayConfig, certificates: readonly LoadedCertificate[]): string {
  const { runtime, observability } = config;
  const blocks = [
    block(
      "listeners",
      config.listeners.map(({ name, address, protocol, backends }) => [
        name,
        address,
        protocol,
        backends.length === 0 ? "" : counted(backends.length, "own backend"),
      ]),
    ),
    block(
      "certificates",
      certificates.map(({ listener, path, names, notAfterMs }) => [
        listener === "" ? "for backends" : listener,
        path,
        names.join(", "),
        `until ${new Date(notAfterMs).toISOString().slice(0, 10)}`,
      ]),
    ),
    block(
      "routers",
      Object.entries(config.routers).map(([name, router]) => [
        name,
        router.rule,
        `-> ${router.service}`,
        [...chain(router.middlewares), `priority ${router.priority}`].join(", "),
      ]),
    ),
    block(
      "services",
      Object.entries(config.services).map(([name, { strategy, backends }]) => [
        name,
        strategy,
        counted(backends.length, "backend"),
      ]),
    ),
    block(
      "middlewares",
      Object.entries(config.middlewares).map(([name, { type }]) => [name, type]),
    ),
    block("runtime", [
      ["workers", String(runtime.workers)],
      ["admin", observability.metrics_bind ?? "none"],
    ]),
  ];
  return blocks.filter((text) => text !== "").join("\n");
}

function chain(middlewares: readonly string[]): string[] {
  return middlewares.length === 0 ? [] : [`through ${middlewares.join(", ")}`];
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** A heading, if there is one, and its rows in columns; empty without rows. */
export function block(heading: string, rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  }
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
  const indent = heading === "" ? "" : "  ";
  const text = lines.map((line) => `${indent}${line.trimEnd()}\n`).join("");
  return heading === "" ? text : `${heading}\n${text}`;
}
