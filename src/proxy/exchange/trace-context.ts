/**
 * W3C Trace Context (https://www.w3.org/TR/trace-context/): the trace of the client is continued
 * with a span of our own; without one, or with a malformed one, a new trace starts, not sampled.
 * Feature row A19.3.
 */
import type { RandomHex } from "../../base/random-hex.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import type { Fields } from "../../wire/http/fields.ts";

/** `00-` trace id `-` parent id `-` flags. */
const TRACEPARENT_LENGTH = 55;
export const TRACE_START = 3;
export const TRACE_END = 35;
export const PARENT_START = 36;
const PARENT_END = 52;
const FLAGS_START = 53;
const DASH = 0x2d;
export const TRACE_DIGITS = 32;
export const SPAN_DIGITS = 16;
/** Feature row A19.3: a longer tracestate is dropped, the trace itself is kept. */
const MAX_TRACESTATE_BYTES = 512;

/** Makes `traceparent` name our span as the parent and returns the index of its field. */
export function applyTraceContext(fields: Fields, random: RandomHex): number {
  const index = fields.find(FieldId.traceparent);
  if (index === -1 || !isTraceparent(fields, index) || fields.find(FieldId.traceparent, index + 1) !== -1) {
    fields.removeAll(FieldId.traceparent);
    fields.removeAll(FieldId.tracestate);
    return fields.add(FieldId.traceparent, `00-${random.next(TRACE_DIGITS)}-${random.next(SPAN_DIGITS)}-00`);
  }
  const received = fields.value(index);
  const traceId = received.slice(TRACE_START, TRACE_END);
  const flags = received.slice(FLAGS_START, TRACEPARENT_LENGTH);
  fields.remove(index);
  dropLongState(fields);
  return fields.add(FieldId.traceparent, `00-${traceId}-${random.next(SPAN_DIGITS)}-${flags}`);
}

function dropLongState(fields: Fields): void {
  let total = 0;
  for (let i = fields.find(FieldId.tracestate); i !== -1; i = fields.find(FieldId.tracestate, i + 1)) {
    total += fields.valueEnd(i) - fields.valueStart(i);
  }
  if (total > MAX_TRACESTATE_BYTES) fields.removeAll(FieldId.tracestate);
}

/** Version 00 exactly, or a later version whose first fields have the same shape (section 3.2.2.1). */
function isTraceparent(fields: Fields, index: number): boolean {
  const { bytes } = fields;
  const start = fields.valueStart(index);
  const length = fields.valueEnd(index) - start;
  if (length < TRACEPARENT_LENGTH) return false;
  if (!isHex(bytes, start, start + 2) || (bytes[start] === 0x66 && bytes[start + 1] === 0x66)) return false;
  const versionZero = bytes[start] === 0x30 && bytes[start + 1] === 0x30;
  if (length > TRACEPARENT_LENGTH && (versionZero || bytes[start + TRACEPARENT_LENGTH] !== DASH))
    return false;
  return (
    bytes[start + 2] === DASH &&
    bytes[start + TRACE_END] === DASH &&
    bytes[start + PARENT_END] === DASH &&
    isHex(bytes, start + TRACE_START, start + TRACE_END) &&
    isHex(bytes, start + PARENT_START, start + PARENT_END) &&
    isHex(bytes, start + FLAGS_START, start + TRACEPARENT_LENGTH) &&
    !isZero(bytes, start + TRACE_START, start + TRACE_END) &&
    !isZero(bytes, start + PARENT_START, start + PARENT_END)
  );
}

/** Lower-case hexadecimal digits only, as the recommendation demands. */
function isHex(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    if (!((byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66))) return false;
  }
  return true;
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0x30) return false;
  return true;
}
