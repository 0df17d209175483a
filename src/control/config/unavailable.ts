/**
 * What the schema knows and this version does not serve. It is checked like everything else and then
 * refused, at `check` and at start: nothing is accepted and then ignored. When a part is built, its line
 * here goes away.
 */
import type { CheckContext } from "./check/check-context.ts";
import type { BackendConfig, ListenerConfig, ServiceConfig } from "./gateway-config.ts";
import type { ConfigPath } from "./issue.ts";

/** What is served. All else that the schema has of these kinds is refused. */
const SERVED = {
  listenerProtocols: ["h1", "h1s", "quic", "tls"] as readonly string[],
  /** `tcp` only behind a listener that relays bytes, which `check-backends.ts` sees to: services are for requests. */
  backendProtocols: ["h1", "h2", "auto", "h3", "tcp"] as readonly string[],
  serviceBackendProtocols: ["h1", "h2", "auto", "h3"] as readonly string[],
  strategies: ["round_robin", "weighted_round_robin"] as readonly string[],
  middlewares: [] as readonly string[],
};

/** Keys that are refused as soon as the file has them. */
const LISTENER_KEYS = ["max_connections", "tcp_allowed_ips"] as const;
const TLS_KEYS = [
  "acme",
  "acme_email",
  "acme_domains",
  "acme_staging",
  "acme_storage_path",
  "challenge_type",
  "dns_provider",
] as const;
const SERVICE_KEYS = [
  "health_check",
  "sticky",
  "failover",
  "mirror",
  "revisions",
  "rollout",
  "scaling",
] as const;
const TOP_KEYS = ["passthrough", "providers"] as const;

/** The same in words, for the documentation. */
export function describeUnavailable(): string[] {
  return [
    `listener protocols other than ${quoted(SERVED.listenerProtocols)}`,
    `backend protocols other than ${quoted(SERVED.backendProtocols)}, and in services other than ${quoted(SERVED.serviceBackendProtocols)}`,
    `in \`[[listeners]]\`: ${quoted(LISTENER_KEYS)}`,
    `in \`[listeners.tls]\`: ${quoted(TLS_KEYS)}`,
    `in \`[services.NAME]\`: strategies other than ${quoted(SERVED.strategies)}, and ${quoted(SERVICE_KEYS)}`,
    SERVED.middlewares.length === 0
      ? "`[middlewares.NAME]` of every type"
      : `\`[middlewares.NAME]\` of other types than ${quoted(SERVED.middlewares)}`,
    "`[runtime].xdp_enabled = true`",
    TOP_KEYS.map((key) => `\`[${key}]\``).join(", "),
  ];
}

function quoted(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(", ");
}

export function refuseUnavailable(context: CheckContext): void {
  const { config, issues } = context;
  for (const [index, listener] of config.listeners.entries()) {
    refuseInListener(context, listener, ["listeners", index]);
  }
  for (const [name, service] of Object.entries(config.services)) {
    refuseInService(context, service, ["services", name]);
  }
  for (const [name, middleware] of Object.entries(config.middlewares)) {
    if (SERVED.middlewares.includes(middleware.type)) continue;
    issues.unavailable(["middlewares", name, "type"], `middleware type "${middleware.type}"`);
  }
  for (const block of TOP_KEYS) {
    if (context.given([block])) issues.unavailable([block], `[${block}]`, { at: "key" });
  }
  if (config.runtime.xdp_enabled) issues.unavailable(["runtime", "xdp_enabled"], "XDP");
}

function refuseInListener(context: CheckContext, listener: ListenerConfig, path: ConfigPath): void {
  const { issues } = context;
  const isServed = SERVED.listenerProtocols.includes(listener.protocol);
  if (!isServed) issues.unavailable([...path, "protocol"], `listener protocol "${listener.protocol}"`);
  const keys: ConfigPath[] = [...LISTENER_KEYS.map((key) => [key]), ...TLS_KEYS.map((key) => ["tls", key])];
  for (const key of keys) {
    const inner = [...path, ...key];
    if (context.given(inner)) issues.unavailable(inner, `"${String(key.at(-1))}"`, { at: "key" });
  }
  refuseBackends(context, listener.backends, [...path, "backends"], SERVED.backendProtocols);
}

function refuseInService(context: CheckContext, service: ServiceConfig, path: ConfigPath): void {
  const { issues } = context;
  if (!SERVED.strategies.includes(service.strategy)) {
    issues.unavailable([...path, "strategy"], `strategy "${service.strategy}"`);
  }
  for (const key of SERVICE_KEYS) {
    const header = key === "revisions" ? "[[services.NAME.revisions]]" : `[services.NAME.${key}]`;
    const shown = header.replace("NAME", String(path[1]));
    if (context.given([...path, key])) issues.unavailable([...path, key], shown, { at: "key" });
  }
  const served = SERVED.serviceBackendProtocols;
  refuseBackends(context, service.backends, [...path, "backends"], served);
  for (const [index, revision] of service.revisions.entries()) {
    refuseBackends(context, revision.backends, [...path, "revisions", index, "backends"], served);
  }
}

/** A protocol that the file does not write follows from the listener's, which is refused itself. */
function refuseBackends(
  context: CheckContext,
  backends: readonly BackendConfig[],
  path: ConfigPath,
  served: readonly string[],
): void {
  for (const [index, backend] of backends.entries()) {
    const inner = [...path, index];
    const key = ["protocol", "url"].find((candidate) => context.given([...inner, candidate]));
    if (key !== undefined && !served.includes(backend.protocol)) {
      context.issues.unavailable([...inner, key], `backend protocol "${backend.protocol}"`);
    }
  }
}
