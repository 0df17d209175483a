/**
 * Takes out of a message what belongs to one hop (RFC 9110 section 7.6.1): the fixed hop-by-hop
 * fields and those that Connection names. Framing fields never get here: the codecs keep them.
 */
import { equalsLower, FieldId } from "../../wire/http/field-id.ts";
import type { Fields } from "../../wire/http/fields.ts";
import type { RequestHead, ResponseHead } from "../../wire/http/message.ts";

/** Ids of fields that never travel on; indexed by field id. Feature row A9.3. */
const HOP_BY_HOP = new Uint8Array(64);
for (const id of [
  FieldId.connection,
  FieldId.keepAlive,
  FieldId.proxyConnection,
  FieldId.proxyAuthenticate,
  FieldId.proxyAuthorization,
  FieldId.te,
  FieldId.trailer,
  FieldId.transferEncoding,
  FieldId.contentLength,
  FieldId.upgrade,
  FieldId.http2Settings,
]) {
  HOP_BY_HOP[id] = 1;
}

const COMMA = 0x2c;
const SPACE = 0x20;
const TAB = 0x09;

export function normaliseRequest(head: RequestHead): void {
  strip(head.fields);
}

export function normaliseResponse(head: ResponseHead): void {
  strip(head.fields);
}

function strip(fields: Fields): void {
  const count = fields.count;
  for (let i = 0; i < count; i++) {
    const id = fields.id(i);
    if (HOP_BY_HOP[id] !== 1) continue;
    fields.remove(i);
    if (id === FieldId.connection) stripNominated(fields, i);
  }
}

/** Removes every field that this Connection field names. */
function stripNominated(fields: Fields, connection: number): void {
  const { bytes } = fields;
  const end = fields.valueEnd(connection);
  let start = fields.valueStart(connection);
  for (let i = start; i <= end; i++) {
    if (i !== end && bytes[i] !== COMMA) continue;
    removeNamed(fields, start, i);
    start = i + 1;
  }
}

function removeNamed(fields: Fields, from: number, to: number): void {
  const { bytes } = fields;
  let start = from;
  let end = to;
  while (start < end && (bytes[start] === SPACE || bytes[start] === TAB)) start++;
  while (end > start && (bytes[end - 1] === SPACE || bytes[end - 1] === TAB)) end--;
  const length = end - start;
  if (length === 0) return;
  for (let i = 0; i < fields.count; i++) {
    if (fields.nameEnd(i) - fields.nameStart(i) === length && sameName(fields, i, start, end)) fields.remove(i);
  }
}

function sameName(fields: Fields, index: number, start: number, end: number): boolean {
  return equalsLower(fields.bytes, start, end, lowered(fields, index));
}

/** Connection names a field in few messages: a short string is good enough here. */
function lowered(fields: Fields, index: number): Uint8Array {
  return Buffer.from(fields.name(index).toLowerCase(), "latin1");
}
