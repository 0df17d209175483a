/**
 * The token in a Retry packet, which a client sends back to prove that it receives at its address (RFC 9000
 * sections 8.1.2 and 8.1.4). The endpoint mints it and opens it; any worker that has the key can.
 *
 *   format 8 | issued at, ms since 1970, 48 | address 128 | port 16 | length 8, original DCID | HMAC-SHA256 256
 *
 * The HMAC covers all before it and the connection ID that the Retry carried, so that a token is good for
 * one connection attempt of one address. Feature row A10.3.
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { MAX_CONNECTION_ID_BYTES } from "./packet-header.ts";

/** Of the secret that tokens are made with. */
export const RETRY_KEY_BYTES = 32;

/** The key of now, the one before, and one to come: every key is tried on a token that nobody minted. */
export const MAX_RETRY_KEYS = 3;

/** A client answers a Retry within a round trip. Feature row A10.3. */
export const DEFAULT_RETRY_TOKEN_AGE_MS = 10_000;

/** How far ahead of ours the clock may be that minted a token: workers read the same one at different moments, and it may be set. */
export const MAX_CLOCK_AHEAD_MS = 1000;

const FORMAT = 1;
const ISSUED_OFFSET = 1;
const ISSUED_BYTES = 6;
const ADDRESS_OFFSET: number = ISSUED_OFFSET + ISSUED_BYTES;
const PORT_OFFSET: number = ADDRESS_OFFSET + 16;
const DCID_LENGTH_OFFSET: number = PORT_OFFSET + 2;
const DCID_OFFSET: number = DCID_LENGTH_OFFSET + 1;
const MAC_BYTES = 32;

export const MAX_RETRY_TOKEN_BYTES: number = DCID_OFFSET + MAX_CONNECTION_ID_BYTES + MAC_BYTES;

/** What else is made from the same secret must not look like a token. */
const PURPOSE = Buffer.from("quic retry token\0", "latin1");

/** An address as `fastpath/udp.ts` has it: four words in network order, and a port. */
export interface PeerAddress {
  readonly words: Uint32Array;
  readonly port: number;
}

/**
 * `malformed`: not of this format, so it may be something else than a Retry token. The others are:
 * `forged`: by none of the keys, or for another connection ID; `wrong-address`; `expired`; `future`: issued
 * later than now.
 */
export type RetryTokenFault = "malformed" | "forged" | "wrong-address" | "expired" | "future";

export type RetryTokenResult =
  | { readonly kind: "valid"; readonly originalDcid: Buffer }
  | { readonly kind: "invalid"; readonly reason: RetryTokenFault };

export class RetryTokens {
  readonly #keys: readonly KeyObject[];
  readonly #maxAgeMs: number;

  /**
   * `keys`: of `RETRY_KEY_BYTES` each, newest first. The first mints; all open, so a new key can be given
   * while tokens of the old one are under way.
   */
  constructor(keys: readonly Uint8Array[], maxAgeMs: number = DEFAULT_RETRY_TOKEN_AGE_MS) {
    assert(keys.length > 0 && keys.length <= MAX_RETRY_KEYS, "1 to 3 keys open Retry tokens");
    assert(
      keys.every(({ length }) => length === RETRY_KEY_BYTES),
      "a key of Retry tokens has 32 octets",
    );
    this.#keys = keys.map((key) => createSecretKey(key));
    this.#maxAgeMs = maxAgeMs;
  }

  /**
   * A token for the client at `address` that chose `originalDcid` (up to 20 octets) and is told to use
   * `retryScid`. `nowMs`: milliseconds since 1970.
   */
  mint(nowMs: number, address: PeerAddress, originalDcid: Uint8Array, retryScid: Uint8Array): Buffer {
    const macAt = DCID_OFFSET + originalDcid.length;
    const token = Buffer.allocUnsafe(macAt + MAC_BYTES);
    token[0] = FORMAT;
    token.writeUIntBE(Math.floor(nowMs), ISSUED_OFFSET, ISSUED_BYTES);
    for (let i = 0; i < 4; i++) token.writeUInt32BE(address.words[i] as number, ADDRESS_OFFSET + 4 * i);
    token.writeUInt16BE(address.port, PORT_OFFSET);
    token[DCID_LENGTH_OFFSET] = originalDcid.length;
    token.set(originalDcid, DCID_OFFSET);
    token.set(mac(this.#keys[0] as KeyObject, token.subarray(0, macAt), retryScid), macAt);
    return token;
  }

  /**
   * Opens what a client at `address` sent in an Initial packet to `dcid`. Of a good token, the connection
   * ID that the client chose first. What is compared with a secret is compared in constant time.
   */
  open(nowMs: number, address: PeerAddress, token: Buffer, dcid: Uint8Array): RetryTokenResult {
    const macAt = token.length - MAC_BYTES;
    if (!isWellFormed(token, macAt)) return invalid("malformed");
    if (!this.#isOurs(token, macAt, dcid)) return invalid("forged");
    if (!isFrom(token, address)) return invalid("wrong-address");
    const ageMs = nowMs - token.readUIntBE(ISSUED_OFFSET, ISSUED_BYTES);
    if (ageMs > this.#maxAgeMs) return invalid("expired");
    if (ageMs < -MAX_CLOCK_AHEAD_MS) return invalid("future");
    return { kind: "valid", originalDcid: Buffer.from(token.subarray(DCID_OFFSET, macAt)) };
  }

  #isOurs(token: Buffer, macAt: number, retryScid: Uint8Array): boolean {
    const signed = token.subarray(0, macAt);
    const given = token.subarray(macAt);
    return this.#keys.some((key) => timingSafeEqual(mac(key, signed, retryScid), given));
  }
}

function isWellFormed(token: Buffer, macAt: number): boolean {
  if (macAt < DCID_OFFSET || token.length > MAX_RETRY_TOKEN_BYTES) return false;
  return token[0] === FORMAT && token[DCID_LENGTH_OFFSET] === macAt - DCID_OFFSET;
}

function isFrom(token: Buffer, address: PeerAddress): boolean {
  for (let i = 0; i < 4; i++)
    if (token.readUInt32BE(ADDRESS_OFFSET + 4 * i) !== address.words[i]) return false;
  return token.readUInt16BE(PORT_OFFSET) === address.port;
}

/** The token tells its length by itself, so where the connection ID begins is not in doubt. */
function mac(key: KeyObject, signed: Uint8Array, retryScid: Uint8Array): Buffer {
  return createHmac("sha256", key).update(PURPOSE).update(signed).update(retryScid).digest();
}

function invalid(reason: RetryTokenFault): RetryTokenResult {
  return { kind: "invalid", reason };
}
