/**
 * Versions of QUIC: 1 (RFC 9000) and 2 (RFC 9369), which differ in numbers alone, and the ones that are
 * reserved to keep peers used to unknown versions (RFC 9000 section 15).
 */
export const QUIC_V1 = 0x0000_0001;
export const QUIC_V2 = 0x6b33_43cf;

/** The version field of a Version Negotiation packet (RFC 8999 section 6). */
export const VERSION_NEGOTIATION = 0;

const RESERVED_MASK = 0x0f0f_0f0f;
const RESERVED = 0x0a0a_0a0a;

/** Whether packets of this version can be read beyond what all versions have in common. */
export function isKnownVersion(version: number): boolean {
  return version === QUIC_V1 || version === QUIC_V2;
}

/** A version of the form 0x?a?a?a?a, which none will ever have, made of 32 random bits. Never `avoid`, which a client would take for its own. */
export function reservedVersion(random: number, avoid: number): number {
  const version = ((random & ~RESERVED_MASK) | RESERVED) >>> 0;
  return version === avoid ? (version ^ 0x10) >>> 0 : version;
}
