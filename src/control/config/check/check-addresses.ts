/** Nothing may be bound or named twice: listeners, the admin listener, the passthrough. */
import { formatHostPort, parseHostPort } from "../address.ts";
import type { ListenerConfig } from "../gateway-config.ts";
import type { ConfigPath } from "../issue.ts";
import type { CheckContext } from "./check-context.ts";

interface Bound {
  readonly address: string;
  readonly transport: "tcp" | "udp";
  readonly path: ConfigPath;
}

export function checkAddresses(context: CheckContext): void {
  checkBound(context);
  checkNames(context);
}

function checkBound(context: CheckContext): void {
  const { config, issues } = context;
  const all: Bound[] = config.listeners.map((listener, index) => ({
    address: listener.address,
    transport: transportOf(listener),
    path: ["listeners", index, "address"],
  }));
  const metrics = config.observability.metrics_bind;
  if (metrics !== undefined) {
    all.push({ address: metrics, transport: "tcp", path: ["observability", "metrics_bind"] });
  }
  if (config.passthrough !== undefined) {
    all.push({ address: config.passthrough.bind_addr, transport: "udp", path: ["passthrough", "bind_addr"] });
  }
  const seen = new Map<string, Bound>();
  for (const bound of all) {
    const key = bindKey(bound);
    if (key === undefined || issues.isBad(bound.path)) continue;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, bound);
    else issues.error(bound.path, `address "${bound.address}" is taken already`, { hint: ownerOf(first) });
  }
}

function transportOf(listener: ListenerConfig): "tcp" | "udp" {
  return listener.protocol === "quic" || listener.protocol === "udp" ? "udp" : "tcp";
}

/** The same for two spellings of one address; `undefined` where any free port is taken. */
function bindKey(bound: Bound): string | undefined {
  const parsed = parseHostPort(bound.address);
  if (!("port" in parsed) || parsed.port === 0) return undefined;
  return `${bound.transport} ${formatHostPort({ host: canonicalHost(parsed.host), port: parsed.port })}`;
}

/** One spelling for each address: IPv6 in its shortest form (RFC 5952), `localhost` as what it means. */
function canonicalHost(host: string): string {
  if (host.includes(":")) return new URL(`http://[${host}]/`).hostname.slice(1, -1);
  const lower = host.toLowerCase();
  return lower === "localhost" ? "127.0.0.1" : lower;
}

function ownerOf(bound: Bound): string {
  const [block, index] = bound.path;
  return typeof index === "number" ? `by listener number ${index + 1}` : `by [${String(block)}]`;
}

function checkNames(context: CheckContext): void {
  const seen = new Map<string, number>();
  for (const [index, listener] of context.config.listeners.entries()) {
    const path: ConfigPath = [
      "listeners",
      index,
      context.given(["listeners", index, "name"]) ? "name" : "address",
    ];
    if (listener.name === "" || context.issues.isBad(path)) continue;
    const first = seen.get(listener.name);
    if (first === undefined) seen.set(listener.name, index);
    else if (path[2] === "name") {
      const hint = `listener number ${first + 1} has it`;
      context.issues.error(path, `the name "${listener.name}" is taken already`, { hint });
    }
  }
}
