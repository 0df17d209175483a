/**
 * What happens to an exchange whose upstream failed: another try where that is safe, else the
 * fault goes to the client. Safe is: nothing of the request was sent (the dial failed), the backend says
 * that it has not processed it (RFC 9113 section 8.7), or an idle connection turned out to be dead and
 * the method may be repeated (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1). A body that has been taken
 * from the client goes along as far as it was kept; once some of it is lost, nothing is sent again.
 */
import { type Fault, faultIndex } from "../../base/fault.ts";
import { isIdempotent } from "../../wire/http/idempotent.ts";
import type { Exchange } from "../exchange/exchange.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { WorkerContext } from "../worker-context.ts";
import type { AcquireOptions, Backend } from "./backend.ts";
import type { KeptBody } from "./kept-body.ts";

/** Backends tried for one request; more only adds to the client's wait while all are down. */
const MAX_ATTEMPTS = 3;

/**
 * Connections tried for one request whose backend closes them before it gets to it. Some servers allow so few
 * requests on a session that a busy gateway always has more than that under way; and where the pool is full
 * or busy, a request that met a dead connection is served by one that comes free, which may be dead as well.
 */
const MAX_GIVEN_UP = 8;

/** Picks drawn to find a backend other than the one that just failed. */
const MAX_DRAWS = 8;

/** Ends the exchange with the fault, or starts it again on another backend. `body`: what was taken of it. */
export function upstreamFailed(
  context: WorkerContext,
  exchange: Exchange,
  fault: Fault,
  body: KeptBody | null = null,
): void {
  const failed = exchange.backend;
  reportBackendFault(context, exchange, fault);
  if (failed !== null && fault.row.retry === "if-unsent" && body?.lost !== true && mayTryAgain(exchange)) {
    const other = pickOther(exchange, failed);
    if (other !== null) {
      again(context, exchange, other, { body });
      return;
    }
  }
  giveUp(exchange, fault);
}

/** Why a backend has not processed a request: it refused the stream, or closes the session (GOAWAY). */
export type Unprocessed = "refused" | "given-up";

/**
 * The backend has not processed the request: whatever the method, it goes to another backend, or else to
 * this one again. A session that closes was no try of its backend.
 */
export function unprocessed(
  context: WorkerContext,
  exchange: Exchange,
  why: Unprocessed,
  { fault, body }: { readonly fault: Fault; readonly body: KeptBody | null },
): void {
  const { backend } = exchange;
  const tries = exchange.attempts - exchange.staleAttempts;
  const may = why === "refused" ? tries < MAX_ATTEMPTS : exchange.attempts < MAX_GIVEN_UP;
  if (backend === null || !may || body?.lost === true) {
    reportBackendFault(context, exchange, fault);
    giveUp(exchange, fault);
    return;
  }
  logRepeat(context, exchange, fault, "the backend did not process the request; it is sent again");
  if (why === "given-up") exchange.staleAttempts += 1;
  again(context, exchange, pickOther(exchange, backend) ?? backend, { body });
}

function giveUp(exchange: Exchange, fault: Fault): void {
  exchange.fault = fault;
  exchange.downstream.failResponse(fault);
}

/** Each backend once, as far as the limit goes; a dead idle connection was no try of its backend. */
function mayTryAgain(exchange: Exchange): boolean {
  const backends = exchange.route?.service.backends.length ?? 0;
  return exchange.attempts - exchange.staleAttempts < Math.min(backends, MAX_ATTEMPTS);
}

/** A reused connection ended before it answered. Returns false when the request must not be repeated. */
export function retryStale(
  context: WorkerContext,
  exchange: Exchange,
  backend: Backend,
  fault: Fault,
): boolean {
  const { request } = exchange;
  if (request.bodyLength !== 0 || !isIdempotent(request.method) || exchange.attempts >= MAX_GIVEN_UP)
    return false;
  logRepeat(context, exchange, fault, "an idle connection was dead; the request is sent again on a new one");
  exchange.staleAttempts += 1;
  again(context, exchange, backend, { fresh: true });
  return true;
}

function logRepeat(context: WorkerContext, exchange: Exchange, fault: Fault, message: string): void {
  context.log.debug(
    {
      service: exchange.route?.service.plan.name,
      backend: exchange.backend?.plan.address,
      fault: fault.toString(),
    },
    message,
  );
}

function again(context: WorkerContext, exchange: Exchange, backend: Backend, options: AcquireOptions): void {
  const { backend: failed } = exchange;
  // The try before got no answer: status class `none`.
  if (failed !== null) (context.counters[failed.slots.requests] as number) += 1;
  (context.counters[GLOBAL_SLOTS.upstream_retries_total] as number) += 1;
  exchange.attempts += 1;
  exchange.backend = backend;
  exchange.pickMs = context.clock.nowMs;
  backend.acquire(exchange, options);
}

/** The balancer's next choice that is another one; beside a backend of great weight that can take too long, so then any. */
function pickOther(exchange: Exchange, failed: Backend): Backend | null {
  const service = exchange.route?.service;
  if (service === undefined) return null;
  for (let draw = 0; draw < MAX_DRAWS; draw++) {
    const picked = service.balancer.pick();
    if (picked !== null && picked !== failed) return picked;
  }
  return service.backends.find((backend) => backend !== failed) ?? null;
}

/** Counts and logs what a backend did; also for faults that are noticed on the client's side, such as timeouts. */
export function reportBackendFault(context: WorkerContext, exchange: Exchange, fault: Fault): void {
  const backend = exchange.backend;
  if (backend === null) return;
  (context.counters[backend.slots.faults + faultIndex(fault.code)] as number) += 1;
  context.log[fault.row.level](
    {
      service: exchange.route?.service.plan.name,
      backend: backend.plan.address,
      code: fault.code,
      detail: fault.detail,
      attempt: exchange.attempts,
      request_id: exchange.requestId,
    },
    "backend request failed",
  );
}
