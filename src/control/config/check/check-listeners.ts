/** Blocks of a listener against its protocol, its names, and whether anything reaches a backend. Feature rows A2.1, A2.5. */
import type { ListenerConfig } from "../gateway-config.ts";
import { isHttpListener } from "../gateway-config.ts";
import type { ConfigPath } from "../issue.ts";
import type { CheckContext } from "./check-context.ts";
import { checkQuic } from "./check-quic.ts";
import { checkTls } from "./check-tls.ts";

type Protocol = ListenerConfig["protocol"];

/** The protocols that each block or key belongs to. */
const BELONGS_TO: Readonly<Record<string, readonly Protocol[]>> = {
  tls: ["tls", "h1s"],
  quic: ["quic"],
  http: ["h1", "h1s", "quic"],
  alt_svc: ["h1", "h1s"],
  // `h1` serves HTTP/2 too, to clients that begin with it.
  h2_security: ["h1", "h1s"],
  websocket: ["h1", "h1s", "quic"],
  grpc: ["h1", "h1s", "quic"],
  relay_idle_timeout_ms: ["tls"],
  max_connections: ["tcp", "tls", "h1", "h1s"],
  tcp_allowed_ips: ["tcp", "tls", "h1", "h1s"],
  udp_session_timeout_secs: ["udp"],
  udp_max_sessions: ["udp"],
};

export function checkListeners(context: CheckContext): void {
  const { config, issues } = context;
  if (!issues.isBad(["listeners"]) && config.listeners.length === 0 && config.passthrough === undefined) {
    issues.error([], "the file has no [[listeners]] and no [passthrough]: the gateway would serve nothing");
  }
  for (const [index, listener] of config.listeners.entries()) {
    const path: ConfigPath = ["listeners", index];
    if (issues.isBad(path)) continue;
    if (!issues.isBad([...path, "protocol"])) checkBlocks(context, listener, path);
    checkTls(context, listener, path);
    checkQuic(context, listener, path);
    checkDrain(context, listener, path);
    checkReach(context, listener, path);
  }
}

function checkBlocks(context: CheckContext, listener: ListenerConfig, path: ConfigPath): void {
  for (const [key, protocols] of Object.entries(BELONGS_TO)) {
    if (!context.given([...path, key]) || protocols.includes(listener.protocol)) continue;
    const allowed = protocols.map((protocol) => `"${protocol}"`).join(", ");
    const message = `"${key}" does not belong to a listener of protocol "${listener.protocol}"`;
    context.issues.invalid([...path, key], message, { at: "key", hint: `it belongs to ${allowed}` });
  }
  requireBlock(context, listener, path, "tls", ["tls", "h1s"]);
  requireBlock(context, listener, path, "quic", ["quic"]);
}

function requireBlock(
  context: CheckContext,
  listener: ListenerConfig,
  path: ConfigPath,
  block: "tls" | "quic",
  protocols: readonly Protocol[],
): void {
  if (!protocols.includes(listener.protocol) || context.given([...path, block])) return;
  const message = `a listener of protocol "${listener.protocol}" needs [listeners.${block}]`;
  context.issues.error([...path, "protocol"], message, { hint: "with cert_path and key_path" });
}

function checkDrain(context: CheckContext, listener: ListenerConfig, path: ConfigPath): void {
  if (!context.given([...path, "drain_jitter_ms"]) || listener.drain_jitter_ms <= listener.drain_timeout_ms)
    return;
  const message = `drain_jitter_ms is ${listener.drain_jitter_ms}, more than the drain timeout of ${listener.drain_timeout_ms} ms`;
  context.issues.error([...path, "drain_jitter_ms"], message, {
    hint: "connections must be told before the timeout",
  });
}

function checkReach(context: CheckContext, listener: ListenerConfig, path: ConfigPath): void {
  if (["address", "protocol", "backends"].some((key) => context.issues.isBad([...path, key]))) return;
  // A raw proxy that names no backend has been told so.
  if (listener.quic?.raw_proxy !== undefined || listener.backends.length > 0) return;
  if (isHttpListener(listener) && isRouted(context, listener)) return;
  const answer = isHttpListener(listener) ? "every request gets 404" : "it is not opened";
  const message = `listener "${listener.name}" has no backends${isHttpListener(listener) ? " and no router reaches it" : ""}: ${answer}`;
  context.issues.warn(path, message, { hint: "add [[listeners.backends]]" });
}

function isRouted(context: CheckContext, listener: ListenerConfig): boolean {
  return Object.values(context.config.routers).some(
    (router) => router.listeners.length === 0 || router.listeners.includes(listener.name),
  );
}
