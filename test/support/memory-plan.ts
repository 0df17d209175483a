/** Plans for tests of the data plane: every listener, route and backend has slots of its own, settings are small and round. */
import { FAULT_CODES } from "../../src/base/fault.ts";
import type {
  AccessLogPlan,
  BackendPlan,
  HttpPlan,
  ListenerPlan,
  Plan,
  PoolPlan,
  RoutePlan,
  RouteSlots,
  RuntimePlan,
  SecurityPlan,
  ServicePlan,
} from "../../src/proxy/plan.ts";
import { GLOBAL_SLOT_COUNT, HISTOGRAM_SLOTS, STATUS_CLASSES } from "../../src/proxy/plan.ts";
import { parseRule } from "../../src/proxy/router/parse-rule.ts";

const VERSIONS = 4;

export interface RouteSpec {
  readonly rule: string;
  /** Name of a service; default: the first one. */
  readonly service?: string;
}

export interface PlanSpec {
  readonly generation?: number;
  /** Backends by service name, `host:port` or `host:port*weight`; a path is a Unix socket. Default: one backend. */
  readonly services?: Readonly<Record<string, readonly string[]>>;
  /** Default: everything goes to the first service. */
  readonly routes?: readonly RouteSpec[];
  readonly listener?: Partial<ListenerPlan>;
  readonly http?: Partial<HttpPlan>;
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

const RUNTIME: RuntimePlan = {
  maxInflightConnections: 1000,
  perIpConnectionCap: 1000,
  connectTimeoutMs: 5000,
  headerUnderscorePolicy: "reject",
  headerDeadlineMs: 5000,
  bodyProgressMinBps: 64,
  sweepIntervalMs: 1000,
};

const POOL: PoolPlan = {
  maxPerBackend: 100,
  maxIdlePerBackend: 100,
  maxIdleTotal: 1000,
  idleTimeoutMs: 60_000,
  maxAgeMs: 300_000,
  maxPendingPerBackend: 100,
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
    protocol: "h1",
    maxKeepaliveRequests: 0,
    altSvc: "",
    drainTimeoutMs: 10_000,
    drainJitterMs: 0,
    metrics: {
      acceptInflight: slots.take(1),
      acceptShed: slots.take(1),
      acceptErrors: slots.take(6),
      connectionsInflight: slots.take(1),
      faults: slots.take(FAULT_CODES.length),
      noRoute: slots.route(),
    },
    ...spec.listener,
    http: { ...HTTP, ...spec.http },
  };
}

function servicePlan(name: string, backends: readonly string[], slots: Slots): ServicePlan {
  return {
    name,
    strategy: "round_robin",
    backends: backends.map((text) => backendPlan(text, slots)),
  };
}

function backendPlan(text: string, slots: Slots): BackendPlan {
  const [address = "", weight = "1"] = text.split("*");
  const colon = address.lastIndexOf(":");
  const unix = address.startsWith("/");
  return {
    key: `h1://${address}`,
    address,
    host: unix ? address : address.slice(0, colon),
    port: unix ? -1 : Number(address.slice(colon + 1)),
    protocol: "h1",
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
    priority: spec.rule.length,
    listeners: [0],
    service: spec.service === undefined ? 0 : services.findIndex((service) => service.name === spec.service),
    metrics: [slots.route()],
  };
}
