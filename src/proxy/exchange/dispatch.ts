/**
 * From a request head to an upstream: route, pick, send. Called once per exchange by the
 * downstream adapter; afterwards the two sides talk to each other through the exchange.
 */
import { Fault } from "../../base/fault.ts";
import { GrpcHealth } from "../grpc/grpc-health.ts";
import type { RouteRequest } from "../router/route-input.ts";
import type { WorkerContext } from "../worker-context.ts";
import { chooseRoute } from "./choose-route.ts";
import type { Exchange } from "./exchange.ts";

export function dispatch(context: WorkerContext, exchange: Exchange, view: RouteRequest): void {
  const refusal = chooseRoute(context, exchange, view);
  if (refusal !== null) {
    refuse(exchange, refusal);
    return;
  }
  const { route } = exchange;
  if (route === null) {
    new GrpcHealth(exchange, context).start();
    return;
  }
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
