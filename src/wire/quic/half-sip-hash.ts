/**
 * HalfSipHash-2-4 of 32 bits (Aumasson and Bernstein, the SipHash for 32-bit words): a keyed hash for
 * tables whose keys a peer chooses. Without the key, nobody can make keys that collide on purpose.
 * Allocates nothing.
 */
import { assert } from "../../base/assert.ts";

export const HASH_KEY_BYTES = 8;

const INITIAL_V2 = 0x6c796765;
const INITIAL_V3 = 0x74656462;
const FINALISATION = 0xff;
/** Rounds of each word; the end has twice as many, and is two words of zero. */
const ROUNDS = 2;

export class HalfSipHash {
  readonly #key0: number;
  readonly #key1: number;

  /** `key`: of `HASH_KEY_BYTES`, random. */
  constructor(key: Uint8Array) {
    assert(key.length === HASH_KEY_BYTES, "a key of HalfSipHash has 8 octets");
    const view = new DataView(key.buffer, key.byteOffset, HASH_KEY_BYTES);
    this.#key0 = view.getInt32(0, true);
    this.#key1 = view.getInt32(4, true);
  }

  /**
   * The hash, of 32 bits with a sign, of `length` octets, at most 255. They stand in `words`, first octet
   * lowest, filled with zeroes through `words[length >> 2]`.
   */
  hash(words: Int32Array, length: number): number {
    const last = length >> 2;
    let v0 = this.#key0;
    let v1 = this.#key1;
    let v2 = INITIAL_V2 ^ v0;
    let v3 = INITIAL_V3 ^ v1;
    for (let step = 0; step <= last + 2; step++) {
      let word = 0;
      if (step <= last) word = words[step] as number;
      if (step === last) word |= length << 24;
      if (step === last + 1) v2 ^= FINALISATION;
      v3 ^= word;
      for (let round = 0; round < ROUNDS; round++) {
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v0 = (v0 << 16) | (v0 >>> 16);
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
      }
      v0 ^= word;
    }
    return v1 ^ v3;
  }
}
