/** The counters of a finished exchange: feature rows A18.3 and A18.4. Called once per exchange; adds numbers only. */
import { faultIndex } from "../../base/fault.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { DURATION_BUCKETS_S, STATUS_CLASSES, HISTOGRAM_SLOTS } from "../plan.ts";

const BUCKETS_MS = Float64Array.from(DURATION_BUCKETS_S, (seconds) => seconds * 1000);
const SUM_OFFSET = DURATION_BUCKETS_S.length + 1;

/** `status`: what the client was sent; 0 when nothing was. */
export function recordExchange(counters: Float64Array, exchange: Exchange, status: number): void {
  const slots = exchange.route === null ? exchange.listener.plan.metrics.noRoute : exchange.route.slots;
  const { version } = exchange.request;
  (counters[slots.requests + version * STATUS_CLASSES.length + statusClass(status)] as number) += 1;
  observe(counters, slots.duration + version * HISTOGRAM_SLOTS, durationMs(exchange));
  if (exchange.fault !== null) {
    (counters[exchange.listener.plan.metrics.faults + faultIndex(exchange.fault.code)] as number) += 1;
  }
  const { backend } = exchange;
  if (backend === null) return;
  const answered = exchange.responseHeadMs !== 0;
  (counters[backend.slots.requests + (answered ? statusClass(exchange.response.status) : 0)] as number) += 1;
  if (answered) observe(counters, backend.slots.duration, exchange.responseHeadMs - exchange.pickMs);
}

/** A tunnel answers when it opens; how long it stays open is not the latency of anything. */
function durationMs({ tunnel, responseHeadMs, startMs, endMs }: Exchange): number {
  return (tunnel === null ? endMs : responseHeadMs) - startMs;
}

function observe(counters: Float64Array, base: number, durationMs: number): void {
  let bucket = 0;
  while (bucket < BUCKETS_MS.length && durationMs > (BUCKETS_MS[bucket] as number)) bucket++;
  (counters[base + bucket] as number) += 1;
  (counters[base + SUM_OFFSET] as number) += durationMs / 1000;
}

/** Position in `STATUS_CLASSES`; statuses above 599 count as 5xx (RFC 9110 section 15). */
function statusClass(status: number): number {
  return status < 100 ? 0 : Math.min((status / 100) | 0, STATUS_CLASSES.length - 1);
}
