/**
 * How an exchange ends other than by a whole response, whatever version of HTTP its client speaks. The
 * downstream adapters call these; each brings its own `failResponse`, which tells the client.
 */
import type { Fault } from "../../base/fault.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { finishExchange } from "../finish/finish-exchange.ts";
import { reportBackendFault } from "../upstream/upstream-failed.ts";
import type { WorkerContext } from "../worker-context.ts";

/** Ends the exchange from our side: the upstream is let go, the client gets the fault. */
export function cutExchange(exchange: Exchange, fault: Fault): void {
  exchange.releaseUpstream(fault);
  exchange.downstream.failResponse(fault);
}

/** The request cannot be served as it came; what the upstream has got of it is taken back. */
export function refuseRequest(exchange: Exchange, fault: Fault): void {
  exchange.requestEnded = false;
  cutExchange(exchange, fault);
}

/** A deadline has passed: whose fault that is decides how it ends. */
export function endLate(context: WorkerContext, exchange: Exchange, fault: Fault): void {
  if (fault.row.source === "downstream") {
    refuseRequest(exchange, fault);
    return;
  }
  if (fault.row.source === "upstream") reportBackendFault(context, exchange, fault);
  cutExchange(exchange, fault);
}

/** The client is gone, or is cut: the upstream is told, the exchange is recorded, nobody gets an answer. */
export function abandonExchange(context: WorkerContext, exchange: Exchange, fault: Fault): void {
  exchange.fault ??= fault;
  exchange.releaseUpstream(fault);
  finishExchange(context, exchange);
}
