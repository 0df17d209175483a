/**
 * Reads a trailer section, RFC 9113 section 8.1, RFC 9114 section 4.1, RFC 9110 section 6.5: no pseudo-header
 * fields, no fields of HTTP/1's connections. Fields that a backend which merges trailers into the head would
 * misread (framing, routing, authentication, ...) are left out, as a recipient may.
 *
 * Called by the readers of blocks: `begin`, then `onField` for each field; `malformed` tells at the end.
 */
import { FieldUse as H1FieldUse } from "../../h1/field-section.ts";
import { TRAILER_USES } from "../../h1/trailers.ts";
import type { FieldSink, FieldView } from "../../field-codec/field-view.ts";
import { FIRST_PSEUDO_ID } from "../../field-codec/name-id.ts";
import { Fields } from "../../http/fields.ts";
import { addShown, FieldUse, fieldUses } from "./field-uses.ts";

const USES: Uint8Array = fieldUses([]);

export class TrailerReader implements FieldSink {
  /** Valid until the next `begin`. */
  readonly trailers: Fields = new Fields();
  /** What makes the message malformed; empty while it is not. */
  malformed = "";

  begin(): void {
    this.trailers.clear();
    this.malformed = "";
  }

  onField(field: FieldView): void {
    if (this.malformed !== "") return;
    if (!field.wellFormed) this.malformed = "a field name or value is not well-formed";
    else if (field.id >= FIRST_PSEUDO_ID) this.malformed = "a pseudo-header field in a trailer section";
    else if (USES[field.id] === FieldUse.forbid)
      this.malformed = "a field that belongs to a connection of HTTP/1";
    else if (TRAILER_USES[field.id] !== H1FieldUse.forbid) addShown(this.trailers, field);
  }
}
