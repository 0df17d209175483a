/**
 * Which fields a head or a trailer section consists of when it is written, RFC 9113 section 8.3, RFC 9114
 * section 4.3: pseudo-header fields first, none that belongs to a connection of HTTP/1, the length anew.
 *
 * Called by the writers of heads in HTTP/2 and HTTP/3, each with its encoder.
 */
import type { ByteStore } from "../../field-codec/byte-store.ts";
import { PseudoId } from "../../field-codec/name-id.ts";
import { FIELD_NAMES, FieldId } from "../../http/field-id.ts";
import type { Fields } from "../../http/fields.ts";
import { type RequestHead, type ResponseHead, UNKNOWN_LENGTH } from "../../http/message.ts";

/** What `HpackEncoder` and `QpackEncoder` have in common. */
export interface FieldEncoder {
  addStatus(status: number): void;
  addText(id: number, value: string): void;
  addNumber(id: number, value: number): void;
  addSpan(id: number, store: ByteStore, start: number, end: number): void;
  addField(fields: Fields, index: number): void;
}

/** Fields of ours besides those of a head: five pseudo-header fields, Content-Length, TE. */
export const OWN_FIELDS = 7;

/** What those of a fixed length take at most: CONNECT, https, a length, trailers. */
const OWN_BYTES = 64;

/**
 * Fields that are never written: those that belong to a connection of HTTP/1 (RFC 9113 section 8.2.2,
 * RFC 9114 section 4.2), and those that are made anew. Indexed by field id.
 */
const LEFT_OUT: Uint8Array = new Uint8Array(FIELD_NAMES.length);
for (const id of [
  FieldId.connection,
  FieldId.keepAlive,
  FieldId.proxyConnection,
  FieldId.transferEncoding,
  FieldId.upgrade,
  FieldId.http2Settings,
  FieldId.host,
  FieldId.contentLength,
  FieldId.te,
]) {
  LEFT_OUT[id] = 1;
}

/** Octets of the values of our own fields at most. */
export function ownRequestBytes(head: RequestHead): number {
  return OWN_BYTES + head.method.length + head.authority.length + head.upgrade.length;
}

export const OWN_RESPONSE_BYTES: number = OWN_BYTES;

/** Of a head with `upgrade`, an extended CONNECT is made (RFC 8441, RFC 9220). */
export function addRequest(encoder: FieldEncoder, head: RequestHead, scheme: string): void {
  const { fields } = head;
  const extended = head.upgrade !== "";
  encoder.addText(PseudoId.method, extended ? "CONNECT" : head.method);
  encoder.addText(PseudoId.scheme, scheme);
  if (head.authority !== "") encoder.addText(PseudoId.authority, head.authority);
  encoder.addSpan(PseudoId.path, fields, head.targetStart, head.targetEnd);
  if (extended) encoder.addText(PseudoId.protocol, head.upgrade);
  addFields(encoder, fields);
  if (head.acceptsTrailers) encoder.addText(FieldId.te, "trailers");
  const announced = head.bodyLength > 0 || (head.bodyLength === 0 && expectsContent(head.method));
  if (announced && !extended) encoder.addNumber(FieldId.contentLength, head.bodyLength);
}

/** `isTunnel`: a 2xx carries no length then (RFC 9110 section 9.3.6). */
export function addResponse(encoder: FieldEncoder, head: ResponseHead, isTunnel: boolean): void {
  const { fields, status } = head;
  encoder.addStatus(status);
  addFields(encoder, fields);
  const lengthless = status < 200 || status === 204 || (isTunnel && status < 300);
  if (!lengthless && namesLength(head)) encoder.addNumber(FieldId.contentLength, head.bodyLength);
}

/** All of a trailer section; of a head, what is not made anew. */
export function addFields(encoder: FieldEncoder, fields: Fields): void {
  for (let i = 0; i < fields.count; i++)
    if (!fields.removed(i) && LEFT_OUT[fields.id(i)] !== 1) encoder.addField(fields, i);
}

export function hasFields(fields: Fields): boolean {
  for (let i = 0; i < fields.count; i++) if (!fields.removed(i)) return true;
  return false;
}

/** Methods for which an empty body is said, RFC 9110 section 8.6. */
function expectsContent(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}

function namesLength(head: ResponseHead): boolean {
  return head.bodyLength !== UNKNOWN_LENGTH && (head.hasBody || head.declaredLength);
}
