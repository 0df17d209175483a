/**
 * What a backend says of the priority of its response. Its Priority field is merged with what the client
 * has asked for: what the backend names counts, the rest stays (RFC 9218 section 8). The field passes on
 * to the client all the same, for whoever else is on the way.
 */
import { equalsLower, FieldId } from "../http/field-id.ts";
import type { Fields } from "../http/fields.ts";
import { PriorityField } from "./priority-field.ts";

const PRIORITY: Uint8Array = Buffer.from("priority", "latin1");

/**
 * Called with the final head of a response that has a body, and with what the client has asked for. `null`:
 * the backend says nothing.
 */
export function mergedPriority(fields: Fields, urgency: number, incremental: boolean): PriorityField | null {
  let merged: PriorityField | null = null;
  for (let i = 0; i < fields.count; i++) {
    if (!isPriority(fields, i)) continue;
    if (merged === null) {
      merged = new PriorityField();
      merged.urgency = urgency;
      merged.incremental = incremental;
    }
    merged.merge(fields.bytes, fields.valueStart(i), fields.valueEnd(i));
  }
  return merged;
}

function isPriority(fields: Fields, index: number): boolean {
  if (fields.id(index) !== FieldId.other || fields.removed(index)) return false;
  return equalsLower(fields.bytes, fields.nameStart(index), fields.nameEnd(index), PRIORITY);
}
