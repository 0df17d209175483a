/**
 * A generation: a plan compiled for one worker. Immutable; a reload makes the next one, and each
 * exchange keeps the generation that it started with. What must survive a reload (connection pools,
 * balancing state of a backend) lives in `upstream/` under the backend's key and is only referred to.
 */
import { CidrSet } from "../base/cidr.ts";
import type { WordText } from "../base/word-text.ts";
import type { TlsServerContext } from "../fastpath/tls.ts";
import type { Transport } from "../fastpath/transport.ts";
import type { Balancer } from "./balancer/balancer.ts";
import { createBalancer } from "./balancer/create-balancer.ts";
import { logPart } from "./finish/access-log-format.ts";
import type { QuicServers } from "./listener/quic-contexts.ts";
import { type QuicRuntime, quicRuntime } from "./listener/quic-runtime.ts";
import type { ListenerPlan, Plan, RoutePlan, RouteSlots, ServicePlan } from "./plan.ts";
import { compileRouter, type Router } from "./router/compile-router.ts";
import type { Backend } from "./upstream/backend.ts";
import type { UpstreamPools } from "./upstream/upstream-pools.ts";

export interface ServiceRuntime {
  readonly plan: ServicePlan;
  readonly backends: readonly Backend[];
  readonly balancer: Balancer;
}

/** A route as one listener sees it. */
export interface RouteRuntime {
  readonly plan: RoutePlan;
  readonly service: ServiceRuntime;
  readonly slots: RouteSlots;
  /** Listener, route and service as they stand in every line of the access log. */
  readonly logPart: WordText;
}

export interface ListenerRuntime {
  readonly plan: ListenerPlan;
  readonly router: Router;
  /** By index into `Plan.routes`; `undefined` for routes that this listener does not serve. */
  readonly routes: readonly (RouteRuntime | undefined)[];
  /** For listeners that speak TLS; else `null`. Connections keep the one that they began with. */
  readonly tls: TlsServerContext | null;
  /** For listeners that speak QUIC; else `null`. */
  readonly quic: QuicRuntime | null;
  /** The listener in the access log's lines of requests without a route. */
  readonly logPart: WordText;
}

export interface Generation {
  readonly plan: Plan;
  readonly trustedProxies: CidrSet;
  /** By `listenerKey`. */
  readonly listeners: ReadonlyMap<string, ListenerRuntime>;
}

/** TLS of a listener cannot be set up: the worker's TLS library refuses the certificate, the key or a setting. */
export class ListenerTlsError extends Error {
  override readonly name = "ListenerTlsError";
  readonly listener: string;

  constructor(plan: ListenerPlan, reason: string) {
    super(`listener "${plan.name}": TLS: ${reason}`);
    this.listener = plan.name;
  }
}

/** Tells sockets apart across generations: the address as configured, which one of TCP and one of UDP can share. */
export function listenerKey({ address, quic }: ListenerPlan): string {
  return quic === null ? address : `udp:${address}`;
}

/** Throws `ListenerTlsError`. `quic`: of a worker that has any; else plans with QUIC listeners are refused. */
export function compileGeneration(
  plan: Plan,
  pools: UpstreamPools,
  transport: Transport,
  quic: QuicServers | null = null,
): Generation {
  const services = plan.services.map((service) => compileService(service, plan, pools));
  const listeners = new Map<string, ListenerRuntime>();
  plan.listeners.forEach((listener, index) => {
    const secured = orTlsError(listener, () => ({
      tls: listener.tls === null ? null : transport.tlsServer(listener.tls.settings),
      quic: quicRuntime(listener, plan.runtime, quic),
    }));
    listeners.set(listenerKey(listener), { ...compileListener(listener, index, plan, services), ...secured });
  });
  return { plan, trustedProxies: CidrSet.of(plan.security.trustedProxies), listeners };
}

function orTlsError<T>(listener: ListenerPlan, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new ListenerTlsError(listener, error instanceof Error ? error.message : String(error));
  }
}

function compileService(service: ServicePlan, plan: Plan, pools: UpstreamPools): ServiceRuntime {
  const backends = service.backends.map((backend) => pools.backend(service, backend, plan));
  return { plan: service, backends, balancer: createBalancer(service, backends) };
}

/** A service that nothing is sent to, for whoever only asks for routes. */
export function serviceWithoutBackends(service: ServicePlan): ServiceRuntime {
  const plan = { ...service, backends: [] };
  return { plan, backends: [], balancer: createBalancer(plan, []) };
}

/** A listener's routes without its sockets' TLS; `services` in the order of the plan. */
export function compileListener(
  listener: ListenerPlan,
  index: number,
  plan: Plan,
  services: readonly ServiceRuntime[],
): Omit<ListenerRuntime, "tls" | "quic"> {
  const routes = plan.routes.map((route): RouteRuntime | undefined => {
    const position = route.listeners.indexOf(index);
    const slots = route.metrics[position];
    const service = services[route.service];
    if (slots === undefined || service === undefined) return undefined;
    return {
      plan: route,
      service,
      slots,
      logPart: logPart({ listener: listener.name, route: route.name, service: service.plan.name }),
    };
  });
  const router = compileRouter(plan.routes, index);
  return { plan: listener, router, routes, logPart: logPart({ listener: listener.name }) };
}
