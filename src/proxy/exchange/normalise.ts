/**
 * Takes out of a message what belongs to one hop (RFC 9110 section 7.6.1): the fixed hop-by-hop
 * fields and those that Connection names. Framing fields never get here: the codecs keep them.
 */
import { plainOption } from "../../wire/h1/connection-options.ts";
import { equalsLower, FieldId, fieldIdOf } from "../../wire/http/field-id.ts";
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

const CLOSE = Buffer.from("close", "latin1");
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
    if (id === FieldId.connection && !isPlainOption(fields, i)) stripNominated(fields, i);
  }
}

/** Whether it names no fields to be removed, as nearly always. */
function isPlainOption(fields: Fields, connection: number): boolean {
  return plainOption(fields.view, fields.valueStart(connection), fields.valueEnd(connection)) !== 0;
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
  if (start === end || equalsLower(bytes, start, end, CLOSE)) return;
  const id = fieldIdOf(bytes, start, end);
  if (id !== FieldId.other) {
    if (HOP_BY_HOP[id] !== 1) fields.removeAll(id);
    return;
  }
  for (let i = 0; i < fields.count; i++) if (sameName(fields, i, start, end)) fields.remove(i);
}

/** Whether field `index` has the name in `bytes[start, end)`, which holds token characters only. */
function sameName(fields: Fields, index: number, start: number, end: number): boolean {
  const { bytes } = fields;
  const nameStart = fields.nameStart(index);
  if (fields.nameEnd(index) - nameStart !== end - start) return false;
  for (let i = start; i < end; i++) {
    if (lower(bytes[i] as number) !== lower(bytes[nameStart + i - start] as number)) return false;
  }
  return true;
}

function lower(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
}
