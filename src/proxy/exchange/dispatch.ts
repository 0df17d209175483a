/**
 * From a request head to an upstream: normalise, route, pick, send. Called once per exchange by the
 * downstream adapter; afterwards the two sides talk to each other through the exchange.
 */
import { Fault } from "../../base/fault.ts";
import { isHealthCheck, GrpcHealth } from "../grpc/grpc-health.ts";
import { openGrpc } from "../grpc/open-grpc.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { RouteRequest } from "../router/route-input.ts";
import { servesRequests } from "../listener/serves-requests.ts";
import { decideUpgrade } from "../tunnel/upgrade-policy.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { Exchange } from "./exchange.ts";
import { admitEarly } from "./early-data.ts";
import { applyForwarding } from "./forwarding.ts";
import { isMisdirected } from "./misdirected.ts";
import { normaliseRequest } from "./normalise.ts";

export function dispatch(context: WorkerContext, exchange: Exchange, view: RouteRequest): void {
  const call = openGrpc(context, exchange);
  if (call !== null) {
    refuse(exchange, call);
    return;
  }
  normaliseRequest(exchange.request);
  applyForwarding(context, exchange);
  if (!servesRequests(exchange.listener.plan)) {
    // On another connection the client gets what the listener is now; its backends know no requests.
    refuse(exchange, new Fault("misdirected_request", "the listener has become one that relays"));
    return;
  }
  if (isMisdirected(exchange)) {
    (context.counters[GLOBAL_SLOTS.tls_misdirected_requests_total] as number) += 1;
    refuse(
      exchange,
      new Fault("misdirected_request", `the client asked for ${exchange.peer.serverName} in its handshake`),
    );
    return;
  }
  const early = exchange.early ? admitEarly(context, exchange) : null;
  if (early !== null) {
    refuse(exchange, early);
    return;
  }
  if (isHealthCheck(exchange)) {
    new GrpcHealth(exchange, context).start();
    return;
  }
  view.set(exchange.request, exchange.host?.host ?? "", exchange.clientIp);
  const index = exchange.listener.router.match(view);
  const route = index === -1 ? undefined : exchange.listener.routes[index];
  if (route === undefined) {
    refuse(exchange, new Fault("no_route"));
    return;
  }
  exchange.route = route;
  const refusal = exchange.request.upgrade === "" ? null : decideUpgrade(exchange, route.plan);
  if (refusal !== null) {
    refuse(exchange, refusal);
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
