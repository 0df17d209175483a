/** The caps on bodies (feature row A8.2), as announced and as counted. Each returns the fault, or null. */
import { Fault } from "../../base/fault.ts";
import type { Exchange } from "./exchange.ts";

/** Checks what the request announced and what of it has come. */
export function requestTooLarge(exchange: Exchange): Fault | null {
  const cap = exchange.listener.plan.http.maxRequestBodyBytes;
  if (cap === 0) return null;
  if (exchange.request.bodyLength > cap) return tooLarge("body_too_large", exchange.request.bodyLength, cap);
  return exchange.requestBytes > cap ? tooLarge("body_too_large", exchange.requestBytes, cap) : null;
}

/** The same for the response. */
export function responseTooLarge(exchange: Exchange): Fault | null {
  const cap = exchange.listener.plan.http.maxResponseBodyBytes;
  const { response } = exchange;
  if (cap === 0 || !response.hasBody) return null;
  if (response.bodyLength > cap) return tooLarge("response_too_large", response.bodyLength, cap);
  return exchange.responseBytes > cap ? tooLarge("response_too_large", exchange.responseBytes, cap) : null;
}

function tooLarge(code: "body_too_large" | "response_too_large", bytes: number, cap: number): Fault {
  return new Fault(code, `${bytes} of at most ${cap} bytes`);
}
