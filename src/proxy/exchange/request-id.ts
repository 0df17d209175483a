/**
 * The id of a request, in X-Request-ID: the client's when it is sound, else 32 random hexadecimal
 * digits. It goes to the backend and into the access log, and correlates the two.
 */
import type { RandomHex } from "../../base/random-hex.ts";
import { FieldId } from "../../wire/http/field-id.ts";
import type { Fields } from "../../wire/http/fields.ts";

/** Longer ids are replaced: they only cost log space. */
const MAX_ID_LENGTH = 128;
export const ID_DIGITS = 32;

/** Letters, digits and `-._:~+/=@`: no quotes, no spaces, nothing that a log or shell would mind. */
const ID_OCTET = new Uint8Array(256);
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:~+/=@") {
  ID_OCTET[character.charCodeAt(0)] = 1;
}

/** Makes the fields hold exactly one id and returns the index of its field. */
export function applyRequestId(fields: Fields, random: RandomHex): number {
  const index = fields.find(FieldId.xRequestId);
  if (index !== -1 && isSound(fields, index) && fields.find(FieldId.xRequestId, index + 1) === -1)
    return index;
  if (index !== -1) fields.removeAll(FieldId.xRequestId);
  return fields.add(FieldId.xRequestId, random.next(ID_DIGITS));
}

function isSound(fields: Fields, index: number): boolean {
  const start = fields.valueStart(index);
  const end = fields.valueEnd(index);
  if (end === start || end - start > MAX_ID_LENGTH) return false;
  for (let i = start; i < end; i++) if (ID_OCTET[fields.bytes[i] as number] !== 1) return false;
  return true;
}
