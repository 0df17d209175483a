/** What a reader of heads does with a field, by its id; and which fields HTTP/2 and HTTP/3 do not have at all. */
import { FIELD_NAMES, FieldId } from "../../http/field-id.ts";
import type { Fields } from "../../http/fields.ts";
import type { FieldView } from "../../field-codec/field-view.ts";

export const FieldUse = {
  /** Into the list. */
  keep: 0,
  /** The reader looks at it. */
  look: 1,
  /** Belongs to a connection of HTTP/1: the message is malformed (RFC 9113 section 8.2.2, RFC 9114 section 4.2). */
  forbid: 2,
} as const;
export type FieldUse = (typeof FieldUse)[keyof typeof FieldUse];

/** A table of uses: those of HTTP/1's connections are forbidden, these are looked at. */
export function fieldUses(looked: readonly FieldId[]): Uint8Array {
  const uses = new Uint8Array(FIELD_NAMES.length);
  for (const id of looked) uses[id] = FieldUse.look;
  for (const id of [
    FieldId.connection,
    FieldId.keepAlive,
    FieldId.proxyConnection,
    FieldId.transferEncoding,
    FieldId.upgrade,
    FieldId.http2Settings,
  ]) {
    uses[id] = FieldUse.forbid;
  }
  return uses;
}

/** Appends the field that is shown to a list. */
export function addShown(fields: Fields, field: FieldView): void {
  const index = fields.addLine(field);
  if (field.neverIndexed) fields.markNeverIndexed(index);
}
