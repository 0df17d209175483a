/**
 * Fills in the defaults that depend on other keys or on the machine: names, drain budgets, the protocol of
 * a backend, the number of workers. Runs after `read-field.ts`, also on what it could only read in part.
 */
import {
  formatHostPort,
  parseBackendAddress,
  parseBackendUrl,
  parseHostPort,
  parseListenAddress,
} from "./address.ts";
import type {
  BackendConfig,
  GatewayConfig,
  ListenerConfig,
  MiddlewareConfig,
  ParsedBackend,
  ParsedConfig,
  ParsedListener,
  ParsedService,
  RouterConfig,
  RuntimeConfig,
  ServiceConfig,
} from "./gateway-config.ts";
import { isHttpListener } from "./gateway-config.ts";

/** What the defaults need to know of the machine. */
export interface Machine {
  readonly cpus: number;
}

export function resolveDefaults(parsed: ParsedConfig, machine: Machine): GatewayConfig {
  const budget = parsed.runtime.drain_timeout_ms;
  const runtime = {
    ...parsed.runtime,
    workers: parsed.runtime.workers ?? Math.max(1, machine.cpus),
    drain_jitter_ms: parsed.runtime.drain_jitter_ms ?? Math.floor(budget / 4),
  };
  return {
    ...parsed,
    runtime,
    listeners: parsed.listeners.map((listener) => resolveListener(listener, runtime)),
    routers: mapRecord(parsed.routers, (router): RouterConfig => ({
      ...router,
      priority: router.priority ?? router.rule.length,
    })),
    services: mapRecord(parsed.services, resolveService),
    middlewares: mapRecord(parsed.middlewares, (middleware): MiddlewareConfig =>
      "burst" in middleware ? { ...middleware, burst: middleware.burst ?? middleware.rate } : middleware,
    ),
  };
}

function resolveListener(listener: ParsedListener, runtime: RuntimeConfig): ListenerConfig {
  const budget = listener.drain_timeout_ms ?? runtime.drain_timeout_ms;
  const inherited = Math.min(runtime.drain_jitter_ms, budget);
  const place = parseListenAddress(listener.address);
  const { tls } = listener;
  return {
    ...listener,
    tls: tls === undefined ? undefined : { ...tls, watch: tls.watch ?? runtime.tls.watch },
    name: listener.name ?? defaultName(listener),
    host: "port" in place ? place.host : "",
    port: "port" in place ? place.port : 0,
    drain_timeout_ms: budget,
    drain_jitter_ms: listener.drain_jitter_ms ?? inherited,
    backends: [
      ...listener.backends.map((backend) =>
        resolveBackend(olderSpelling(backend, listener), protocolBehind(listener)),
      ),
      ...rawBackends(listener.quic?.raw_proxy),
    ],
  };
}

/** One address can have two listeners, one of TCP and one of UDP: their names tell them apart. */
function defaultName({ address, protocol }: ParsedListener): string {
  return protocol === "quic" || protocol === "udp" ? `${address}/udp` : address;
}

type RawProxy = NonNullable<ParsedListener["quic"]>["raw_proxy"];

/** The backends of a raw proxy, as if they stood in `[[listeners.backends]]`: routes, names and files are the same. */
function rawBackends(raw: RawProxy): BackendConfig[] {
  if (raw === undefined) return [];
  const addresses = raw.backends ?? (raw.backend_addr === undefined ? [] : [raw.backend_addr]);
  return addresses.map((address) => {
    const place = parseHostPort(address);
    return {
      address,
      host: "port" in place ? place.host : "",
      port: "port" in place ? place.port : 0,
      protocol: "quic",
      weight: 1,
      tls: true,
      tls_ca_path: raw.backend_ca_path,
      tls_verify_hostname: raw.sni,
      tls_server_name: undefined,
      tls_verify_peer: true,
      tls_client_cert_path: undefined,
      tls_client_key_path: undefined,
    };
  });
}

type Protocol = BackendConfig["protocol"];

/** What a listener speaks to its own backends when they do not say. */
function protocolBehind({ protocol }: ParsedListener): Protocol {
  switch (protocol) {
    case "tcp":
    case "tls":
      return "tcp";
    case "udp":
      return "udp";
    case "h1":
    case "h1s":
    case "quic":
      return "h1";
  }
}

function resolveService(service: ParsedService): ServiceConfig {
  return {
    ...service,
    backends: service.backends.map((backend) => resolveBackend(backend, "h1")),
    revisions: service.revisions.map((revision) => ({
      ...revision,
      backends: revision.backends.map((backend) => resolveBackend(backend, "h1")),
    })),
  };
}

/** Behind an HTTP listener, `tcp` is what older files say for `h1`. */
function olderSpelling(backend: ParsedBackend, listener: ParsedListener): ParsedBackend {
  const older = backend.protocol === "tcp" && backend.url === undefined && isHttpListener(listener);
  return older ? { ...backend, protocol: "h1" } : backend;
}

function resolveBackend(backend: ParsedBackend, fallback: Protocol): BackendConfig {
  const { url, ...rest } = backend;
  const target = url === undefined ? undefined : parseBackendUrl(url);
  if (target !== undefined && "port" in target) {
    const tls = rest.tls ?? (target.scheme === "https" || rest.protocol === "h3");
    return {
      ...rest,
      address: formatHostPort(target),
      host: target.host,
      port: target.port,
      protocol: rest.protocol ?? byAlpn(PROTOCOL_OF_SCHEME[target.scheme], tls),
      tls,
    };
  }
  const place = parseBackendAddress(backend.address ?? "");
  const tls = rest.tls ?? rest.protocol === "h3";
  return {
    ...rest,
    address: backend.address ?? "",
    host: "port" in place ? place.host : "",
    port: "port" in place ? place.port : 0,
    protocol: rest.protocol ?? byAlpn(fallback, tls),
    tls,
  };
}

const PROTOCOL_OF_SCHEME = { http: "h1", https: "h1", h2c: "h2", tcp: "tcp" } as const;

/** Where nobody said which HTTP it is and TLS can ask, the backend chooses. */
function byAlpn(protocol: Protocol, tls: boolean): Protocol {
  return tls && protocol === "h1" ? "auto" : protocol;
}

/** A record without prototype, so that no name can meet an inherited property. */
function mapRecord<A, B>(record: Readonly<Record<string, A>>, convert: (value: A) => B): Record<string, B> {
  const result = Object.create(null) as Record<string, B>;
  for (const [name, value] of Object.entries(record)) result[name] = convert(value);
  return result;
}
