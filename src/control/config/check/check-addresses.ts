/** Nothing may be bound or named twice: listeners, the admin listener, the passthrough. */
import { formatHostPort, parseListenAddress } from "../address.ts";
import type { ListenerConfig } from "../gateway-config.ts";
import { ALL_ADDRESSES, ALL_IPV4, canonicalHost, coveringHosts } from "../hosts-overlap.ts";
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
  const { config } = context;
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
  refuseTaken(context, all);
  warnOfWildcards(context, all);
}

function refuseTaken({ issues }: CheckContext, all: readonly Bound[]): void {
  const seen = new Map<string, Bound>();
  for (const bound of all) {
    const key = bindKey(bound);
    if (key === undefined || issues.isBad(bound.path)) continue;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, bound);
    else issues.error(bound.path, `address "${bound.address}" is taken already`, { hint: ownerOf(first) });
  }
}

/** Ports are shared, so that the kernel takes both: connections to the exact address go to its listener alone. */
function warnOfWildcards({ issues }: CheckContext, all: readonly Bound[]): void {
  const wildcards = new Map<string, Bound>();
  for (const bound of all) {
    const parsed = parseListenAddress(bound.address);
    if (!("port" in parsed) || parsed.port === 0 || issues.isBad(bound.path)) continue;
    if (isWildcard(parsed.host))
      wildcards.set(`${bound.transport} ${canonicalHost(parsed.host)} ${parsed.port}`, bound);
  }
  for (const bound of all) {
    const parsed = parseListenAddress(bound.address);
    if (!("port" in parsed) || parsed.port === 0 || issues.isBad(bound.path)) continue;
    const wide = coveringHosts(canonicalHost(parsed.host)).flatMap(
      (host) => wildcards.get(`${bound.transport} ${host} ${parsed.port}`) ?? [],
    )[0];
    if (wide === undefined) continue;
    const message = `address "${bound.address}" is part of "${wide.address}", which is taken ${ownerOf(wide)}`;
    issues.warn(bound.path, message, { hint: "connections to this address do not reach the wider one" });
  }
}

function isWildcard(host: string): boolean {
  const canonical = canonicalHost(host);
  return canonical === ALL_IPV4 || canonical === ALL_ADDRESSES;
}

function transportOf(listener: ListenerConfig): "tcp" | "udp" {
  return listener.protocol === "quic" || listener.protocol === "udp" ? "udp" : "tcp";
}

/** The same for two spellings of one address; `undefined` where any free port is taken. */
function bindKey(bound: Bound): string | undefined {
  const parsed = parseListenAddress(bound.address);
  if (!("port" in parsed) || parsed.port === 0) return undefined;
  return `${bound.transport} ${formatHostPort({ host: canonicalHost(parsed.host), port: parsed.port })}`;
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
