/**
 * Requests in early data (RFC 8470): whoever has recorded a client's first flight can send it again, so only
 * methods that change nothing are taken, and the backend is told. Others are answered 425, whereupon the
 * client asks again once its handshake is complete. Feature row A10.8.
 */
import { Fault } from "../../base/fault.ts";
import { GLOBAL_SLOTS } from "../global-slots.ts";
import type { RoutingContext } from "./choose-route.ts";
import type { Exchange } from "./exchange.ts";

/** Safe methods (RFC 9110 section 9.2.1) that come without content. */
const TAKEN: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

const NAME = "Early-Data";
const LOWER_NAME = Buffer.from(NAME.toLowerCase(), "latin1");

/** Called for a request in early data. A fault: it is to be refused. */
export function admitEarly({ counters }: RoutingContext, { request }: Exchange): Fault | null {
  (counters[GLOBAL_SLOTS.h3_early_data_requests_total] as number) += 1;
  // A tunnel is not safe, whatever its method is called.
  if (!TAKEN.has(request.method) || request.bodyLength !== 0 || request.upgrade !== "") {
    (counters[GLOBAL_SLOTS.h3_early_data_refused_total] as number) += 1;
    return new Fault("too_early", `${request.method} in early data`);
  }
  // Any value counts as 1 (RFC 8470 section 5.1), so one that is there may stay.
  if (request.fields.findNamed(LOWER_NAME) === -1) request.fields.addNamed(NAME, "1");
  return null;
}
