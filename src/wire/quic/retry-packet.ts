/**
 * Retry packets (RFC 9000 section 17.2.5) with their integrity tag (RFC 9001 section 5.8; RFC 9369 section
 * 3.3.3 for version 2). The endpoint answers a client's first Initial packet with one, so that the client
 * proves its address with the token.
 *
 *   1 form, 1 fixed, type 2, unused 4 | version 32 | length 8, DCID | length 8, SCID | token | tag 128
 */
import { createCipheriv, timingSafeEqual } from "node:crypto";
import { MAX_CONNECTION_ID_BYTES, type PacketHeader, RETRY_TAG_BYTES } from "./packet-header.ts";
import { QUIC_V2 } from "./quic-version.ts";

/** Octets that a Retry adds to its token at most. */
export const MAX_RETRY_OVERHEAD_BYTES: number = 7 + 2 * MAX_CONNECTION_ID_BYTES + RETRY_TAG_BYTES;

/** The four unused bits may be anything (RFC 9000 section 17.2.5); the appendices of the RFCs have ones. */
const FIRST_OCTET_V1 = 0xff;
const FIRST_OCTET_V2 = 0xcf;

const KEY_V1 = Buffer.from("be0c690b9f66575a1d766b54e368c84e", "hex");
const NONCE_V1 = Buffer.from("461599d35d632bf2239825bb", "hex");
const KEY_V2 = Buffer.from("8fb4b01b56ac48e260fbcbcead7ccc92", "hex");
const NONCE_V2 = Buffer.from("d86969bc2d7c6d9990efb04a", "hex");

/** What the server puts in: the connection ID that the client shall use from now on, and the token. */
export interface RetryFields {
  /** 1 to 20 octets, another than the client chose (RFC 9000 section 17.2.5.1). */
  readonly scid: Uint8Array;
  /** Not empty. */
  readonly token: Uint8Array;
}

/**
 * Writes the Retry that answers the Initial packet `initial`, of version 1 or 2, to `target[offset]`, which
 * has room for the token and `MAX_RETRY_OVERHEAD_BYTES`. Returns the offset behind it.
 */
export function writeRetry(
  target: Buffer,
  offset: number,
  initial: PacketHeader,
  { scid, token }: RetryFields,
): number {
  const { bytes, version } = initial;
  target[offset] = version === QUIC_V2 ? FIRST_OCTET_V2 : FIRST_OCTET_V1;
  let at = target.writeUInt32BE(version, offset + 1);
  target[at++] = initial.scidEnd - initial.scidStart;
  at += bytes.copy(target, at, initial.scidStart, initial.scidEnd);
  target[at++] = scid.length;
  target.set(scid, at);
  at += scid.length;
  target.set(token, at);
  at += token.length;
  const originalDcid = bytes.subarray(initial.dcidStart, initial.dcidEnd);
  target.set(integrityTag(version, originalDcid, target.subarray(offset, at)), at);
  return at + RETRY_TAG_BYTES;
}

/** Whether a Retry packet has the tag that belongs to the connection ID which the client chose first. */
export function checkRetry(retry: PacketHeader, originalDcid: Uint8Array): boolean {
  const { bytes, start, tokenEnd, end } = retry;
  const tag = integrityTag(retry.version, originalDcid, bytes.subarray(start, tokenEnd));
  return timingSafeEqual(tag, bytes.subarray(tokenEnd, end));
}

/** Over the Retry pseudo-packet: the original connection ID with its length, and the packet without the tag. */
function integrityTag(version: number, originalDcid: Uint8Array, retry: Uint8Array): Buffer {
  const pseudo = Buffer.allocUnsafe(1 + originalDcid.length + retry.length);
  pseudo[0] = originalDcid.length;
  pseudo.set(originalDcid, 1);
  pseudo.set(retry, 1 + originalDcid.length);
  const [key, nonce] = version === QUIC_V2 ? [KEY_V2, NONCE_V2] : [KEY_V1, NONCE_V1];
  const cipher = createCipheriv("aes-128-gcm", key, nonce);
  cipher.setAAD(pseudo);
  cipher.final();
  return cipher.getAuthTag();
}
