/**
 * Puts the parts of a CRYPTO stream (RFC 9000 section 19.6) in order. The parts of a ClientHello come in
 * several packets, in any order, some twice, and some clients cut it into many on purpose.
 */

/**
 * A ClientHello of today has 300 octets, with post-quantum key shares 1,800, with a ticket and encrypted
 * names a few thousand. Twice this is held for each client that has not shown all of it.
 */
export const MAX_CLIENT_HELLO_BYTES = 16_384;

const FIRST_BYTES = 2048;

/** `conflict`: octets that came before were others. */
export type CryptoAddition = "added" | "too large" | "conflict";

export class CryptoBuffer {
  #bytes = Buffer.alloc(FIRST_BYTES);
  /** 1 where an octet has come. */
  #present = new Uint8Array(FIRST_BYTES);
  #contiguous = 0;

  /** What has come, from offset 0 on. Another buffer after `add`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Octets of `bytes` that have come without a gap. */
  get contiguous(): number {
    return this.#contiguous;
  }

  /** The octets `part[start, end)` belong at `offset`. */
  add(offset: number, part: Buffer, start: number, end: number): CryptoAddition {
    const partEnd = offset + (end - start);
    if (partEnd > MAX_CLIENT_HELLO_BYTES) return "too large";
    if (partEnd > this.#bytes.length) this.#grow(partEnd);
    const bytes = this.#bytes;
    const present = this.#present;
    for (let from = start, to = offset; from < end; from++, to++) {
      const octet = part[from] as number;
      if (present[to] === 1 && bytes[to] !== octet) return "conflict";
      present[to] = 1;
      bytes[to] = octet;
    }
    while (present[this.#contiguous] === 1) this.#contiguous++;
    return "added";
  }

  #grow(needed: number): void {
    let size = this.#bytes.length;
    while (size < needed) size *= 2;
    const bytes = Buffer.alloc(size);
    bytes.set(this.#bytes);
    const present = new Uint8Array(size);
    present.set(this.#present);
    this.#bytes = bytes;
    this.#present = present;
  }
}
