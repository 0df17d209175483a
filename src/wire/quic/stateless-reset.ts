/**
 * Stateless resets (RFC 9000 section 10.3): how a worker that has lost its connections tells the peers, who
 * know the tokens. A token comes from the connection ID by a key, so nothing need be remembered. The
 * endpoint gives the token out with the ID, and sends a reset when a packet has an ID that nobody knows.
 *
 *   0 form, 1 fixed, random 6 | random ... | token 128
 */
import { createHmac, createSecretKey, type KeyObject } from "node:crypto";
import { assert } from "../../base/assert.ts";

/** Of the secret that tokens are made with. */
export const RESET_KEY_BYTES = 32;
export const RESET_TOKEN_BYTES = 16;

/**
 * Nothing answers packets up to this length. Two endpoints that reset each other's resets send less each
 * time, and end here (RFC 9000 section 10.3.3).
 */
export const MAX_UNANSWERED_BYTES = 42;

/** As long as the shortest packet that is answered lets it be, and long enough to pass for a packet of data. */
const MIN_RESET_BYTES = 42;
/** Lengths vary, lest a reset is known by its length. */
export const MAX_RESET_BYTES = 73;

const FIRST_BITS_MASK = 0x3f;
const SHORT_HEADER = 0x40;

/** What else is made from the same secret must not look like a token. */
const PURPOSE = Buffer.from("quic stateless reset\0", "latin1");

export class StatelessResets {
  readonly #key: KeyObject;

  /** `key`: of `RESET_KEY_BYTES`, the same in all workers, and after a restart. */
  constructor(key: Uint8Array) {
    assert(key.length === RESET_KEY_BYTES, "a key of stateless resets has 32 octets");
    this.#key = createSecretKey(key);
  }

  /** The token, of `RESET_TOKEN_BYTES`, of a connection ID of ours. */
  token(connectionId: Uint8Array): Buffer {
    const digest = createHmac("sha256", this.#key).update(PURPOSE).update(connectionId).digest();
    return digest.subarray(0, RESET_TOKEN_BYTES);
  }

  /**
   * Makes a reset of the octets at `target[offset]`, of which the caller has filled `MAX_RESET_BYTES` at
   * random. It answers a packet of `packetBytes` to `connectionId` and is shorter. Returns the offset behind
   * it; `offset` when such a packet gets no answer.
   */
  write(target: Buffer, offset: number, packetBytes: number, connectionId: Uint8Array): number {
    if (packetBytes <= MAX_UNANSWERED_BYTES) return offset;
    const choices = Math.min(packetBytes - 1, MAX_RESET_BYTES) - MIN_RESET_BYTES + 1;
    // The last octet is sent only with the greatest length, where the token takes its place.
    const length = MIN_RESET_BYTES + ((target[offset + MAX_RESET_BYTES - 1] as number) % choices);
    target[offset] = SHORT_HEADER | ((target[offset] as number) & FIRST_BITS_MASK);
    target.set(this.token(connectionId), offset + length - RESET_TOKEN_BYTES);
    return offset + length;
  }
}
