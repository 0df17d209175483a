/**
 * From a request head to an upstream: normalise, route, pick, send. Called once per exchange by the
 * downstream adapter; afterwards the two sides talk to each other through the exchange.
 */
import { Fault } from "../../base/fault.ts";
import type { RouteRequest } from "../router/route-input.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { Exchange } from "./exchange.ts";
import { applyForwarding } from "./forwarding.ts";
import { normaliseRequest } from "./normalise.ts";

export function dispatch(context: WorkerContext, exchange: Exchange, view: RouteRequest): void {
  normaliseRequest(exchange.request);
  applyForwarding(context, exchange);
  view.set(exchange.request, exchange.clientIp);
  const index = exchange.listener.router.match(view);
  const route = index === -1 ? undefined : exchange.listener.routes[index];
  if (route === undefined) {
    refuse(exchange, new Fault("no_route"));
    return;
  }
  exchange.route = route;
  const backend = route.service.balancer.pick();
  if (backend === null) {
    refuse(exchange, new Fault("no_backend", `service ${route.service.plan.name} has no backend`));
    return;
  }
  exchange.backend = backend;
  exchange.attempts = 1;
  exchange.pickMs = context.clock.nowMs;
  backend.acquire(exchange);
}

function refuse(exchange: Exchange, fault: Fault): void {
  exchange.fault = fault;
  exchange.downstream.failResponse(fault);
}
