/**
 * The deadline of a gRPC call: what the client asks for, at most what the listener allows. It takes the
 * place of the listener's total and head timeouts, which are made for requests that are answered at
 * once. Feature row A11.2.
 */
import type { Fields } from "../../wire/http/fields.ts";
import { formatGrpcTimeout, MALFORMED_TIMEOUT, parseGrpcTimeout } from "../../wire/grpc/grpc-timeout.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { GrpcPlan } from "../plan.ts";
import { grpcKindOf } from "./grpc-kind.ts";

const TIMEOUT_NAME = "grpc-timeout";
const TIMEOUT = Buffer.from(TIMEOUT_NAME, "latin1");

/** The call names no deadline. */
export const NO_DEADLINE = -2;

/** Milliseconds that the client gives the call; `NO_DEADLINE`, or `MALFORMED_TIMEOUT`. */
export function askedTimeoutMs(fields: Fields): number {
  const index = fields.findNamed(TIMEOUT);
  if (index === -1) return NO_DEADLINE;
  if (fields.findNamed(TIMEOUT, index + 1) !== -1) return MALFORMED_TIMEOUT;
  return parseGrpcTimeout(fields.bytes, fields.valueStart(index), fields.valueEnd(index));
}

/** Shortens a timeout that is over the listener's limit; returns whether it was. */
export function clampTimeout(fields: Fields, askedMs: number, plan: GrpcPlan): boolean {
  if (askedMs <= plan.maxDeadlineMs) return false;
  fields.remove(fields.findNamed(TIMEOUT));
  fields.addNamed(TIMEOUT_NAME, formatGrpcTimeout(plan.maxDeadlineMs));
  return true;
}

/** The exchange is no gRPC call, or none that has a handling of its own. */
export const NO_CALL = 0;

/**
 * Milliseconds that a call has in all; negative, when the client named no deadline, what it has until its
 * response begins. `NO_CALL` for other requests.
 */
export function callTimeoutMs({ request, listener }: Exchange): number {
  const { grpc } = listener.plan;
  if (!grpc.enabled) return NO_CALL;
  const kind = grpcKindOf(request);
  if (kind === "none" || (kind !== "grpc" && !grpc.web)) return NO_CALL;
  const askedMs = askedTimeoutMs(request.fields);
  if (askedMs < 0) return -grpc.maxDeadlineMs;
  return Math.max(1, Math.min(askedMs, grpc.maxDeadlineMs));
}
