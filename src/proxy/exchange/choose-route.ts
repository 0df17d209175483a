/**
 * From a request head to its route, or to why the request gets none: what belongs to one hop is taken out,
 * the client is told apart from proxies, the host is compared with that of the handshake, the router is
 * asked, upgrades are decided. Called by dispatch for every request, and by the explanation of a request,
 * which so says what the data plane does.
 */
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import type { RandomHex } from "../../base/random-hex.ts";
import { isHealthCheck } from "../grpc/grpc-health.ts";
import { openGrpc } from "../grpc/open-grpc.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import { servesRequests } from "../listener/serves-requests.ts";
import type { RouteRequest } from "../router/route-input.ts";
import { decideUpgrade } from "../tunnel/upgrade-policy.ts";
import { admitEarly } from "./early-data.ts";
import type { Exchange } from "./exchange.ts";
import { applyForwarding } from "./forwarding.ts";
import { isMisdirected } from "./misdirected.ts";
import { normaliseRequest } from "./normalise.ts";

/** What of a worker's context it takes to choose a route. */
export interface RoutingContext {
  readonly counters: Float64Array;
  readonly clock: Clock;
  readonly random: RandomHex;
}

/**
 * Sets `exchange.route`; a fault: the request is to be refused. Neither a route nor a fault: the gateway
 * answers itself, as it is asked for its own health by gRPC.
 */
export function chooseRoute(context: RoutingContext, exchange: Exchange, view: RouteRequest): Fault | null {
  const call = openGrpc(context, exchange);
  if (call !== null) return call;
  normaliseRequest(exchange.request);
  applyForwarding(context, exchange);
  if (!servesRequests(exchange.listener.plan)) {
    // On another connection the client gets what the listener is now; its backends know no requests.
    return new Fault("misdirected_request", "the listener has become one that relays");
  }
  if (isMisdirected(exchange)) {
    (context.counters[GLOBAL_SLOTS.tls_misdirected_requests_total] as number) += 1;
    return new Fault(
      "misdirected_request",
      `the client asked for ${exchange.peer.serverName} in its handshake`,
    );
  }
  const early = exchange.early ? admitEarly(context, exchange) : null;
  if (early !== null) return early;
  if (isHealthCheck(exchange)) return null;
  view.set(exchange.request, exchange.host?.host ?? "", exchange.clientIp);
  const index = exchange.listener.router.match(view);
  const route = index === -1 ? undefined : exchange.listener.routes[index];
  if (route === undefined) return new Fault("no_route");
  exchange.route = route;
  return exchange.request.upgrade === "" ? null : decideUpgrade(exchange, route.plan);
}
