/**
 * Compiles a configuration to the plan that the data plane runs on. Called by the gateway at start and
 * for each reload; the same configuration always gives the same plan. What the configuration check has
 * let through is taken as true here: a plan that cannot be made is our own mistake.
 */
import { assert } from "../../base/assert.ts";
import type { ListenerPlan, Plan, RoutePlan, ServicePlan, Strategy } from "../../proxy/plan.ts";
import { parseRule } from "../../proxy/router/parse-rule.ts";
import type { RuleNode } from "../../proxy/router/rule.ts";
import type { CertificateStore } from "../certificates/certificate-store.ts";
import type { QuicKeys } from "../certificates/quic-keys.ts";
import type { GatewayConfig, ListenerConfig } from "../config/gateway-config.ts";
import { routeSlots } from "../metrics/plan-slots.ts";
import type { SeriesRegistry } from "../metrics/series-registry.ts";
import { BackendPlans } from "./backend-plan.ts";
import { listenerPlan } from "./listener-plan.ts";
import { accessLogPlan, poolPlan, runtimePlan, securityPlan } from "./settings-plan.ts";

export interface PlanInput {
  readonly config: GatewayConfig;
  readonly generation: number;
  readonly registry: SeriesRegistry;
  /** Numeric addresses of backend host names, as far as they are known. */
  readonly resolved: Readonly<Record<string, readonly string[]>>;
  /** What the files hold that the configuration names. */
  readonly certificates: CertificateStore;
  /** The keys of a listener's session tickets, by its address. */
  readonly ticketKeys: (listenerAddress: string) => readonly Uint8Array[];
  /** What is made from the Retry secret of a listener with QUIC. */
  readonly quicKeys: (listener: ListenerConfig) => QuicKeys;
  /** File that TLS secrets are appended to; empty: none. */
  readonly keyLogPath: string;
}

/** Below every priority that a router can have: a listener's own backends take what is left. */
const CATCH_ALL_PRIORITY = Number.MIN_SAFE_INTEGER;

/** Throws `MetricsBudgetError` when the configuration would have too many series. */
export function buildPlan(input: PlanInput): Plan {
  const { config, generation, registry, resolved } = input;
  registry.begin(generation, config.observability.max_label_cardinality);
  const listeners = config.listeners.map((listener) => listenerPlan(listener, input));
  const backends = new BackendPlans(input);
  const services = Object.keys(config.services)
    .sort(byCodeUnit)
    .map((name) => namedService(name, config, backends));
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
    services: [...services, ...catchAll.map((listener) => ownService(listener, config, backends))],
    runtime: runtimePlan(config),
    security: securityPlan(config),
    pool: poolPlan(config),
    accessLog: accessLogPlan(config),
    resolved,
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
    upgrades: router.allow_upgrades.map((protocol) => protocol.toLowerCase()),
    priority: router.priority,
    listeners: indexes,
    service: services.findIndex((service) => service.name === router.service),
    metrics: indexes.map((index) => routeSlots(registry, listeners[index]?.name ?? "", name)),
  };
}

function namedService(name: string, config: GatewayConfig, backends: BackendPlans): ServicePlan {
  const service = config.services[name];
  assert(service !== undefined, "service has no configuration");
  const { strategy } = service;
  assert(
    strategy === "round_robin" || strategy === "weighted_round_robin",
    `strategy ${strategy} has no plan`,
  );
  return { name, strategy, backends: backends.make(name, service.backends) };
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
    upgrades: [],
    priority: CATCH_ALL_PRIORITY,
    listeners: [listeners.findIndex((plan) => plan.name === listener.name)],
    service,
    metrics: [routeSlots(registry, listener.name, name)],
  };
}

/** The service of a listener's own backends, those of a raw proxy included. Their weights always count; without any, they take turns. */
function ownService(listener: ListenerConfig, config: GatewayConfig, backends: BackendPlans): ServicePlan {
  const name = ownName(listener, config.services);
  const weighted = listener.backends.some((backend) => backend.weight !== listener.backends[0]?.weight);
  const strategy: Strategy = weighted ? "weighted_round_robin" : "round_robin";
  return { name, strategy, backends: backends.ofListener(name, listener) };
}

/** The listener's name, made distinct when a router or service has it too. Configured names hold no colon. */
function ownName(listener: ListenerConfig, taken: Readonly<Record<string, unknown>>): string {
  return Object.hasOwn(taken, listener.name) ? `listener:${listener.name}` : listener.name;
}

function byCodeUnit(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
