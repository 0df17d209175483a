/** What is to be known of a certificate revocation list before it is used (RFC 5280 section 5.1). */
import { childrenOf, DER, readElement, timeOf } from "./der.ts";
import { derOf } from "./pem.ts";

export interface RevocationList {
  /** From then on the list counts as expired, and every certificate of its authority as not good. `null`: never. */
  readonly nextUpdateMs: number | null;
}

/** `null` when the block holds no revocation list. */
export function readRevocationList(block: string): RevocationList | null {
  const der = derOf(block);
  if (der === null) return null;
  const list = childrenOf(childrenOf(readElement(der), DER.sequence)?.[0], DER.sequence);
  if (list === null) return null;
  // version is left out for version 1; then come signature, issuer, thisUpdate, nextUpdate.
  const skipped = list[0]?.tag === DER.integer ? 1 : 0;
  if (timeOf(list[skipped + 2]) === null) return null;
  return { nextUpdateMs: timeOf(list[skipped + 3]) };
}
