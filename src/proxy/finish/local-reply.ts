/**
 * The answers that the gateway gives itself, all from a fault: a short body in plain text, or in
 * JSON for clients that ask for it. They never name a backend. Statuses: feature row A8.12.
 */
import type { Fault } from "../../base/fault.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import type { RequestHead, ResponseHead } from "../../wire/http/message.ts";
import { httpDate } from "../../wire/http/date.ts";

/** Seconds that a client should wait after 503 (RFC 9110 section 10.2.3). */
const RETRY_AFTER_S = "1";

/** Fills the head for the fault and returns the body. */
export function localReply(fault: Fault, request: RequestHead, head: ResponseHead, wallMs: number): Buffer {
  const { text } = fault.row;
  const json = request.fields.findNamed(ACCEPT) !== -1 && acceptsJson(request);
  const body = Buffer.from(json ? JSON.stringify({ error: text }) : `${text}\n`);
  head.clear();
  head.status = fault.status;
  head.bodyLength = body.length;
  head.hasBody = request.method !== "HEAD";
  head.declaredLength = !head.hasBody;
  head.fields.add(FieldId.date, httpDate(wallMs));
  head.fields.add(FieldId.contentType, json ? "application/json" : "text/plain; charset=utf-8");
  if (fault.status === 503) head.fields.addNamed("Retry-After", RETRY_AFTER_S);
  return body;
}

const ACCEPT = Buffer.from("accept");

function acceptsJson(request: RequestHead): boolean {
  return request.fields.value(request.fields.findNamed(ACCEPT)).toLowerCase().includes("application/json");
}
