/**
 * The slots of a plan: allots what `proxy/plan.ts` wants to know for each listener, route and
 * backend. Called by `control/plan` between `SeriesRegistry.begin` and the sending of the plan; all
 * of them throw `MetricsBudgetError`.
 */
import type { BackendSlots, ListenerSlots, RouteSlots } from "../../proxy/plan.ts";
import type { SeriesRegistry } from "./series-registry.ts";
import { SLOT_FAMILIES } from "./slot-families.ts";

/** The `route` label of requests that matched no route. No configured name can be empty. */
export const NO_ROUTE_LABEL = "";

/** The slots of one listener, those of its requests without a route among them. */
export function listenerSlots(registry: SeriesRegistry, listener: string): ListenerSlots {
  const labels = [listener];
  return {
    acceptInflight: registry.allot(SLOT_FAMILIES.acceptInflight, labels),
    acceptShed: registry.allot(SLOT_FAMILIES.acceptShed, labels),
    acceptErrors: registry.allot(SLOT_FAMILIES.acceptErrors, labels),
    connectionsInflight: registry.allot(SLOT_FAMILIES.connectionsInflight, labels),
    faults: registry.allot(SLOT_FAMILIES.httpFaults, labels),
    noRoute: routeSlots(registry, listener, NO_ROUTE_LABEL),
  };
}

/** The slots of one route on one listener. */
export function routeSlots(registry: SeriesRegistry, listener: string, route: string): RouteSlots {
  const labels = [listener, route];
  return {
    requests: registry.allot(SLOT_FAMILIES.httpRequests, labels),
    duration: registry.allot(SLOT_FAMILIES.httpRequestDuration, labels),
  };
}

/** The slots of one backend of one service; `backend` is its address as configured. */
export function backendSlots(registry: SeriesRegistry, service: string, backend: string): BackendSlots {
  const labels = [service, backend];
  return {
    requests: registry.allot(SLOT_FAMILIES.backendRequests, labels),
    duration: registry.allot(SLOT_FAMILIES.backendRequestDuration, labels),
    inflight: registry.allot(SLOT_FAMILIES.backendInflight, labels),
    connections: registry.allot(SLOT_FAMILIES.backendConnections, labels),
    faults: registry.allot(SLOT_FAMILIES.backendFaults, labels),
  };
}
