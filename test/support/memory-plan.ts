/** Plans for tests of the data plane: every listener, route and backend has slots of its own, settings are small and round. */
import { FAULT_CODES } from "../../src/base/fault.ts";
import type { QuicTransportSettings } from "../../src/fastpath/quic-engine.ts";
import type { TlsClientSettings } from "../../src/fastpath/tls.ts";
import type {
  AccessLogPlan,
  BackendPlan,
  GrpcPlan,
  H2Plan,
  HttpPlan,
  ListenerPlan,
  Plan,
  PoolPlan,
  RoutePlan,
  RouteSlots,
  RuntimePlan,
  SecurityPlan,
  ServicePlan,
  WebSocketPlan,
} from "../../src/proxy/plan.ts";
import type { QuicPlan } from "../../src/proxy/quic-plan.ts";
import { GLOBAL_SLOT_COUNT } from "../../src/proxy/global-slots.ts";
import { HISTOGRAM_SLOTS, STATUS_CLASSES } from "../../src/proxy/plan.ts";
import { parseRule } from "../../src/proxy/router/parse-rule.ts";

const VERSIONS = 4;

export interface RouteSpec {
  readonly rule: string;
  /** Name of a service; default: the first one. */
  readonly service?: string;
  readonly upgrades?: readonly string[];
}

export interface PlanSpec {
  readonly generation?: number;
  /**
   * Backends by service name: `host:port` or `host:port*weight`; a path is a Unix socket. Before it, the
   * protocol for those that are not plain HTTP/1.1: `h2://`, or with TLS `h1s://`, `h2s://`, `autos://`,
   * `h3://`, `quic://` (of a raw proxy) and `tcp://` (of a relay). Default: one backend.
   */
  readonly services?: Readonly<Record<string, readonly string[]>>;
  /** Default: everything goes to the first service. */
  readonly routes?: readonly RouteSpec[];
  readonly listener?: Partial<ListenerPlan>;
  /** The listener is one of `quic`: `QUIC`, with these changes. */
  readonly quic?: Partial<QuicPlan>;
  readonly http?: Partial<HttpPlan>;
  readonly h2?: Partial<H2Plan>;
  readonly websocket?: Partial<WebSocketPlan>;
  readonly grpc?: Partial<GrpcPlan>;
  readonly runtime?: Partial<RuntimePlan>;
  readonly security?: Partial<SecurityPlan>;
  readonly pool?: Partial<PoolPlan>;
  readonly accessLog?: Partial<AccessLogPlan>;
  readonly resolved?: Readonly<Record<string, readonly string[]>>;
}

const HTTP: HttpPlan = {
  headerTimeoutMs: 10_000,
  bodyTimeoutMs: 30_000,
  totalTimeoutMs: 60_000,
  headTimeoutMs: 50_000,
  keepaliveTimeoutMs: 20_000,
  maxHeaderBytes: 65_536,
  maxHeaders: 256,
  maxRequestBodyBytes: 64 * 1024 * 1024,
  maxResponseBodyBytes: 64 * 1024 * 1024,
};

const H2: H2Plan = {
  maxPendingAcceptResetStreams: 100,
  maxLocalErrorResetStreams: 100,
  maxConcurrentStreams: 256,
  maxHeaderListBytes: 65_536,
  maxSendBufferBytes: 65_536,
  keepAliveIntervalMs: 30_000,
  keepAliveTimeoutMs: 30_000,
  streamWindowBytes: 65_535,
  connectionWindowBytes: 1024 * 1024,
};

const WEBSOCKET: WebSocketPlan = {
  enabled: true,
  h2ExtendedConnect: true,
  h3ExtendedConnect: true,
  idleTimeoutMs: 60_000,
  maxMessageBytes: 16 * 1024 * 1024,
  pingsPerWindow: 50,
  pingWindowMs: 10_000,
  frameTimeoutMs: 30_000,
};

const GRPC: GrpcPlan = { enabled: true, maxDeadlineMs: 300_000, healthSynthesized: true, web: true };

const RUNTIME: RuntimePlan = {
  maxInflightConnections: 1000,
  perIpConnectionCap: 1000,
  connectTimeoutMs: 5000,
  handshakeTimeoutMs: 5000,
  headerUnderscorePolicy: "reject",
  headerDeadlineMs: 5000,
  bodyProgressMinBps: 64,
  sweepIntervalMs: 1000,
  tcpBufferBytes: 0,
};

const POOL: PoolPlan = {
  maxPerBackend: 100,
  maxIdlePerBackend: 100,
  maxIdleTotal: 1000,
  idleTimeoutMs: 60_000,
  maxAgeMs: 300_000,
  maxPendingPerBackend: 100,
  quicMaxPerBackend: 4,
  quicMaxTotal: 100,
};

/** Small windows, so that tests fill them soon. */
export const QUIC_TRANSPORT: QuicTransportSettings = {
  maxIdleTimeoutMs: 10_000,
  maxReceivePayloadBytes: 1350,
  maxSendPayloadBytes: 1350,
  connectionWindowBytes: 1024 * 1024,
  streamWindowBytes: 256 * 1024,
  maxBidirectionalStreams: 100,
  maxUnidirectionalStreams: 16,
  disableActiveMigration: true,
  maxQueuedDatagrams: 0,
  congestionControl: "cubic",
};

