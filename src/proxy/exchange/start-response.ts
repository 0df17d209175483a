/** The moment in which the final head of a response is ready to be sent, whatever version the client speaks. */
import type { Fault } from "../../base/fault.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import { responseTooLarge } from "./body-caps.ts";
import { type Exchange, Phase } from "./exchange.ts";

/** Checks and completes the head, and enters the phase of the response; a fault: it must not be sent. */
export function startResponse(exchange: Exchange): Fault | null {
  const fault = responseTooLarge(exchange);
  if (fault !== null) return fault;
  advertise(exchange);
  exchange.responseStarted = true;
  exchange.phase = Phase.response;
  return null;
}

/** What every response says, whoever it is from: where HTTP/3 is spoken (RFC 7838). Feature row A2.16. */
export function advertise({ listener, response }: Exchange): void {
  const { altSvc } = listener.plan;
  if (altSvc !== "") response.fields.set(FieldId.altSvc, altSvc);
}
