/** The last thing that happens to an exchange: it is counted and logged. Called once, by the downstream adapter. */
import type { FaultCode } from "../../base/fault.ts";
import { WEBSOCKET } from "../../wire/ws/handshake.ts";
import { Phase, type Exchange } from "../exchange/exchange.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { WorkerContext } from "../worker-context.ts";
import { recordExchange } from "./record.ts";

export function finishExchange(context: WorkerContext, exchange: Exchange): void {
  const { accessLog, clock, counters } = context;
  const status = statusOf(exchange);
  exchange.phase = Phase.done;
  exchange.endMs = clock.nowMs;
  recordExchange(counters, exchange, status);
  if (exchange.fault !== null) countSlowness(counters, exchange.fault.code);
  if (exchange.request.upgrade === WEBSOCKET) countRefusal(counters, exchange);
  if (!accessLog.enabled) return;
  const chance = accessLog.sampling ? context.chance() : 0;
  if (accessLog.samples(status, chance)) accessLog.append(exchange, status);
}

function countSlowness(counters: Float64Array, code: FaultCode): void {
  if (code === "header_timeout") (counters[GLOBAL_SLOTS.security_slowloris_reaped_total] as number) += 1;
  if (code === "request_body_timeout") (counters[GLOBAL_SLOTS.body_progress_stalls_total] as number) += 1;
  if (code === "grpc_deadline_exceeded") (counters[GLOBAL_SLOTS.grpc_deadline_exceeded_total] as number) += 1;
}

/** A backend was asked, and there is no tunnel. */
function countRefusal(counters: Float64Array, { backend, tunnel }: Exchange): void {
  if (backend !== null && tunnel === null) (counters[GLOBAL_SLOTS.websocket_refused_total] as number) += 1;
}

/** What the client was sent; or, when no head went out, what the fault stands for. */
function statusOf(exchange: Exchange): number {
  if (exchange.responseStarted || exchange.fault === null) return exchange.response.status;
  return exchange.fault.status;
}
