/**
 * The configuration as the rest of the control plane sees it: read, checked, with every default filled
 * in, frozen. Names are those of the TOML file. A key that may be absent without a default is `undefined`.
 *
 * Durations are numbers: `..._ms` milliseconds, `..._seconds`, `..._secs` and `max_age` seconds; the keys
 * `interval` and `timeout` of health checks milliseconds.
 */
import type { Infer } from "./field.ts";
import type { backendSchema } from "./schema/backends.ts";
import type { gatewaySchema } from "./schema/gateway.ts";

/** What the schema reads, before `resolve.ts`. */
export type ParsedConfig = Infer<typeof gatewaySchema>;
export type ParsedBackend = Infer<typeof backendSchema>;
export type ParsedListener = ParsedConfig["listeners"][number];
export type ParsedService = ParsedConfig["services"][string];

/** `Base` with some properties of other types. */
type With<Base, Changed> = Readonly<Omit<Base, keyof Changed> & Changed>;

/** `quic`: raw streams, of a listener's raw proxy. */
type Protocol = NonNullable<ParsedBackend["protocol"]> | "quic";

export type BackendConfig = With<
  Omit<ParsedBackend, "url">,
  {
    /** `host:port` or `unix:/path`, also when the file has a URL. */
    readonly address: string;
    /** Name or numeric address without brackets; the path of a Unix socket when `port` is -1. */
    readonly host: string;
    readonly port: number;
    readonly protocol: Protocol;
    /** TLS below `h1`, `h2`, `auto` or `tcp`; that of QUIC with `h3` and `quic`. */
    readonly tls: boolean;
  }
>;

type ParsedTls = NonNullable<ParsedListener["tls"]>;
export type ListenerTlsConfig = With<ParsedTls, { readonly watch: boolean }>;

export type ListenerConfig = With<
  ParsedListener,
  {
    readonly tls: ListenerTlsConfig | undefined;
    readonly name: string;
    /** The host of `address` without brackets. */
    readonly host: string;
    readonly port: number;
    readonly drain_timeout_ms: number;
    readonly drain_jitter_ms: number;
    /** Those of a raw proxy included. */
    readonly backends: readonly BackendConfig[];
  }
>;

export type ListenerQuicConfig = NonNullable<ParsedListener["quic"]>;

/** Names of the listeners, never empty; the priority as given or by the rule's length. */
export type RouterConfig = With<ParsedConfig["routers"][string], { readonly priority: number }>;

export type RevisionConfig = With<
  ParsedService["revisions"][number],
  { readonly backends: readonly BackendConfig[] }
>;

export type ServiceConfig = With<
  ParsedService,
  { readonly backends: readonly BackendConfig[]; readonly revisions: readonly RevisionConfig[] }
>;

type ParsedMiddleware = ParsedConfig["middlewares"][string];
export type MiddlewareConfig = ParsedMiddleware extends infer M
  ? M extends { readonly burst: unknown }
    ? With<M, { readonly burst: number }>
    : M
  : never;

export type RuntimeConfig = With<
  ParsedConfig["runtime"],
  { readonly workers: number; readonly drain_jitter_ms: number }
>;

export type GatewayConfig = With<
  ParsedConfig,
  {
    readonly listeners: readonly ListenerConfig[];
    readonly routers: Readonly<Record<string, RouterConfig>>;
    readonly services: Readonly<Record<string, ServiceConfig>>;
    readonly middlewares: Readonly<Record<string, MiddlewareConfig>>;
    readonly runtime: RuntimeConfig;
  }
>;

/** Protocols whose requests routers see. */
export function isHttpListener(listener: Pick<ParsedListener, "protocol" | "quic">): boolean {
  switch (listener.protocol) {
    case "h1":
    case "h1s":
      return true;
    case "quic":
      return listener.quic?.raw_proxy === undefined;
    case "tcp":
    case "tls":
    case "udp":
      return false;
  }
}