/** Of HTTP/3, without a certificate: a test whose listener really listens has `identities` of its own. */
export const QUIC: QuicPlan = {
  transport: QUIC_TRANSPORT,
  identities: [],
  alpn: ["h3"],
  ticketKey: new Uint8Array(48).fill(1),
  earlyData: false,
  keyLogPath: "",
  retry: { kind: "under-load", halfOpenThreshold: 100 },
  retryKeys: [new Uint8Array(32).fill(2)],
  resetKey: new Uint8Array(32).fill(3),
  maxConnections: 1000,
  maxHalfOpen: 100,
  maxRequests: 0,
  maxFieldSectionBytes: 65_536,
  qpackTableBytes: 0,
  qpackBlockedStreams: 0,
  qpackEncoderTableBytes: 0,
  rawProxy: null,
};

/** Hands out slots one after the other; one plan's slots are the same whenever it is made again. */
class Slots {
  #next = GLOBAL_SLOT_COUNT;

  take(count: number): number {
    const first = this.#next;
    this.#next += count;
    return first;
  }

  route(): RouteSlots {
    return {
      requests: this.take(VERSIONS * STATUS_CLASSES.length),
      duration: this.take(VERSIONS * HISTOGRAM_SLOTS),
    };
  }
}

export function memoryPlan(spec: PlanSpec = {}): Plan {
  const slots = new Slots();
  const listener = listenerPlan(spec, slots);
  const services = Object.entries(spec.services ?? { app: ["10.0.0.1:80"] }).map(([name, backends]) =>
    servicePlan(name, backends, slots),
  );
  return {
    generation: spec.generation ?? 1,
    listeners: [listener],
    routes: (spec.routes ?? [{ rule: "" }]).map((route, index) => routePlan(route, index, services, slots)),
    services,
    runtime: { ...RUNTIME, ...spec.runtime },
    security: { strictTe: false, trustedProxies: [], untrustedForwarded: "replace", ...spec.security },
    pool: { ...POOL, ...spec.pool },
    accessLog: { enabled: false, path: "stdout", format: "json", sample: 1, ...spec.accessLog },
    resolved: spec.resolved ?? {},
  };
}

function listenerPlan(spec: PlanSpec, slots: Slots): ListenerPlan {
  return {
    name: "web",
    address: "127.0.0.1:8080",
    host: "127.0.0.1",
    port: 8080,
    protocol: spec.quic === undefined ? "h1" : "quic",
    maxKeepaliveRequests: 0,
    altSvc: "",
    drainTimeoutMs: 10_000,
    relayIdleTimeoutMs: 600_000,
    drainJitterMs: 0,
    metrics: {
      acceptInflight: slots.take(1),
      acceptShed: slots.take(1),
      acceptErrors: slots.take(6),
      connectionsInflight: slots.take(1),
      faults: slots.take(FAULT_CODES.length),
      noRoute: slots.route(),
    },
    tls: null,
    quic: spec.quic === undefined ? null : { ...QUIC, ...spec.quic },
    ...spec.listener,
    http: { ...HTTP, ...spec.http },
    h2: { ...H2, ...spec.h2 },
    websocket: { ...WEBSOCKET, ...spec.websocket },
    grpc: { ...GRPC, ...spec.grpc },
  };
}

function servicePlan(name: string, backends: readonly string[], slots: Slots): ServicePlan {
  return {
    name,
    strategy: "round_robin",
    backends: backends.map((text) => backendPlan(text, slots)),
  };
}

const SCHEME = /^(h1|h2|h3|auto|quic|tcp)(s?):\/\//;

const CLIENT_TLS: TlsClientSettings = {
  minVersion: "TLSv1.2",
  alpn: [],
  caPem: "",
  verifyPeer: true,
  serverName: "app.internal",
  verifyName: "app.internal",
  identity: null,
  keyLogPath: "",
};

const H3_TLS: TlsClientSettings = { ...CLIENT_TLS, minVersion: "TLSv1.3", alpn: ["h3"] };

function backendPlan(text: string, slots: Slots): BackendPlan {
  const [scheme = "", version = "h1", secure = ""] = SCHEME.exec(text) ?? [];
  const protocol = version as BackendPlan["protocol"];
  const [address = "", weight = "1"] = text.slice(scheme.length).split("*");
  const colon = address.lastIndexOf(":");
  const unix = address.startsWith("/");
  const isQuic = protocol === "h3" || protocol === "quic";
  return {
    key: `${protocol}${secure}://${address}`,
    address,
    host: unix ? address : address.slice(0, colon),
    port: unix ? -1 : Number(address.slice(colon + 1)),
    protocol,
    tls: secure === "" && !isQuic ? null : protocol === "h3" ? H3_TLS : CLIENT_TLS,
    quic: isQuic ? QUIC_TRANSPORT : null,
    weight: Number(weight),
    metrics: {
      requests: slots.take(STATUS_CLASSES.length),
      duration: slots.take(HISTOGRAM_SLOTS),
      inflight: slots.take(1),
      connections: slots.take(1),
      faults: slots.take(FAULT_CODES.length),
    },
  };
}

function routePlan(
  spec: RouteSpec,
  index: number,
  services: readonly ServicePlan[],
  slots: Slots,
): RoutePlan {
  const parsed = spec.rule === "" ? { rule: { kind: "all" } as const } : parseRule(spec.rule);
  if ("error" in parsed) throw new Error(`${spec.rule}: ${parsed.error}`);
  return {
    name: `r${index}`,
    rule: parsed.rule,
    ruleText: spec.rule,
    upgrades: spec.upgrades ?? [],
    priority: spec.rule.length,
    listeners: [0],
    service: spec.service === undefined ? 0 : services.findIndex((service) => service.name === spec.service),
    metrics: [slots.route()],
  };
}
