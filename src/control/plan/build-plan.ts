/**
 * Compiles a configuration to the plan that the data plane runs on. Called by the gateway at start and
 * for each reload; the same configuration always gives the same plan. What the configuration check has
 * let through is taken as true here: a plan that cannot be made is our own mistake.
 */
import { assert } from "../../base/assert.ts";
import type {
  BackendPlan,
  HttpPlan,
  ListenerPlan,
  Plan,
  RoutePlan,
  ServicePlan,
  Strategy,
} from "../../proxy/plan.ts";
import { parseRule } from "../../proxy/router/parse-rule.ts";
import type { RuleNode } from "../../proxy/router/rule.ts";
import type { BackendConfig, GatewayConfig, ListenerConfig } from "../config/gateway-config.ts";
import { backendSlots, listenerSlots, routeSlots } from "../metrics/plan-slots.ts";
import type { SeriesRegistry } from "../metrics/series-registry.ts";
import { accessLogPlan, poolPlan, runtimePlan, securityPlan } from "./settings-plan.ts";

export interface PlanInput {
  readonly config: GatewayConfig;
  readonly generation: number;
  readonly registry: SeriesRegistry;
  /** Numeric addresses of backend host names, as far as they are known. */
  readonly resolved: Readonly<Record<string, readonly string[]>>;
}

/** Below every priority that a router can have: a listener's own backends take what is left. */
const CATCH_ALL_PRIORITY = Number.MIN_SAFE_INTEGER;

/** Throws `MetricsBudgetError` when the configuration would have too many series. */
export function buildPlan({ config, generation, registry, resolved }: PlanInput): Plan {
  registry.begin(generation, config.observability.max_label_cardinality);
  const listeners = config.listeners.map((listener) => listenerPlan(listener, config, registry));
  const services = Object.keys(config.services)
    .sort(byCodeUnit)
    .map((name) => namedService(name, config, registry));
  const catchAll = config.listeners.filter((listener) => listener.backends.length > 0);
  const routes = [
    ...Object.keys(config.routers)
      .sort(byCodeUnit)
      .map((name) => routerPlan(name, { config, listeners, services, registry })),
    ...catchAll.map((listener, index) =>
      catchAllRoute(listener, { config, listeners, registry, service: services.length + index }),
    ),
  ];
  return {
    generation,
    listeners,
    routes,
    services: [...services, ...catchAll.map((listener) => ownService(listener, config, registry))],
    runtime: runtimePlan(config),
    security: securityPlan(config),
    pool: poolPlan(config),
    accessLog: accessLogPlan(config),
    resolved,
  };
}

function listenerPlan(
  listener: ListenerConfig,
  config: GatewayConfig,
  registry: SeriesRegistry,
): ListenerPlan {
  assert(listener.protocol === "h1", `listener protocol ${listener.protocol} has no plan`);
  const altSvc = listener.alt_svc;
  return {
    name: listener.name,
    address: listener.address,
    host: listener.host,
    port: listener.port,
    protocol: listener.protocol,
    http: httpPlan(listener),
    maxKeepaliveRequests: config.runtime.max_keepalive_requests,
    altSvc: altSvc === undefined ? "" : `h3=":${altSvc.h3_port}"; ma=${altSvc.max_age}`,
    drainTimeoutMs: listener.drain_timeout_ms,
    drainJitterMs: listener.drain_jitter_ms,
    metrics: listenerSlots(registry, listener.name),
  };
}

function httpPlan({ http }: ListenerConfig): HttpPlan {
  return {
    headerTimeoutMs: http.header_timeout_ms,
    bodyTimeoutMs: http.body_timeout_ms,
    totalTimeoutMs: http.total_timeout_ms,
    headTimeoutMs: http.head_timeout_ms,
    keepaliveTimeoutMs: http.keepalive_timeout_ms,
    maxHeaderBytes: http.max_header_bytes,
    maxHeaders: http.max_headers,
    maxRequestBodyBytes: http.max_request_body_bytes,
    maxResponseBodyBytes: http.max_response_body_bytes,
  };
}

interface RouteInput {
  readonly config: GatewayConfig;
  readonly listeners: readonly ListenerPlan[];
  readonly services: readonly ServicePlan[];
  readonly registry: SeriesRegistry;
}

function routerPlan(name: string, { config, listeners, services, registry }: RouteInput): RoutePlan {
  const router = config.routers[name];
  assert(router !== undefined, "router has no configuration");
  const parsed = parseRule(router.rule);
  assert("rule" in parsed, `rule of router ${name} does not parse`);
  const indexes = [...listeners.keys()].filter(
    (index) => router.listeners.length === 0 || router.listeners.includes(listeners[index]?.name ?? ""),
  );
  return {
    name,
    rule: parsed.rule,
    ruleText: router.rule,
    priority: router.priority,
    listeners: indexes,
    service: services.findIndex((service) => service.name === router.service),
    metrics: indexes.map((index) => routeSlots(registry, listeners[index]?.name ?? "", name)),
  };
}

function namedService(name: string, config: GatewayConfig, registry: SeriesRegistry): ServicePlan {
  const service = config.services[name];
  assert(service !== undefined, "service has no configuration");
  const { strategy } = service;
  assert(
    strategy === "round_robin" || strategy === "weighted_round_robin",
    `strategy ${strategy} has no plan`,
  );
  return { name, strategy, backends: backendPlans(name, service.backends, registry) };
}

interface CatchAllInput {
  readonly config: GatewayConfig;
  readonly listeners: readonly ListenerPlan[];
  readonly registry: SeriesRegistry;
  readonly service: number;
}

const ALL: RuleNode = { kind: "all" };

function catchAllRoute(listener: ListenerConfig, input: CatchAllInput): RoutePlan {
  const { config, listeners, registry, service } = input;
  const name = ownName(listener, config.routers);
  return {
    name,
    rule: ALL,
    ruleText: "",
    priority: CATCH_ALL_PRIORITY,
    listeners: [listeners.findIndex((plan) => plan.name === listener.name)],
    service,
    metrics: [routeSlots(registry, listener.name, name)],
  };
}

/** The service of a listener's own backends. Their weights always count; without any, they take turns. */
function ownService(listener: ListenerConfig, config: GatewayConfig, registry: SeriesRegistry): ServicePlan {
  const name = ownName(listener, config.services);
  const weighted = listener.backends.some((backend) => backend.weight !== listener.backends[0]?.weight);
  const strategy: Strategy = weighted ? "weighted_round_robin" : "round_robin";
  return { name, strategy, backends: backendPlans(name, listener.backends, registry) };
}

/** The listener's name, made distinct when a router or service has it too. Configured names hold no colon. */
function ownName(listener: ListenerConfig, taken: Readonly<Record<string, unknown>>): string {
  return Object.hasOwn(taken, listener.name) ? `listener:${listener.name}` : listener.name;
}

function backendPlans(
  service: string,
  backends: readonly BackendConfig[],
  registry: SeriesRegistry,
): BackendPlan[] {
  return backends.map((backend) => {
    assert(backend.protocol === "h1", `backend protocol ${backend.protocol} has no plan`);
    return {
      key: `${backend.protocol}://${backend.address}`,
      address: backend.address,
      host: backend.host,
      port: backend.port,
      protocol: backend.protocol,
      weight: backend.weight,
      metrics: backendSlots(registry, service, backend.address),
    };
  });
}

function byCodeUnit(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
