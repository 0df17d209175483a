/**
 * The answers that the gateway gives itself, all from a fault: a short body in plain text, or in
 * JSON for clients that ask for it. They never name a backend. Statuses: feature row A8.12.
 */
import type { Fault } from "../../base/fault.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import { HttpVersion, type RequestHead, type ResponseHead } from "../../wire/http/message.ts";
import { httpDate } from "../../wire/http/date.ts";
import { WEBSOCKET, WEBSOCKET_VERSION } from "../../wire/ws/handshake.ts";

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
  if (fault.code === "websocket_version") addVersions(request, head);
  return body;
}

/** What a client could have spoken instead: RFC 6455 section 4.4, RFC 9110 section 15.5.22. */
function addVersions({ version }: RequestHead, { fields }: ResponseHead): void {
  fields.addNamed("Sec-WebSocket-Version", WEBSOCKET_VERSION);
  if (version > HttpVersion.http11) return;
  fields.add(FieldId.upgrade, WEBSOCKET);
  fields.add(FieldId.connection, "Upgrade");
}

const ACCEPT = Buffer.from("accept");

function acceptsJson(request: RequestHead): boolean {
  return request.fields.value(request.fields.findNamed(ACCEPT)).toLowerCase().includes("application/json");
}
