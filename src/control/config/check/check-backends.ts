/** Each backend by itself, and the backends of one list beside each other. Feature rows A3.8, A5.1, A5.3, A5.16. */
import type { BackendConfig, ListenerConfig } from "../gateway-config.ts";
import { isHttpListener } from "../gateway-config.ts";
import type { ConfigPath } from "../issue.ts";
import { checkBackendTls } from "./check-backend-tls.ts";
import type { CheckContext } from "./check-context.ts";

type Protocol = BackendConfig["protocol"];

/** Strategies that look at `weight`. */
const WEIGHTED: readonly string[] = ["weighted_round_robin", "weighted_random"];

export function checkBackends(context: CheckContext): void {
  for (const [index, listener] of context.config.listeners.entries()) {
    // Its backends are not `[[listeners.backends]]`: `check-quic.ts` looks at them.
    if (listener.quic?.raw_proxy !== undefined) continue;
    const path: ConfigPath = ["listeners", index, "backends"];
    checkList(context, listener.backends, path);
    checkFamily(context, listener, path);
  }
  for (const [name, service] of Object.entries(context.config.services)) {
    const path: ConfigPath = ["services", name];
    checkList(context, service.backends, [...path, "backends"]);
    checkWeights(context, service, path);
    for (const [index, revision] of service.revisions.entries()) {
      const inner: ConfigPath = [...path, "revisions", index];
      checkList(context, revision.backends, [...inner, "backends"]);
      checkWeights(context, revision, inner);
    }
  }
}

function checkList(context: CheckContext, backends: readonly BackendConfig[], path: ConfigPath): void {
  const seen = new Set<string>();
  for (const [index, backend] of backends.entries()) {
    const inner: ConfigPath = [...path, index];
    if (context.issues.isBad(inner)) continue;
    checkTarget(context, inner);
    checkBackendTls(context, backend, inner);
    const key = `${backend.protocol} ${backend.address}`;
    if (backend.address !== "" && seen.has(key)) {
      context.issues.warn(inner, `backend "${backend.address}" is listed twice`, {
        hint: "use weight for a larger share",
      });
    }
    seen.add(key);
  }
}

function checkTarget(context: CheckContext, path: ConfigPath): void {
  const hasAddress = context.given([...path, "address"]);
  const hasUrl = context.given([...path, "url"]);
  if (hasAddress && hasUrl) {
    context.issues.error([...path, "url"], '"address" and "url" exclude each other', { at: "key" });
  } else if (!hasAddress && !hasUrl) {
    context.issues.error(path, 'the backend has no "address"', { hint: 'as in address = "10.0.0.5:8080"' });
  }
}

/** A listener relays what its backends speak. */
function checkFamily(context: CheckContext, listener: ListenerConfig, path: ConfigPath): void {
  const allowed = familyOf(listener);
  for (const [index, backend] of listener.backends.entries()) {
    const inner: ConfigPath = [...path, index];
    const protocolPath = [...inner, "protocol"];
    if (context.issues.isBad(inner) || context.issues.isBad(protocolPath)) continue;
    if (!allowed.includes(backend.protocol)) {
      const message = `a backend of protocol "${backend.protocol}" cannot stand behind a listener of protocol "${listener.protocol}"`;
      const hint = `allowed: ${allowed.map((protocol) => `"${protocol}"`).join(", ")}`;
      context.issues.error(protocolPath, message, { hint });
    } else if (isHttpListener(listener) && context.written(protocolPath) === "tcp") {
      context.issues.warn(protocolPath, 'protocol "tcp" behind an HTTP listener means "h1"', {
        hint: 'write "h1"',
      });
    }
  }
}

function familyOf(listener: ListenerConfig): readonly Protocol[] {
  switch (listener.protocol) {
    case "tcp":
    case "tls":
      return ["tcp"];
    case "udp":
      return ["udp"];
    case "h1":
    case "h1s":
    case "quic":
      return ["h1", "h2", "auto", "h3"];
  }
}

interface Weighted {
  readonly strategy: string;
  readonly backends: readonly BackendConfig[];
}

function checkWeights(context: CheckContext, { strategy, backends }: Weighted, path: ConfigPath): void {
  if (WEIGHTED.includes(strategy)) return;
  const index = backends.findIndex((backend) => backend.weight !== 1);
  if (index === -1) return;
  const hint = 'weights count with strategy = "weighted_round_robin"';
  context.issues.warn([...path, "backends", index, "weight"], `strategy "${strategy}" ignores weights`, {
    hint,
  });
}
