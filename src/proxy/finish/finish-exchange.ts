/** The last thing that happens to an exchange: it is counted and logged. Called once, by the downstream adapter. */
import { Phase, type Exchange } from "../exchange/exchange.ts";
import type { WorkerContext } from "../worker-context.ts";
import { recordExchange } from "./record.ts";

/** `status`: what the client was sent, or would have been. */
export function finishExchange(context: WorkerContext, exchange: Exchange, status: number): void {
  const nowMs = context.clock.nowMs;
  exchange.phase = Phase.done;
  recordExchange(context.counters, exchange, status, nowMs);
  const { accessLog } = context;
  if (accessLog.enabled && accessLog.samples(status, context.chance()))
    accessLog.append(exchange, status, nowMs);
}
