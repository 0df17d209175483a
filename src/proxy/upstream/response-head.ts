/**
 * What every upstream adapter does with a response head that it has decoded into `exchange.response`,
 * whatever version of HTTP the backend speaks.
 */
import { httpDate } from "../../wire/http/date.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import { normaliseResponse } from "../exchange/normalise.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { WorkerContext } from "../worker-context.ts";

/** Hands on a head, final or informational (1xx other than 101). */
export function passHead({ clock }: WorkerContext, exchange: Exchange): void {
  const { response, downstream } = exchange;
  normaliseResponse(response);
  if (response.status < 200) {
    downstream.informational();
    return;
  }
  exchange.responseHeadMs = clock.nowMs;
  // A recipient with a clock adds the Date that is missing (RFC 9110 section 6.6.1).
  if (response.fields.find(FieldId.date) === -1) response.fields.add(FieldId.date, httpDate(clock.wallMs));
  downstream.responseHead();
}

/** The backend has agreed to the protocol that the request asks for. */
export function passTunnel({ clock }: WorkerContext, exchange: Exchange): void {
  const { request, response, downstream } = exchange;
  normaliseResponse(response);
  response.status = 101;
  response.upgrade = request.upgrade;
  response.hasBody = false;
  exchange.responseHeadMs = clock.nowMs;
  downstream.tunnelOpened();
}
