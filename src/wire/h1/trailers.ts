/**
 * Which fields may not stand in a trailer section, RFC 9110 section 6.5.1: whatever a backend that
 * merges trailers into the header section would take as framing, routing, authentication, a request
 * modifier, a control of the response, or the format of the content; and the fields that the gateway
 * itself vouches for. Used by the message body of both directions.
 */
import { FIELD_NAMES, FieldId } from "../http/field-id.ts";
import { FieldUse } from "./field-section.ts";

/** Known names that are harmless when they come late. */
const ALLOWED: readonly FieldId[] = [FieldId.other, FieldId.server, FieldId.userAgent, FieldId.altSvc];

/** A `FieldUse` per field id. */
export const TRAILER_USES: Uint8Array = Uint8Array.from(FIELD_NAMES, (_, id) =>
  ALLOWED.includes(id as FieldId) ? FieldUse.keep : FieldUse.forbid,
);
