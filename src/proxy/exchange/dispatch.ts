/**
 * From a request head to an upstream: normalise, route, pick, send. Called once per exchange by the
 * downstream adapter; afterwards the two sides talk to each other through the exchange.
 */
import { Fault } from "../../base/fault.ts";
import { equalsLower, FieldId } from "../../wire/http/field-id.ts";
import { HttpVersion, type RequestHead } from "../../wire/http/message.ts";
import type { RouteRequest } from "../router/route-input.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { Exchange } from "./exchange.ts";
import { applyForwarding } from "./forwarding.ts";
import { normaliseRequest } from "./normalise.ts";

export function dispatch(context: WorkerContext, exchange: Exchange, view: RouteRequest): void {
  if (isGrpc(exchange.request)) {
    refuse(exchange, new Fault("grpc_needs_h2"));
    return;
  }
  normaliseRequest(exchange.request);
  applyForwarding(context, exchange);
  view.set(exchange.request, exchange.host?.host ?? "", exchange.clientIp);
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

const GRPC = Buffer.from("application/grpc", "latin1");

/**
 * gRPC needs trailers and streams that HTTP/1 clients do not have: refused early, with the reason
 * (feature row A11.1). `application/grpc` and `application/grpc+...`, but not `application/grpc-web`.
 */
function isGrpc(head: RequestHead): boolean {
  if (head.version > HttpVersion.http11 || head.method !== "POST") return false;
  const { fields } = head;
  const index = fields.find(FieldId.contentType);
  if (index === -1) return false;
  const start = fields.valueStart(index);
  const end = start + GRPC.length;
  if (fields.valueEnd(index) < end || !equalsLower(fields.bytes, start, end, GRPC)) return false;
  return fields.valueEnd(index) === end || GRPC_FOLLOWERS.includes(fields.bytes[end] as number);
}

/** `+`, `;`, SP, HTAB: a subtype suffix or parameters follow. */
const GRPC_FOLLOWERS: readonly number[] = [0x2b, 0x3b, 0x20, 0x09];
