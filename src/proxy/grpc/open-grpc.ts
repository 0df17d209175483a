/**
 * What a gRPC call needs before it is routed like every other request: its place between both sides, and
 * a look at its deadline. Called for each request that could be one. Feature rows A11.1 to A11.4, B20.
 */
import { Fault } from "../../base/fault.ts";
import { MALFORMED_TIMEOUT } from "../../wire/grpc/grpc-timeout.ts";
import { HttpVersion } from "../../wire/http/message.ts";
import type { RoutingContext } from "../exchange/choose-route.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";

import { GrpcCall } from "./grpc-call.ts";
import { askedTimeoutMs, clampTimeout } from "./grpc-deadline.ts";
import { grpcKindOf } from "./grpc-kind.ts";
import { GrpcWebBridge } from "./grpc-web-bridge.ts";

/** Returns why the call cannot be served, if it cannot. Does nothing to a request that is no call. */
export function openGrpc({ counters, clock }: RoutingContext, exchange: Exchange): Fault | null {
  const { request, listener } = exchange;
  const { grpc } = listener.plan;
  const kind = grpcKindOf(request);
  if (kind === "none") return null;
  // gRPC needs trailers and streams that HTTP/1 clients do not have: refused early, with the reason.
  if (kind === "grpc" && request.version <= HttpVersion.http11) return new Fault("grpc_needs_h2");
  if (!grpc.enabled || (kind !== "grpc" && !grpc.web)) return null;
  (counters[GLOBAL_SLOTS.grpc_requests_total] as number) += 1;
  if (kind !== "grpc") {
    (counters[GLOBAL_SLOTS.grpc_web_requests_total] as number) += 1;
    exchange.downstream = new GrpcWebBridge(exchange, kind);
  }
  exchange.downstream = new GrpcCall(exchange, clock);
  const askedMs = askedTimeoutMs(request.fields);
  if (askedMs === MALFORMED_TIMEOUT) return new Fault("grpc_bad_timeout");
  if (clampTimeout(request.fields, askedMs, grpc))
    (counters[GLOBAL_SLOTS.grpc_deadline_clamped_total] as number) += 1;
  return null;
}
