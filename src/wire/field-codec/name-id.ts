/**
 * Ids of field names on HTTP/2 and HTTP/3, where pseudo-header fields stand among the others: those of
 * `FieldId`, and behind them these (RFC 9113 section 8.3, RFC 8441 section 4).
 */
import { equalsLower, FieldId, fieldIdOf } from "../http/field-id.ts";
import { COLON } from "../http/octets.ts";

export const PseudoId = {
  authority: 64,
  method: 65,
  path: 66,
  scheme: 67,
  status: 68,
  protocol: 69,
} as const;
export type PseudoId = (typeof PseudoId)[keyof typeof PseudoId];

/** Ids below belong to `FieldId`. */
export const FIRST_PSEUDO_ID: number = PseudoId.authority;

export const PSEUDO_NAMES: readonly (readonly [id: number, name: string])[] = [
  [PseudoId.authority, ":authority"],
  [PseudoId.method, ":method"],
  [PseudoId.path, ":path"],
  [PseudoId.scheme, ":scheme"],
  [PseudoId.status, ":status"],
  [PseudoId.protocol, ":protocol"],
];

const PSEUDO_BYTES: readonly (readonly [id: number, name: Uint8Array])[] = PSEUDO_NAMES.map(([id, name]) => [
  id,
  Buffer.from(name, "latin1"),
]);

/**
 * The id of the lower-case name in `bytes[start, end)`; `FieldId.other` when it has none. The bytes hold
 * no control characters.
 */
export function nameIdOf(bytes: Uint8Array, start: number, end: number): number {
  return bytes[start] === COLON && start < end ? pseudoIdOf(bytes, start, end) : fieldIdOf(bytes, start, end);
}

function pseudoIdOf(bytes: Uint8Array, start: number, end: number): number {
  for (let i = 0; i < PSEUDO_BYTES.length; i++) {
    const [id, name] = PSEUDO_BYTES[i] as (typeof PSEUDO_BYTES)[number];
    if (equalsLower(bytes, start, end, name)) return id;
  }
  return FieldId.other;
}
